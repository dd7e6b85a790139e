/** The line that says what is going on, with its bar and buttons. */

import { byId, setText } from "./dom";

/** What to show. */
export interface Status {
  readonly text: string;
  /** What changes all the time, such as the time left; not read out. */
  readonly detail?: string;
  /** 0 to 1; `busy` is a bar that only moves; nothing shows no bar. */
  readonly progress?: number | "busy";
  readonly bad?: boolean;
  readonly cancel?: boolean;
  readonly retry?: boolean;
}

const STEP = 0.01; // finer progress is not announced

let last = -1;

/** Shows a status. The bar moves on messages, so it goes on in a hidden tab, too. */
export function showStatus({ text, detail, progress, bad, cancel, retry }: Status): void {
  const bar = byId<HTMLProgressElement>("progress");
  bar.hidden = progress === undefined;
  if (typeof progress === "number") {
    if (last < 0 || Math.abs(progress - last) >= STEP || progress === 1) bar.value = progress;
    last = progress;
  } else {
    bar.removeAttribute("value");
    last = -1;
  }
  const message = byId("message");
  message.setAttribute("aria-live", bad ? "assertive" : "polite");
  setText(message, text);
  setText(byId("detail"), detail ?? "");
  byId("status").classList.toggle("bad", bad === true);
  byId("cancel").hidden = cancel !== true;
  byId("retry").hidden = retry !== true;
}
