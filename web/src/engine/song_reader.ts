/** Reading a song in two ways: as frames of the carrier, and as the model hears it. */

import { type Song, songLength } from "../dsp/pcm";

/** Reads the frames that the carrier's STFT needs, the padded ends included. */
export class FrameReader {
  private readonly left: Int16Array;
  private readonly right: Int16Array | null;
  private readonly nSamples: number;
  /** The length with the last hop made whole by zeros: what is mirrored at the end. */
  private readonly whole: number;

  constructor(
    song: Song,
    private readonly nFft: number,
    private readonly hopLength: number,
  ) {
    this.left = song.channels[0]!;
    this.right = song.channels[1] ?? null;
    this.nSamples = songLength(song);
    this.whole = Math.ceil(this.nSamples / hopLength) * hopLength;
  }

  /**
   * Fills a frame centred at `frame * hop`: the left channel in the real part, the
   * right one in the imaginary part, so that one transform serves both.
   */
  read(frame: number, window: Float64Array, real: Float64Array, imaginary: Float64Array): void {
    const first = frame * this.hopLength - this.nFft / 2;
    imaginary.fill(0);
    for (let n = 0; n < this.nFft; n++) {
      const at = this.mirrored(first + n);
      const inside = at >= 0 && at < this.nSamples;
      real[n] = inside ? window[n]! * this.left[at]! : 0;
      if (inside && this.right) imaginary[n] = window[n]! * this.right[at]!;
    }
  }

  private mirrored(sample: number): number {
    if (sample >= 0 && sample < this.whole) return sample;
    if (this.whole <= this.nFft / 2) return -1; // too short to be mirrored: zeros
    return sample < 0 ? -sample : 2 * (this.whole - 1) - sample;
  }
}

/** Gives the mean of the channels as floats, zeros outside the song. */
export function monoReader(song: Song): (from: number, to: number) => Float32Array {
  const scale = song.unit / 32768 / song.channels.length;
  const nSamples = songLength(song);
  return (from, to) => {
    const mono = new Float32Array(to - from);
    for (const channel of song.channels) {
      const end = Math.min(to, nSamples);
      for (let n = Math.max(0, from); n < end; n++) mono[n - from]! += channel[n]! * scale;
    }
    return mono;
  };
}
