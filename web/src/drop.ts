// <div data-drop> around a file field: a file that is dropped anywhere on it is the field's, and the box shows that it would take it.
const boxOf = (event: Event) => (event.target as Element).closest<HTMLElement>("[data-drop]");

for (const name of ["dragenter", "dragover"])
  document.addEventListener(name, (event) => {
    const box = boxOf(event);
    if (!box) return;
    event.preventDefault();
    box.classList.add("border-primary");
  });
document.addEventListener("dragleave", (event) => {
  const box = boxOf(event);
  if (box && !box.contains(event.relatedTarget as Node | null)) box.classList.remove("border-primary");
});
document.addEventListener("drop", (event) => {
  const box = boxOf(event);
  const field = box?.querySelector<HTMLInputElement>("input[type=file]");
  if (!box || !field) return;
  event.preventDefault();
  box.classList.remove("border-primary");
  if (event.dataTransfer?.files.length) field.files = event.dataTransfer.files;
});

export {};
