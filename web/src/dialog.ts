// A link with hx-target="#dialog" opens its answer in the dialog of the layout; without script it is a page of its own.
// <button data-close> closes the dialog that it is in; a click beside the box does too, unless something was typed.
import htmx from "htmx.org";

const box = () => document.querySelector<HTMLDialogElement>("#dialog");

htmx.on("htmx:afterSwap", (event) => {
  const dialog = box();
  if ((event as CustomEvent).detail.target !== dialog || !dialog) return;
  if (dialog.childElementCount === 0) dialog.close();
  else if (!dialog.open) dialog.showModal();
});

document.addEventListener("click", (event) => {
  const target = event.target as Element;
  const close = target.closest("[data-close]");
  if (close) {
    const dialog = close.closest("dialog");
    if (dialog) {
      event.preventDefault();
      dialog.close();
    }
  } else if (target instanceof HTMLDialogElement && !target.querySelector("[data-dirty]")) {
    target.close();
  }
});

// What a closed dialog held is let go, so that it opens with what is true then.
document.addEventListener(
  "close",
  (event) => {
    if (event.target === box()) box()!.replaceChildren();
  },
  true,
);
