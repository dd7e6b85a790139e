/** The outline of the song: what is done in the colours of its stems; click to seek. */

import type { Envelope } from "../store/protocol";
import { clock } from "./format";

const SEEK_S = 5;
const BAR = 3; // pixels from bar to bar
const GAP = 1;

/** Draws the outline and the position, and tells where the listener wants to go. */
export class Waveform {
  private song = new Float32Array(0);
  private stems: Float32Array[] = [];
  private gains: number[] = [];
  private readyShare = 0;
  private duration = 0;
  /** Makes the loudest bar fill the view. */
  private height = 1;
  private position = 0;
  private drawn = false;

  constructor(
    private readonly element: HTMLElement,
    private readonly onSeek: (seconds: number) => void,
  ) {
    new ResizeObserver(() => this.redraw()).observe(element);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.redraw());
    element.addEventListener("pointerdown", (event) => this.drag(event));
    element.addEventListener("keydown", (event) => this.key(event));
  }

  /** Shows a new song of which no stem is known yet. */
  open(song: Float32Array, nStems: number, duration: number): void {
    this.song = Float32Array.from(song);
    this.height = 1 / Math.max(...this.song, 1e-3);
    this.stems = Array.from({ length: nStems }, () => new Float32Array(song.length));
    this.gains = new Array<number>(nStems).fill(1);
    this.duration = duration;
    this.readyShare = 0;
    this.element.setAttribute("aria-valuemax", duration.toFixed(1));
    this.setPosition(0);
    this.redraw();
  }

  /** Adds stems up to `share` of the song. */
  addStems(envelope: Envelope, share: number): void {
    envelope.stems.forEach((peaks, stem) => {
      const known = this.stems[stem];
      if (!known) return;
      peaks.forEach((peak, n) => {
        const bucket = envelope.first + n;
        if (bucket < known.length) known[bucket] = Math.max(known[bucket]!, peak);
      });
    });
    this.readyShare = share;
    this.redraw();
  }

  /** Stems that are turned down are drawn lower. */
  setGains(gains: readonly number[]): void {
    this.gains = [...gains];
    this.redraw();
  }

  setPosition(seconds: number): void {
    this.position = seconds;
    this.element.setAttribute("aria-valuenow", seconds.toFixed(1));
    this.element.setAttribute(
      "aria-valuetext",
      `${clock(seconds)} of ${clock(this.duration)}`,
    );
    this.redraw();
  }

  private drag(event: PointerEvent): void {
    const seek = (at: PointerEvent) => {
      const box = this.element.getBoundingClientRect();
      const share = Math.max(0, Math.min(1, (at.clientX - box.left) / box.width));
      this.onSeek(share * this.duration);
    };
    seek(event);
    this.element.setPointerCapture(event.pointerId);
    this.element.onpointermove = seek;
    this.element.onpointerup = this.element.onpointercancel = () => {
      this.element.onpointermove = null;
    };
  }

  private key(event: KeyboardEvent): void {
    if (event.key === "End") {
      event.preventDefault();
      this.onSeek(this.duration);
      return;
    }
    const step = { ArrowUp: SEEK_S, ArrowDown: -SEEK_S, PageUp: 30, PageDown: -30 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    this.onSeek(this.position + step);
  }

  private redraw(): void {
    if (this.drawn) return;
    this.drawn = true;
    requestAnimationFrame(() => {
      this.drawn = false;
      this.draw();
    });
  }

  private draw(): void {
    const canvas = this.element.querySelector("canvas")!;
    const { clientWidth: width, clientHeight: height } = this.element;
    const ratio = Math.min(2, devicePixelRatio);
    canvas.width = Math.max(1, Math.round(width * ratio));
    canvas.height = Math.max(1, Math.round(height * ratio));
    const context = canvas.getContext("2d");
    if (!context || this.song.length === 0) return;
    context.scale(ratio, ratio);
    const style = getComputedStyle(this.element);
    const color = (name: string) => style.getPropertyValue(name).trim();
    const nBars = Math.floor(width / BAR);
    const played = this.duration > 0 ? this.position / this.duration : 0;
    for (let bar = 0; bar < nBars; bar++) {
      const share = (bar + 0.5) / nBars;
      context.globalAlpha = share <= played ? 1 : 0.55;
      if (share > this.readyShare) {
        context.globalAlpha = 1;
        this.bar(context, bar, this.peak(this.song, bar, nBars), height, color("--pending"));
        continue;
      }
      this.stackedBar(context, bar, nBars, height, color);
    }
    context.globalAlpha = 1;
    context.fillStyle = color("--ink");
    context.fillRect(Math.min(width - 2, Math.max(0, played * width - 1)), 0, 2, height);
  }

  /** Stems one on the other, as high as the song in all, the first one inmost. */
  private stackedBar(
    context: CanvasRenderingContext2D,
    bar: number,
    nBars: number,
    height: number,
    color: (name: string) => string,
  ): void {
    const peaks = this.stems.map((stem, n) => this.peak(stem, bar, nBars) * this.gains[n]!);
    const whole = this.stems.reduce((sum, stem) => sum + this.peak(stem, bar, nBars), 0);
    const song = this.peak(this.song, bar, nBars);
    const scale = whole > 0 ? song / whole : 0;
    let outer = peaks.reduce((sum, peak) => sum + peak, 0) * scale;
    for (let stem = peaks.length - 1; stem >= 0; stem--) {
      this.bar(context, bar, outer, height, color(`--stem-${stem % 5}`));
      outer -= peaks[stem]! * scale;
    }
  }

  private bar(
    context: CanvasRenderingContext2D,
    bar: number,
    peak: number,
    height: number,
    color: string,
  ): void {
    const size = Math.max(1, Math.min(1, peak * this.height) * (height - 8));
    context.fillStyle = color;
    context.fillRect(bar * BAR, (height - size) / 2, BAR - GAP, size);
  }

  private peak(values: Float32Array, bar: number, nBars: number): number {
    const first = Math.floor((bar * values.length) / nBars);
    const last = Math.max(first + 1, Math.floor(((bar + 1) * values.length) / nBars));
    let peak = 0;
    for (let n = first; n < last && n < values.length; n++) peak = Math.max(peak, values[n]!);
    return peak;
  }
}
