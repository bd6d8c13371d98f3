// A form is sent once: its submit buttons are off until the answer is there. The server knows a repeat by its key as well.
// Before anybody else hears of it: the script that sends forms would keep a second press until the first is answered, and send it then.
document.addEventListener(
  "submit",
  (event) => {
    if (!(event.target as HTMLFormElement).dataset["sending"]) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  },
  true,
);

document.addEventListener("submit", (event) => {
  const form = event.target as HTMLFormElement;
  if (event.defaultPrevented && !form.matches("[hx-post],[hx-put],[hx-delete],[hx-patch]")) return;
  const by = (event as SubmitEvent).submitter as HTMLButtonElement | null;
  const method = by?.getAttribute("formmethod") ?? form.method;
  if (method === "get" || method === "dialog") return;
  form.dataset["sending"] = "yes";
  // After the form's values are collected: a button that is off would not be among them. A quick answer may be there already.
  setTimeout(() => {
    if (!form.dataset["sending"]) return;
    for (const button of form.querySelectorAll<HTMLButtonElement>("button:not([type=button])"))
      button.setAttribute("aria-disabled", "true");
  });
});

const free = (form: Element | null | undefined) => {
  if (!(form instanceof HTMLFormElement)) return;
  delete form.dataset["sending"];
  for (const button of form.querySelectorAll("[aria-disabled]")) button.removeAttribute("aria-disabled");
};
document.addEventListener("htmx:afterRequest", (event) => {
  const { elt, xhr } = (event as CustomEvent<{ elt: Element; xhr: XMLHttpRequest }>).detail;
  // The answer leads to another page: until that is there, a second press would send again and lose what the first one said.
  if (!xhr.getResponseHeader("HX-Redirect")) free(elt.closest("form"));
});
// A page that comes back from the browser's memory.
window.addEventListener("pageshow", () => document.querySelectorAll("form[data-sending]").forEach(free));

export {};
