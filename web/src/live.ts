// What happens in the workspace arrives as server-sent events; <div data-live="ctc_…"> asks for itself anew when its contact is meant,
// <div data-live="*"> at anything. With data-live-top it waits until its top is in sight, so that nobody loses their place in a long list.
// What answers is put in by hx-trigger="refresh"; nothing else on the page is touched. While nothing can be told, because the connection is
// gone or the server sees nothing itself ("blind"), <p id="not-live"> says so.
import htmx from "htmx.org";

const WAIT_MS = 150;
const NEAR_PX = 40;
const waiting = new Map<Element, ReturnType<typeof setTimeout>>();
const late = new WeakSet<Element>();

function refresh(element: HTMLElement) {
  if (element.hasAttribute("data-live-top") && element.scrollTop > NEAR_PX) {
    late.add(element);
    return;
  }
  clearTimeout(waiting.get(element));
  waiting.set(element, setTimeout(() => element.isConnected && htmx.trigger(element, "refresh", {}), WAIT_MS));
}

function tell(contact: string | null) {
  for (const element of document.querySelectorAll<HTMLElement>("[data-live]")) {
    const wanted = element.dataset["live"];
    if (wanted === "*" || contact === null || wanted === contact) refresh(element);
  }
}

document.addEventListener(
  "scroll",
  (event) => {
    const element = event.target;
    if (element instanceof HTMLElement && late.has(element) && element.scrollTop <= NEAR_PX) {
      late.delete(element);
      refresh(element);
    }
  },
  true,
);

// Events that an answer of this page's own brings.
for (const name of ["live", "sent"]) document.addEventListener(name, () => tell(null));

const PATIENCE_MS = 5_000;
const LONGEST_WAIT_MS = 60_000;
let source: EventSource | undefined;
let missing: ReturnType<typeof setTimeout> | undefined;
let again: ReturnType<typeof setTimeout> | undefined;
let wait = PATIENCE_MS;

function show(live: boolean) {
  clearTimeout(missing);
  missing = undefined;
  const note = document.getElementById("not-live");
  if (note) note.hidden = live;
}

function open() {
  if (source || document.hidden || !document.querySelector("[data-live]")) return;
  const opened = (source = new EventSource("/live"));
  opened.addEventListener("change", (event) => {
    const said = JSON.parse((event as MessageEvent<string>).data) as { contact: string | null; kind: string };
    show(true);
    tell(said.contact);
    document.dispatchEvent(new CustomEvent("happened", { detail: said }));
  });
  // More happened than is told, or the connection was away: everything is asked for anew.
  opened.addEventListener("much", () => {
    show(true);
    tell(null);
  });
  opened.addEventListener("blind", () => show(false));
  let lost = wait > PATIENCE_MS;
  opened.addEventListener("error", () => {
    lost = true;
    missing ??= setTimeout(() => show(false), PATIENCE_MS);
    if (opened.readyState !== EventSource.CLOSED || opened !== source) return;
    // The server refused it, and a browser tries that no second time.
    source = undefined;
    clearTimeout(again);
    again = setTimeout(open, wait);
    wait = Math.min(2 * wait, LONGEST_WAIT_MS);
  });
  opened.addEventListener("open", () => {
    show(true);
    wait = PATIENCE_MS;
    if (lost) tell(null);
    lost = false;
  });
}

function close() {
  source?.close();
  source = undefined;
  clearTimeout(again);
  clearTimeout(missing);
  missing = undefined;
}

// A browser has few connections to one server for all its tabs: one that nobody looks at gives its own back.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return close();
  if (!source) tell(null);
  open();
});
window.addEventListener("pagehide", close);
window.addEventListener("pageshow", open);
open();
