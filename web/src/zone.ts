// <select data-guess-zone>: chooses the zone that the browser is in, if it is in the list, as long as nobody has chosen.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
for (const list of document.querySelectorAll<HTMLSelectElement>("select[data-guess-zone]")) {
  if ([...list.options].some((option) => option.value === zone)) list.value = zone;
}

// <button data-use-zone="#list" hidden>: offers the zone that the browser is in, where the list has another one chosen.
for (const button of document.querySelectorAll<HTMLButtonElement>("button[data-use-zone]")) {
  const list = document.querySelector<HTMLSelectElement>(button.dataset.useZone ?? "");
  if (!list || list.value === zone || ![...list.options].some((option) => option.value === zone)) continue;
  button.querySelector("span")?.append(zone);
  button.hidden = false;
  button.addEventListener("click", () => {
    list.value = zone;
    button.hidden = true;
  });
}

export {};
