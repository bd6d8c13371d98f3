// Says what was done, in the corner and to screen readers. The server sends it as the event "toast" of an HX-Trigger header;
// a page that was loaded anew has it in the layout already. A toast with an undo stays longer, and while it is looked at.
export interface Toast {
  text: string;
  kind?: "success" | "error";
  undo?: string;
}

const SHOWN_MS = 5000;
const UNDO_MS = 10000;

export function toast(said: Toast) {
  const place = document.querySelector("#toasts");
  const sample = document.querySelector<HTMLTemplateElement>("#toast");
  if (!place || !sample) return;
  const made = sample.content.firstElementChild!.cloneNode(true) as HTMLElement;
  made.querySelector("[data-text]")!.textContent = said.text;
  made.classList.toggle("alert-error", said.kind === "error");
  const form = made.querySelector("form")!;
  if (said.undo) {
    form.action = said.undo;
    form.hidden = false;
  }
  place.append(made);
  leave(made);
}

function leave(shown: HTMLElement) {
  const undo = !shown.querySelector("form")!.hidden;
  let timer: ReturnType<typeof setTimeout>;
  const start = () => (timer = setTimeout(() => shown.remove(), undo ? UNDO_MS : SHOWN_MS));
  for (const event of ["mouseenter", "focusin"]) shown.addEventListener(event, () => clearTimeout(timer));
  for (const event of ["mouseleave", "focusout"]) shown.addEventListener(event, start);
  shown.querySelector("[data-dismiss]")?.addEventListener("click", () => shown.remove());
  if (!shown.matches(".alert-error")) start();
}

document.addEventListener("toast", (event) => toast((event as CustomEvent<Toast>).detail));
document.querySelectorAll<HTMLElement>("#toasts > *").forEach(leave);
document.addEventListener("htmx:sendError", () =>
  toast({ text: "The server cannot be reached. Nothing was lost: try again when you are back online.", kind: "error" }),
);
