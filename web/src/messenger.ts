// The Messenger's own: j and k go through the list, what is typed is kept for each conversation, a selection shows what can be done with it.
const DRAFT = "dripline-draft-";

document.addEventListener("keydown", (event) => {
  const typing = (event.target as HTMLElement).matches("input, textarea, select, [contenteditable]");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || !["j", "k"].includes(event.key)) return;
  if (document.querySelector("dialog[open]")) return;
  const lines = [...document.querySelectorAll<HTMLAnchorElement>("[data-line]")];
  if (lines.length === 0) return;
  const here = lines.findIndex((line) => line.getAttribute("aria-current") === "true");
  const next = event.key === "j" ? Math.min(here + 1, lines.length - 1) : Math.max(here - 1, 0);
  if (next !== here) lines[next]!.click();
});

// Drafts: per conversation, for this window, until they are sent.
function restore() {
  for (const form of document.querySelectorAll<HTMLFormElement>("form[data-draft]")) {
    const field = form.querySelector("textarea");
    const kept = sessionStorage.getItem(DRAFT + form.dataset["draft"]);
    if (field && kept && !field.value) {
      field.value = kept;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
  }
}
document.addEventListener("input", (event) => {
  const form = (event.target as HTMLElement).closest<HTMLFormElement>("form[data-draft]");
  if (form && event.target instanceof HTMLTextAreaElement) sessionStorage.setItem(DRAFT + form.dataset["draft"], event.target.value);
});
document.addEventListener("sent", () => {
  const form = document.querySelector<HTMLFormElement>("form[data-draft]");
  if (form) sessionStorage.removeItem(DRAFT + form.dataset["draft"]);
  form?.querySelector("textarea")?.focus();
});
restore();

// A quick reply goes in at the cursor.
document.addEventListener("click", (event) => {
  const button = (event.target as Element).closest<HTMLElement>("[data-insert]");
  const field = document.querySelector<HTMLTextAreaElement>("form[data-draft] textarea");
  if (!button || !field) return;
  field.setRangeText(button.dataset["insert"]!, field.selectionStart, field.selectionEnd, "end");
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
});

// The older messages come in above: what was in sight stays where it was.
document.addEventListener("htmx:beforeSwap", (event) => {
  const box = (event as CustomEvent).detail.target.closest?.("[data-end]") as HTMLElement | null;
  if (!box || !(event as CustomEvent).detail.pathInfo?.requestPath?.includes("/older")) return;
  const below = box.scrollHeight - box.scrollTop;
  requestAnimationFrame(() => (box.scrollTop = box.scrollHeight - below));
});

// Selections.
document.addEventListener("change", (event) => {
  const form = (event.target as HTMLElement).closest<HTMLFormElement>("form[data-select]");
  if (form) show(form);
});
document.addEventListener("htmx:afterRequest", (event) => {
  const form = (event as CustomEvent).detail.elt as HTMLElement;
  if (!(form instanceof HTMLFormElement) || !form.matches("form[data-select]") || !(event as CustomEvent).detail.successful) return;
  form.querySelectorAll<HTMLInputElement>("input[name=contact]").forEach((box) => (box.checked = false));
  form.querySelectorAll<HTMLElement>("[popover]").forEach((box) => box.hidePopover());
  show(form);
});
function show(form: HTMLFormElement) {
  const count = form.querySelectorAll("input[name=contact]:checked").length;
  const bar = form.querySelector<HTMLElement>("[data-selected]");
  if (!bar) return;
  bar.hidden = count === 0;
  bar.querySelector("[data-count]")!.textContent = `${count} selected`;
}

// Whoever does not see the list hears who wrote.
document.addEventListener("happened", (event) => {
  const { contact, kind } = (event as CustomEvent<{ contact: string | null; kind: string }>).detail;
  const heard = document.querySelector("[data-heard]");
  if (kind !== "message.received" || !contact || !heard) return;
  setTimeout(() => {
    const name = document.querySelector(`#line-${contact} [data-name]`)?.textContent;
    heard.textContent = name ? `New message from ${name}` : "New message";
  }, 600);
});

export {};
