// <div data-end>: a list of texts shows its end, and stays there when something is added, unless somebody has scrolled up.
const NEAR_PX = 80;

const followed = new WeakSet<HTMLElement>();

function follow(box: HTMLElement) {
  if (followed.has(box)) return;
  followed.add(box);
  let atEnd = true;
  const down = () => (box.scrollTop = box.scrollHeight);
  box.addEventListener("scroll", () => (atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_PX));
  new MutationObserver(() => atEnd && down()).observe(box, { childList: true, subtree: true });
  down();
}

const all = () => document.querySelectorAll<HTMLElement>("[data-end]").forEach(follow);
document.addEventListener("htmx:afterSwap", all);
all();

export {};
