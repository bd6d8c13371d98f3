// <form data-unsaved>: leaving the page with changes that were not saved asks first.
const dirty = () => document.querySelector("form[data-unsaved][data-dirty]");

document.addEventListener("input", (event) => {
  const form = (event.target as HTMLElement).closest<HTMLFormElement>("form[data-unsaved]");
  if (form) form.dataset["dirty"] = "yes";
});
document.addEventListener("submit", (event) => delete (event.target as HTMLElement).dataset["dirty"]);
window.addEventListener("beforeunload", (event) => {
  if (dirty()) event.preventDefault();
});

export {};
