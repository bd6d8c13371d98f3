// <button data-confirm="What happens" data-confirm-action="Delete"> inside of a form: asks in a dialog of the page before the form is sent.
// The dialog is the one with id "confirm" of the layout.
const dialog = () => document.querySelector<HTMLDialogElement>("#confirm");

document.addEventListener(
  "submit",
  (event) => {
    const button = event.submitter;
    const text = button?.dataset["confirm"];
    const box = dialog();
    if (!button || !text || !box || button.dataset["confirmed"]) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    box.querySelector("[data-text]")!.textContent = text;
    box.querySelector("[data-yes]")!.textContent = button.dataset["confirmAction"] ?? button.textContent;
    box.returnValue = "";
    box.addEventListener(
      "close",
      () => {
        if (box.returnValue !== "yes") return;
        button.dataset["confirmed"] = "yes";
        (event.target as HTMLFormElement).requestSubmit(button);
        delete button.dataset["confirmed"];
      },
      { once: true },
    );
    box.showModal();
  },
  true,
);

export {};
