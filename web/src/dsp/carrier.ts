/**
 * How masks at the model's rate are carried to a song's own rate.
 *
 * The rule stands, complete, in keras_munet/separation/band.py; this is the same in
 * TypeScript, and both are held against the same vectors (test-vectors/carrier.json).
 */

import { nBins, type StftSettings } from "./settings";

/** Added to every mask before normalising: where all are zero, shares are equal. */
const SILENT = 1e-6;

/** Frames and bins of an STFT. */
export interface Grid {
  readonly sampleRate: number;
  readonly nFft: number;
  readonly hopLength: number;
}

/** The grid at a song's rate that comes closest to the model's. */
export function carrierGrid(sampleRate: number, stft: StftSettings): Grid {
  const wanted = (sampleRate * stft.nFft) / stft.sampleRate;
  const nFft = Math.max(16, 2 ** Math.round(Math.log2(wanted)));
  return { sampleRate, nFft, hopLength: nFft / 4 };
}

/** Frames that cover a signal: one per started hop, and one more. */
export function nFramesOf(grid: Grid, nSamples: number): number {
  return Math.ceil(nSamples / grid.hopLength) + 1;
}

/**
 * Makes the masks of one frame sum to one, in place; with a single source, cuts its
 * mask off at one.
 *
 * @param masks one row of bins per source.
 */
export function normalize(masks: readonly Float32Array[]): void {
  const n = masks[0]!.length;
  if (masks.length === 1) {
    for (let bin = 0; bin < n; bin++) masks[0]![bin] = Math.min(1, masks[0]![bin]!);
    return;
  }
  for (let bin = 0; bin < n; bin++) {
    let sum = 0;
    for (const mask of masks) sum += mask[bin]! + SILENT;
    for (const mask of masks) mask[bin] = (mask[bin]! + SILENT) / sum;
  }
}

/** Reads rows of the model's masks on another grid. */
export class MaskCarrier {
  private readonly same: boolean;
  private readonly below: Int32Array;
  private readonly share: Float32Array;
  private readonly top: readonly [number, number];
  private readonly timed: Float32Array;

  constructor(
    readonly grid: Grid,
    private readonly stft: StftSettings,
  ) {
    this.same =
      grid.sampleRate === stft.sampleRate &&
      grid.nFft === stft.nFft &&
      grid.hopLength === stft.hopLength;
    const width = stft.sampleRate / stft.nFft;
    const places: number[] = [];
    for (let bin = 0; bin <= grid.nFft / 2; bin++) {
      const hz = (bin * grid.sampleRate) / grid.nFft;
      if (hz <= stft.limit * stft.sampleRate) places.push(hz / width);
    }
    this.below = Int32Array.from(places, Math.floor);
    this.share = Float32Array.from(places, (place) => place - Math.floor(place));
    const inside = Array.from({ length: nBins(stft) }, (_, bin) => bin).filter(
      (bin) =>
        bin * width >= stft.top[0] * stft.sampleRate &&
        bin * width <= stft.top[1] * stft.sampleRate,
    );
    this.top = [inside[0]!, inside[inside.length - 1]! + 1];
    this.timed = new Float32Array(nBins(stft));
  }

  /** Where a frame of the grid lies on the model's frames. */
  position(frame: number): number {
    const seconds = frame * (this.grid.hopLength / this.grid.sampleRate);
    return this.same ? frame : seconds * (this.stft.sampleRate / this.stft.hopLength);
  }

  /**
   * Fills `out` (one value per bin of the grid) between two rows of the model.
   *
   * @param share 0 reads `lower`, 1 reads `upper`.
   */
  read(lower: Float32Array, upper: Float32Array, share: number, out: Float32Array): void {
    if (this.same) {
      out.set(lower);
      return;
    }
    const timed = this.timed;
    for (let bin = 0; bin < timed.length; bin++) {
      timed[bin] = lower[bin]! * (1 - share) + upper[bin]! * share;
    }
    const nRead = this.below.length;
    for (let bin = 0; bin < nRead; bin++) {
      const place = this.below[bin]!;
      const part = this.share[bin]!;
      out[bin] = timed[place]! * (1 - part) + timed[place + 1]! * part;
    }
    out.fill(this.topMean(timed), nRead);
  }

  private topMean(row: Float32Array): number {
    let sum = 0;
    for (let bin = this.top[0]; bin < this.top[1]; bin++) sum += row[bin]!;
    return sum / (this.top[1] - this.top[0]);
  }
}
