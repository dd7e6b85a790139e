/** The model's front end, as `karaoke.json` gives it. */

/** Lengths in samples at `sampleRate`. */
export interface StftSettings {
  readonly sampleRate: number;
  readonly nFft: number;
  readonly hopLength: number;
  readonly nFrames: number;
}

/** Bins of one frame. */
export function nBins(stft: StftSettings): number {
  return stft.nFft / 2 + 1;
}

/** Samples that the model takes at once. */
export function chunkLength(stft: StftSettings): number {
  return (stft.nFrames - 1) * stft.hopLength;
}
