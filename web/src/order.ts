// <tbody data-order="#form">: its items are put into an order by their handles, by dragging (mouse, pen or finger) or with the arrow keys.
// The form that it names is sent at once, by its button [data-look] if it has one. Up and down buttons do the same by a press, with script and without.
import htmx from "htmx.org";
import { within } from "./workspace";

const items = (list: Element) => [...list.querySelectorAll<HTMLElement>(":scope > [data-order-item]")];
const said = (text: string) => {
  const place = document.querySelector("#order-said");
  if (place) place.textContent = text;
};

let before: HTMLElement[] = [];

function send(list: HTMLElement, item: HTMLElement) {
  const form = document.querySelector<HTMLFormElement>(list.dataset["order"]!)!;
  const now = items(list);
  said(`${item.dataset["orderItem"]}: place ${now.indexOf(item) + 1} of ${now.length}`);
  const look = form.querySelector<HTMLButtonElement>("[data-look]");
  // A press, since htmx sends a button's value only if it was pressed.
  if (look) return look.click();
  const body = new URLSearchParams([...new FormData(form)].map(([name, value]) => [name, String(value)]));
  fetch(within(form.action), { method: "POST", body, headers: { "hx-request": "true" } })
    .then((answer) => {
      if (answer.ok) return;
      const told = answer.headers.get("hx-trigger");
      if (told) htmx.trigger(document.body, "toast", JSON.parse(told).toast);
      back(list, "The order was not saved");
    })
    .catch(() => {
      htmx.trigger(document.body, "htmx:sendError", {});
      back(list, "The order was not saved");
    });
}

function back(list: HTMLElement, why: string) {
  list.append(...before);
  said(why);
}

// The others move around the item, which stays in the page: a node that is taken out loses focus and pointer. Of those between it and its
// new place each is moved, in turn.
function swap(item: HTMLElement, other: HTMLElement, by: number) {
  const all = items(item.parentElement!);
  const [from, to] = [all.indexOf(item), all.indexOf(other)];
  if (by < 0) item.after(...all.slice(to, from));
  else item.before(...all.slice(from + 1, to + 1));
}

function step(item: HTMLElement, by: number) {
  const list = item.parentElement!;
  const all = items(list);
  const other = all[all.indexOf(item) + by];
  if (!other) return;
  before = all;
  swap(item, other, by);
  send(list, item);
}

const found = (event: Event, selector: string) => (event.target as Element).closest<HTMLElement>(selector);
const itemOf = (part: HTMLElement) => part.closest<HTMLElement>("[data-order] > [data-order-item]");

document.addEventListener("keydown", (event) => {
  const handle = found(event, "[data-handle]");
  const by = event.key === "ArrowUp" ? -1 : event.key === "ArrowDown" ? 1 : 0;
  const item = handle && by ? itemOf(handle) : null;
  if (!item) return;
  event.preventDefault();
  step(item, by);
  handle!.focus();
});

document.addEventListener("click", (event) => {
  const button = found(event, "[data-up], [data-down]");
  const item = button && itemOf(button);
  if (!item) return;
  event.preventDefault();
  step(item, button.matches("[data-up]") ? -1 : 1);
  button.focus();
});

document.addEventListener("pointerdown", (event) => {
  const handle = found(event, "[data-handle]");
  const item = handle && itemOf(handle);
  if (!item || event.button !== 0) return;
  const list = item.parentElement!;
  before = items(list);
  handle!.setPointerCapture(event.pointerId);
  item.classList.add("dragged");
  const move = (at: PointerEvent) => {
    for (const other of items(list)) {
      if (other === item) continue;
      const box = other.getBoundingClientRect();
      const middle = box.top + box.height / 2;
      const above = item.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_PRECEDING;
      if (above && at.clientY < middle) return swap(item, other, -1);
      if (!above && at.clientY > middle) return swap(item, other, 1);
    }
  };
  const end = () => {
    handle!.removeEventListener("pointermove", move);
    item.classList.remove("dragged");
    if (items(list).some((one, place) => one !== before[place])) send(list, item);
  };
  handle!.addEventListener("pointermove", move);
  for (const name of ["pointerup", "pointercancel"]) handle!.addEventListener(name, end, { once: true });
});
