// What every page runs. Each module looks for its own attributes in the page and does nothing where there are none, so
// a page without script still works wherever a form can.
import htmx from "htmx.org";
import "./morph";
import "./clock";
import "./confirm";
import "./copy";
import "./dialog";
import "./drop";
import "./end";
import "./insert";
import "./live";
import "./messenger";
import "./once";
import "./select";
import "./order";
import "./shortcuts";
import "./toast";
import "./unsaved";
import "./workspace";
import "./zone";

// Nothing is evaluated and no style is written into the page: the policy of the pages forbids both.
htmx.config.allowEval = false;
htmx.config.includeIndicatorStyles = false;
htmx.config.selfRequestsOnly = true;
htmx.config.historyCacheSize = 0;
htmx.config.scrollIntoViewOnBoost = false;
// Wrong input answers 422 with the form and its errors: that is shown in place. Other errors come as a toast.
htmx.config.responseHandling = [
  { code: "204", swap: false },
  { code: "[23]..", swap: true },
  { code: "422", swap: true, error: false },
  { code: "...", swap: false, error: true },
];
