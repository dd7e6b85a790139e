/** Keys that work anywhere on the page. */

/** What keys can ask for. */
export interface KeyActions {
  playPause(): void;
  skip(seconds: number): void;
  start(): void;
  voice(): void;
  mute(stem: number): void;
  solo(stem: number): void;
}

const SKIP_S = 5;

/** Listens on the document. Keys that a control under focus uses are left to it. */
export function listenToKeys(actions: KeyActions): void {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target as HTMLElement;
    const onSlider = target instanceof HTMLInputElement && target.type === "range";
    const onButton = target.closest("button, summary, label, a") !== null;
    if (handle(event, actions, onSlider, onButton)) event.preventDefault();
  });
}

function handle(
  event: KeyboardEvent,
  actions: KeyActions,
  onSlider: boolean,
  onButton: boolean,
): boolean {
  const digit = /^Digit([1-9])$/.exec(event.code);
  if (digit) {
    const stem = Number(digit[1]) - 1;
    if (event.shiftKey) actions.solo(stem);
    else actions.mute(stem);
    return true;
  }
  if (event.key === " " && !onButton) actions.playPause();
  else if (event.key === "ArrowLeft" && !onSlider) actions.skip(-SKIP_S);
  else if (event.key === "ArrowRight" && !onSlider) actions.skip(SKIP_S);
  else if (event.key === "Home" && !onSlider) actions.start();
  else if (event.key.toLowerCase() === "k") actions.voice();
  else return false;
  return true;
}
