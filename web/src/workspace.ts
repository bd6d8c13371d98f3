// A tab stays in the workspace of its page. Another tab may have switched to another one meanwhile: what this page sends names the workspace
// that it shows, and the server refuses it where that is no longer the one that is open.
const shown = () => document.body.dataset["workspace"];

// The address of what changes something, with the workspace of this page in it.
export function within(address: string): string {
  const here = shown();
  if (!here) return address;
  const url = new URL(address, location.href);
  url.searchParams.set("in", here);
  return url.href;
}

document.addEventListener("htmx:configRequest", (event) => {
  const { headers } = (event as CustomEvent<{ headers: Record<string, string> }>).detail;
  const here = shown();
  if (here) headers["dripline-workspace"] = here;
});

document.addEventListener(
  "submit",
  (event) => {
    const form = event.target as HTMLFormElement;
    const by = (event as SubmitEvent).submitter as HTMLButtonElement | null;
    const method = by?.getAttribute("formmethod") ?? form.method;
    if (method !== "post" || !shown()) return;
    if (by?.hasAttribute("formaction")) by.formAction = within(by.formAction);
    else form.setAttribute("action", within(form.getAttribute("action") ?? location.href));
  },
  true,
);

// Parts that ask for themselves would be refused again and again.
document.addEventListener("htmx:responseError", (event) => {
  const { xhr, requestConfig } = (event as CustomEvent<{ xhr: XMLHttpRequest; requestConfig: { verb: string } }>).detail;
  if (xhr.status !== 409 || requestConfig.verb !== "get") return;
  for (const part of document.querySelectorAll("[data-live]")) part.removeAttribute("data-live");
});
