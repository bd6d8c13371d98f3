// The demo's clock plays: "next message" is pressed again and again, on whatever page one is, until nothing is left or somebody stops it.
const STEP_MS = 1500;
const KEY = "dripline-playing";

const button = document.querySelector<HTMLButtonElement>("[data-play]");
const next = document.querySelector<HTMLButtonElement>("#clock button[value=next]");

if (button && next) {
  button.hidden = false;
  const over = [...document.querySelectorAll("#toasts [data-text]")].some((said) => said.textContent === "Nothing is left to send");
  let playing = sessionStorage.getItem(KEY) === "yes" && !over;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const show = () => {
    sessionStorage.setItem(KEY, playing ? "yes" : "no");
    button.textContent = playing ? "Stop" : "Play";
    clearTimeout(timer);
    if (playing) timer = setTimeout(() => next.click(), STEP_MS);
  };
  button.addEventListener("click", () => {
    playing = !playing;
    show();
  });
  show();
}

export {};
