/**
 * Masks of a signal of any length: overlapping windows, cross-faded frame by frame.
 *
 * The same as `MaskStream` in keras_munet/separation/masks.py: window w starts at
 * frame `w * step`, and frames that two windows share are averaged with `fade`.
 */

import { nBins, type StftSettings } from "../dsp/settings";

/** One row of bins per source. */
export type MaskFrame = Float32Array[];

/** Frames from one window to the next, at least one. */
export function windowStep(stft: StftSettings): number {
  return Math.max(1, Math.round((1 - stft.overlap) * (stft.nFrames - 1)));
}

/** Weights of a window's frames: a trapezoid, nowhere zero. */
export function fade(nFrames: number, step: number): Float32Array {
  const nShared = nFrames - step;
  return Float32Array.from({ length: nFrames }, (_, n) =>
    Math.min((n + 0.5) / nShared, (nFrames - n - 0.5) / nShared, 1),
  );
}

/** Frames that cover `nSamples` of the model's rate. */
export function nMaskFrames(stft: StftSettings, nSamples: number): number {
  return Math.ceil(nSamples / stft.hopLength) + 1;
}

/** Windows that cover `nTotal` frames. */
export function nWindows(stft: StftSettings, step: number, nTotal: number): number {
  const reach = stft.nFrames - step;
  return Math.max(1, Math.ceil((nTotal - reach) / step));
}

/** Adds windows up and gives the frames that no later window touches. */
export class CrossFade {
  private readonly weights: Float32Array;
  private readonly total: MaskFrame[];
  private readonly weight: Float64Array;

  constructor(
    private readonly stft: StftSettings,
    private readonly nSources: number,
    private readonly step: number,
  ) {
    this.weights = fade(stft.nFrames, step);
    this.weight = new Float64Array(stft.nFrames);
    this.total = Array.from({ length: stft.nFrames }, () => this.empty());
  }

  private empty(): MaskFrame {
    return Array.from({ length: this.nSources }, () => new Float32Array(nBins(this.stft)));
  }

  /**
   * Adds the masks of the next window.
   *
   * @param masks (bins, frames, sources), as the model gives them.
   * @param last whether no window follows: then all frames are given.
   */
  add(masks: Float32Array, last: boolean): MaskFrame[] {
    const { nFrames } = this.stft;
    const bins = nBins(this.stft);
    for (let frame = 0; frame < nFrames; frame++) {
      const weight = this.weights[frame]!;
      this.weight[frame]! += weight;
      this.total[frame]!.forEach((row, source) => {
        for (let bin = 0; bin < bins; bin++) {
          const at = (bin * nFrames + frame) * this.nSources + source;
          row[bin]! += weight * masks[at]!;
        }
      });
    }
    return this.emit(last ? nFrames : this.step);
  }

  private emit(count: number): MaskFrame[] {
    const frames = this.total.splice(0, count);
    frames.forEach((frame, n) => {
      const scale = 1 / this.weight[n]!;
      for (const row of frame) for (let bin = 0; bin < row.length; bin++) row[bin]! *= scale;
    });
    for (let n = 0; n < count; n++) this.total.push(this.empty());
    this.weight.copyWithin(0, count);
    this.weight.fill(0, this.weight.length - count);
    return frames;
  }
}
