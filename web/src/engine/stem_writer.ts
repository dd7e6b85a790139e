/** The carrier: frames of the song in, masked and added up, 16-bit stems out. */

import type { Grid } from "../dsp/carrier";
import { FFT } from "../dsp/fft";
import { shareSample, type Song, songLength } from "../dsp/pcm";
import { hann } from "../dsp/window";
import { OverlapAdd } from "./overlap_add";
import { FrameReader } from "./song_reader";

/** Transforms frames of the song, applies masks, and writes what is final. */
export class StemWriter {
  /** Samples handed out. */
  done = 0;
  private readonly fft: FFT;
  private readonly window: Float64Array;
  private readonly reader: FrameReader;
  private readonly overlapAdd: OverlapAdd;
  private readonly nSamples: number;
  private readonly spectrum: [Float64Array, Float64Array];
  private readonly masked: [Float64Array, Float64Array];
  private readonly shares: Int32Array;
  private position: number;
  private ready = 0;
  private stems: Int16Array<ArrayBuffer>[];

  constructor(
    private readonly song: Song,
    private readonly grid: Grid,
    private readonly nMasked: number,
  ) {
    const { nFft, hopLength } = grid;
    this.fft = new FFT(nFft);
    this.window = hann(nFft);
    this.reader = new FrameReader(song, nFft, hopLength);
    this.overlapAdd = new OverlapAdd(nMasked, this.window, hopLength);
    this.nSamples = songLength(song);
    this.spectrum = [new Float64Array(nFft), new Float64Array(nFft)];
    this.masked = [new Float64Array(nFft), new Float64Array(nFft)];
    this.shares = new Int32Array(nMasked + 1);
    this.position = -nFft / 2;
    this.stems = this.room(hopLength * 256);
  }

  private room(nSamples: number): Int16Array<ArrayBuffer>[] {
    const length = nSamples * this.song.channels.length;
    return Array.from({ length: this.nMasked + 1 }, () => new Int16Array(length));
  }

  /** Handles one frame; `maskOf` gives the carried mask of a stem. */
  frame(number: number, maskOf: (stem: number) => Float32Array): void {
    const [real, imaginary] = this.spectrum;
    this.reader.read(number, this.window, real, imaginary);
    this.fft.forward(real, imaginary);
    for (let stem = 0; stem < this.nMasked; stem++) {
      const [re, im] = this.masked;
      multiply(this.spectrum, maskOf(stem), this.masked);
      this.fft.inverse(re, im);
      this.overlapAdd.add(stem, re, im);
    }
    this.overlapAdd.count();
    this.emit();
  }

  /** Gives what the last frames still hold. */
  finish(): void {
    while (this.position < this.nSamples) this.emit();
  }

  private emit(): void {
    const { hopLength } = this.grid;
    this.overlapAdd.step((n, left, right) => {
      const sample = this.position + n;
      if (sample >= 0 && sample < this.nSamples) this.put(sample, left, right);
    });
    this.position += hopLength;
  }

  private put(sample: number, left: Float64Array, right: Float64Array): void {
    const nChannels = this.song.channels.length;
    const at = (sample - this.done) * nChannels;
    if (at + nChannels > this.stems[0]!.length) this.grow();
    for (let channel = 0; channel < nChannels; channel++) {
      const value = this.song.channels[channel]![sample]!;
      shareSample(value, channel === 0 ? left : right, this.shares);
      for (let stem = 0; stem <= this.nMasked; stem++) {
        this.stems[stem]![at + channel] = this.shares[stem]!;
      }
    }
    this.ready = sample + 1 - this.done;
  }

  private grow(): void {
    const larger = this.room((2 * this.stems[0]!.length) / this.song.channels.length);
    larger.forEach((values, stem) => values.set(this.stems[stem]!));
    this.stems = larger;
  }

  /** Hands out the samples from `done` on. */
  take(): Int16Array<ArrayBuffer>[] {
    const length = this.ready * this.song.channels.length;
    const stems = this.stems.map((values) => values.slice(0, length));
    this.done += this.ready;
    this.ready = 0;
    return stems;
  }
}

/** Multiplies a spectrum with a real mask, the negative frequencies alike. */
function multiply(
  [real, imaginary]: [Float64Array, Float64Array],
  mask: Float32Array,
  [re, im]: [Float64Array, Float64Array],
): void {
  const length = real.length;
  for (let bin = 0; bin < mask.length; bin++) {
    const value = mask[bin]!;
    const mirror = (length - bin) % length;
    re[bin] = real[bin]! * value;
    im[bin] = imaginary[bin]! * value;
    re[mirror] = real[mirror]! * value;
    im[mirror] = imaginary[mirror]! * value;
  }
}
