/** One row per stem: mute, solo, volume, meter, download. */

import { gainsOf, type StemSetting } from "../player/mixer";
import { byId, setText } from "./dom";
import { label } from "./format";

const FLOOR_DB = -48;

interface Row {
  item: HTMLLIElement;
  mute: HTMLButtonElement;
  solo: HTMLButtonElement;
  slider: HTMLInputElement;
  percent: HTMLOutputElement;
  meter: HTMLElement;
  save: HTMLButtonElement;
}

/** The list of stems, and what the listener chose for each. */
export class StemList {
  settings: StemSetting[] = [];
  private rows: Row[] = [];

  constructor(
    private readonly onChange: () => void,
    private readonly onSave: (stem: number) => void,
  ) {}

  /** Shows these stems, all at full volume. */
  open(names: readonly string[]): void {
    this.settings = names.map(() => ({ volume: 1, mute: false, solo: false }));
    this.rows = names.map((name, stem) => this.makeRow(name, stem));
    byId("stems").replaceChildren(...this.rows.map((row) => row.item));
    this.refresh();
  }

  get gains(): number[] {
    return gainsOf(this.settings);
  }

  setVolume(stem: number, volume: number): void {
    const setting = this.settings[stem];
    if (!setting) return;
    setting.volume = Math.max(0, Math.min(1, volume));
    this.changed();
  }

  toggle(stem: number, what: "mute" | "solo"): void {
    const setting = this.settings[stem];
    if (!setting) return;
    setting[what] = !setting[what];
    this.changed();
  }

  /** Moves the meters to these levels (root mean squares, as heard). */
  setLevels(levels: readonly number[]): void {
    this.rows.forEach((row, stem) => {
      const db = 20 * Math.log10(Math.max(levels[stem] ?? 0, 1e-6));
      const share = Math.max(0, Math.min(1, 1 - db / FLOOR_DB));
      row.meter.style.transform = `scaleX(${share.toFixed(3)})`;
      row.item.dataset["level"] = share.toFixed(3);
    });
  }

  /** Stems can be saved once they are complete. */
  allowSaving(allowed: boolean): void {
    for (const row of this.rows) row.save.disabled = !allowed;
  }

  private changed(): void {
    this.refresh();
    this.onChange();
  }

  private refresh(): void {
    const gains = this.gains;
    this.rows.forEach((row, stem) => {
      const { volume, mute, solo } = this.settings[stem]!;
      const percent = String(Math.round(volume * 100));
      row.mute.setAttribute("aria-pressed", String(mute));
      row.solo.setAttribute("aria-pressed", String(solo));
      if (row.slider.value !== percent) row.slider.value = percent;
      setText(row.percent, `${percent} %`);
      row.item.classList.toggle("silent", gains[stem] === 0);
    });
  }

  private makeRow(name: string, stem: number): Row {
    const text = label(name);
    const item = document.createElement("li");
    item.dataset["color"] = String(stem % 5);
    item.dataset["stem"] = name;
    const title = element("span", "name", text);
    const mute = button("M", "ute", `Mute ${text}`, () => this.toggle(stem, "mute"));
    const solo = button("S", "olo", `Solo ${text}`, () => this.toggle(stem, "solo"));
    const level = element("span", "level");
    const slider = document.createElement("input");
    Object.assign(slider, { type: "range", min: "0", max: "100", value: "100" });
    slider.setAttribute("aria-label", `Volume of ${text}`);
    slider.addEventListener("input", () => this.setVolume(stem, Number(slider.value) / 100));
    const meter = document.createElement("i");
    const bar = element("span", "meter");
    bar.setAttribute("aria-hidden", "true");
    bar.append(meter);
    level.append(slider, bar);
    const percent = document.createElement("output");
    const save = button("", "", `Download ${text} as wav`, () => this.onSave(stem));
    save.className = "save";
    save.title = `Download ${text}`;
    save.append(downloadIcon());
    save.disabled = true;
    item.append(title, mute, solo, level, percent, save);
    return { item, mute, solo, slider, percent, meter, save };
  }
}

function element(tag: string, className: string, text = ""): HTMLElement {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

/** A button; on a narrow screen only its `initial` is seen. */
function button(
  initial: string,
  rest: string,
  name: string,
  onClick: () => void,
): HTMLButtonElement {
  const made = document.createElement("button");
  made.type = "button";
  made.append(initial, element("span", "long", rest));
  made.setAttribute("aria-label", name);
  made.addEventListener("click", onClick);
  return made;
}

function downloadIcon(): SVGElement {
  const space = "http://www.w3.org/2000/svg";
  const icon = document.createElementNS(space, "svg");
  icon.setAttribute("viewBox", "0 0 24 24");
  icon.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", "M12 5v11m0 0-4-4m4 4 4-4M5 19h14");
  icon.append(path);
  return icon;
}
