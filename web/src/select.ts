// Selecting rows of a table: `data-select` on the form around it. Shift picks a range; the box of the page picks the page;
// what the form says of how many are selected follows. Without this script the boxes work one by one.
const boxes = (form: Element) => [...form.querySelectorAll<HTMLInputElement>("[data-select-one]")];
let last: HTMLInputElement | undefined;

function tell(form: Element) {
  const all = boxes(form);
  const picked = all.filter((box) => box.checked).length;
  const everybody = form.querySelector<HTMLInputElement>("[data-select-everybody] input")?.checked ?? false;
  const page = form.querySelector<HTMLInputElement>("[data-select-page]");
  if (page) {
    page.checked = picked > 0 && picked === all.length;
    page.indeterminate = picked > 0 && picked < all.length;
  }
  const count = form.querySelector("[data-select-count]");
  if (count) count.textContent = everybody ? "Everybody" : picked === 0 ? "Nobody is selected" : `${picked} selected`;
  for (const button of form.querySelectorAll<HTMLButtonElement>("[data-select-bar] button")) button.disabled = picked === 0 && !everybody;
}

document.addEventListener("click", (event) => {
  const box = event.target as HTMLInputElement;
  const form = box.closest?.("[data-select]");
  if (!form || box.type !== "checkbox") return;
  const all = boxes(form);
  if (box.matches("[data-select-page]")) for (const one of all) one.checked = box.checked;
  if (box.matches("[data-select-one]")) {
    if (event.shiftKey && last && all.includes(last)) {
      const [from, to] = [all.indexOf(last), all.indexOf(box)].sort((one, other) => one - other) as [number, number];
      for (const one of all.slice(from, to + 1)) one.checked = box.checked;
    }
    last = box;
  }
  tell(form);
});

const all = () => document.querySelectorAll("[data-select]").forEach(tell);
document.addEventListener("htmx:afterSettle", all);
window.addEventListener("pageshow", all);
all();

export {};
