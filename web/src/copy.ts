// <button data-copy="text"> or <button data-copy-from="#id">: copies, and says so.
import { toast } from "./toast";

document.addEventListener("click", async (event) => {
  const button = (event.target as Element).closest<HTMLElement>("[data-copy], [data-copy-from]");
  if (!button) return;
  const source = button.dataset["copyFrom"];
  const text = source ? document.querySelector(source)?.textContent?.trim() : button.dataset["copy"];
  try {
    await navigator.clipboard.writeText(text ?? "");
    toast({ text: "Copied" });
  } catch {
    toast({ text: "The browser did not let us copy: select the text and copy it by hand", kind: "error" });
  }
});
