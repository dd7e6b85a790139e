/** The karaoke slider: how much of the singer's voice is heard. */

import { byId, setText } from "./dom";

/** Shows the level of the vocals, and tells a new one (0 to 1). */
export class KaraokeSlider {
  private readonly slider = byId<HTMLInputElement>("vocals-level");
  private readonly buttons: HTMLButtonElement[];

  constructor(private readonly onChange: (level: number) => void) {
    this.buttons = [...document.querySelectorAll<HTMLButtonElement>(".presets button")];
    this.slider.addEventListener("input", () => onChange(Number(this.slider.value) / 100));
    for (const button of this.buttons) {
      button.addEventListener("click", () => onChange(Number(button.dataset["level"]) / 100));
    }
  }

  /** Shows the slider for songs with a stem of vocals only. */
  show(visible: boolean): void {
    byId("karaoke").hidden = !visible;
  }

  setLevel(level: number): void {
    const percent = String(Math.round(level * 100));
    if (this.slider.value !== percent) this.slider.value = percent;
    setText(byId("vocals-percent"), `${percent} %`);
    for (const button of this.buttons) {
      button.setAttribute("aria-pressed", String(button.dataset["level"] === percent));
    }
  }

  /** Off if anything of the voice is heard, else fully on. */
  toggle(): void {
    this.onChange(this.slider.value === "0" ? 1 : 0);
  }
}
