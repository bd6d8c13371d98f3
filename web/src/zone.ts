// <select data-guess-zone>: chooses the zone that the browser is in, if it is in the list, as long as nobody has chosen.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
for (const list of document.querySelectorAll<HTMLSelectElement>("select[data-guess-zone]")) {
  if ([...list.options].some((option) => option.value === zone)) list.value = zone;
}

export {};
