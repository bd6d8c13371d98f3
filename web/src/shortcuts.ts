// data-key="e" on a link, button or field: the key presses it, or goes into it. "mod+Enter" works inside of fields too,
// a sequence like "g m" is typed one after the other. "?" lists what the page has, from data-key-label or the element's own name.
const typing = (target: EventTarget | null) =>
  target instanceof HTMLElement && (target.isContentEditable || target.matches("input:not([type=checkbox],[type=radio]), textarea, select"));

const pressedKey = (event: KeyboardEvent) => {
  const mod = event.ctrlKey || event.metaKey ? "mod+" : "";
  return mod + (event.key.length === 1 ? event.key.toLowerCase() : event.key);
};

let before = "";
let waiting: ReturnType<typeof setTimeout> | undefined;

const visible = (element: HTMLElement) => element.checkVisibility({ visibilityProperty: true });
const inReach = (element: HTMLElement) => {
  const open = document.querySelector("dialog[open]");
  return visible(element) && (!open || open.contains(element));
};

document.addEventListener("keydown", (event) => {
  if (event.altKey || event.isComposing) return;
  const pressed = pressedKey(event);
  if (typing(event.target) && !pressed.startsWith("mod+")) {
    if (pressed === "Escape") (event.target as HTMLElement).blur();
    return;
  }
  if (pressed === "?" && !typing(event.target)) {
    event.preventDefault();
    show();
    return;
  }
  const keys = [...document.querySelectorAll<HTMLElement>("[data-key]")].filter(inReach);
  const sequence = before ? `${before} ${pressed}` : pressed;
  const scope = (element: HTMLElement) => {
    const form = pressed.startsWith("mod+") ? element.closest("form") : null;
    return !form || form.contains(event.target as Node);
  };
  const found = keys.find((element) => element.dataset["key"] === sequence && scope(element)) ?? keys.find((element) => element.dataset["key"] === pressed && scope(element));
  clearTimeout(waiting);
  before = "";
  if (found) {
    event.preventDefault();
    if (typing(found)) {
      found.focus();
      if (found instanceof HTMLInputElement) found.select();
    } else found.click();
  } else if (keys.some((element) => element.dataset["key"]!.startsWith(`${pressed} `))) {
    before = pressed;
    waiting = setTimeout(() => (before = ""), 1200);
  }
});

function show() {
  const dialog = document.querySelector<HTMLDialogElement>("#shortcuts");
  const list = dialog?.querySelector("dl");
  if (!dialog || !list || dialog.open) return;
  list.replaceChildren();
  const known = new Set<string>();
  for (const element of document.querySelectorAll<HTMLElement>("[data-key]")) {
    const key = element.dataset["key"]!;
    if (known.has(key) || !visible(element)) continue;
    known.add(key);
    const what = document.createElement("dt");
    what.textContent = element.dataset["keyLabel"] ?? element.getAttribute("aria-label") ?? element.textContent!.trim();
    const press = document.createElement("dd");
    for (const part of key.split(/[ +]/)) {
      const shown = document.createElement("kbd");
      shown.className = "kbd kbd-sm";
      shown.textContent = part === "mod" ? (/Mac|iP/.test(navigator.platform) ? "⌘" : "Ctrl") : part;
      press.append(shown, " ");
    }
    list.append(what, press);
  }
  dialog.showModal();
}

document.addEventListener("click", (event) => {
  if ((event.target as Element).closest("[data-shortcuts]")) show();
});

export {};
