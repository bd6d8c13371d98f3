// hx-swap="morph" and "morph:innerHTML": what is typed, focused and scrolled stays as it is where the new page has it too.
import htmx from "htmx.org";
import { Idiomorph } from "idiomorph/dist/idiomorph.esm.js";

htmx.defineExtension("morph", {
  isInlineSwap: (style: string) => style === "morph" || style === "morph:outerHTML",
  handleSwap: (style: string, target: Node, fragment: Node) => {
    if (!style.startsWith("morph")) return false;
    const inner = style === "morph:innerHTML";
    const content = fragment instanceof DocumentFragment ? fragment.children : fragment;
    return Idiomorph.morph(target as Element, content as HTMLCollection, {
      morphStyle: inner ? "innerHTML" : "outerHTML",
      ignoreActiveValue: true,
    });
  },
});
