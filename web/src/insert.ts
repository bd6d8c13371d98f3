// <button data-insert="First Name"> inside of an element with data-insert-into="#id": puts the variable where the caret is, with the
// fallback of the [data-fallback] field beside it.
document.addEventListener("click", (event) => {
  const button = (event.target as Element).closest<HTMLElement>("[data-insert]");
  const box = button?.closest<HTMLElement>("[data-insert-into]");
  const into = box && document.querySelector<HTMLTextAreaElement>(box.dataset["insertInto"]!);
  if (!button || !into) return;
  const fallback = box.querySelector<HTMLInputElement>("[data-fallback]")?.value.trim();
  const variable = fallback ? `{${button.dataset["insert"]}|${fallback}}` : `{${button.dataset["insert"]}}`;
  into.setRangeText(variable, into.selectionStart, into.selectionEnd, "end");
  if (box instanceof HTMLDetailsElement) box.open = false;
  into.focus();
  into.dispatchEvent(new Event("input", { bubbles: true }));
});

// Escape or a press elsewhere closes what is open.
const close = (event: Event, all: boolean) =>
  document.querySelectorAll<HTMLDetailsElement>("details[data-insert-into][open]").forEach((box) => {
    if (all || !box.contains(event.target as Node)) box.open = false;
  });
document.addEventListener("click", (event) => close(event, false));
document.addEventListener("keydown", (event) => event.key === "Escape" && close(event, true));

export {};
