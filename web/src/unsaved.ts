// <form data-unsaved>: leaving the page with changes that were not saved asks first.
const dirty = () => document.querySelector("form[data-unsaved][data-dirty]");

document.addEventListener("input", (event) => {
  const form = (event.target as HTMLElement).closest<HTMLFormElement>("form[data-unsaved]");
  if (form) form.dataset["dirty"] = "yes";
});
const sent = new WeakSet<Element>();
document.addEventListener("submit", (event) => {
  const form = event.target as HTMLElement;
  if (form.dataset["dirty"]) sent.add(form);
  delete form.dataset["dirty"];
});
// What could not be sent is not saved.
for (const name of ["htmx:sendError", "htmx:responseError"])
  document.addEventListener(name, (event) => {
    const form = ((event as CustomEvent).detail.elt as Element).closest<HTMLElement>("form[data-unsaved]");
    if (form && sent.has(form)) form.dataset["dirty"] = "yes";
  });
window.addEventListener("beforeunload", (event) => {
  if (dirty()) event.preventDefault();
});

export {};
