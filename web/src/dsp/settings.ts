/**
 * The model's front end, and how its masks are used, as `karaoke.json` gives both: the
 * numbers are those of the Python package.
 */

/** Lengths in samples at `sampleRate`; shares of it for `limit` and `top`. */
export interface StftSettings {
  readonly sampleRate: number;
  readonly nFft: number;
  readonly hopLength: number;
  readonly nFrames: number;
  /** Share of a window that the next one covers again. */
  readonly overlap: number;
  /** Masks are read up to here. */
  readonly limit: number;
  /** The band whose mean stands for all above the limit. */
  readonly top: readonly [number, number];
}

/** Bins of one frame. */
export function nBins(stft: StftSettings): number {
  return stft.nFft / 2 + 1;
}

/** Samples that the model takes at once. */
export function chunkLength(stft: StftSettings): number {
  return (stft.nFrames - 1) * stft.hopLength;
}
