/**
 * The separation of one song: windows -> masks -> cross-fade -> carrier -> stems.
 *
 * The same road as keras_munet/separation/stream.py, with the song at hand as a
 * whole. Memory does not grow with the song: what is done goes to `onSegment`.
 */

import {
  carrierGrid,
  type Grid,
  MaskCarrier,
  nFramesOf,
  normalize,
} from "../dsp/carrier";
import { type Song, songLength } from "../dsp/pcm";
import { Resampler } from "../dsp/resample";
import { chunkLength, type StftSettings } from "../dsp/settings";
import { monoReader } from "./song_reader";
import { StemWriter } from "./stem_writer";
import { CrossFade, type MaskFrame, nMaskFrames, nWindows, windowStep } from "./windows";

/** Runs the network on one chunk; gives masks (bins, frames, sources). */
export type Infer = (waveform: Float32Array) => Promise<Float32Array>;

/** A finished piece: each stem's samples from `start` on, channels interleaved. */
export type OnSegment = (start: number, stems: Int16Array<ArrayBuffer>[]) => void;

/** Stems that a model of `nSources` gives: a single source comes with the rest. */
export function stemNames(sources: readonly string[]): string[] {
  if (sources.length > 1) return [...sources];
  const source = sources[0]!;
  return [source, source === "vocals" ? "accompaniment" : `no_${source}`];
}

/** Separates a song window by window. */
export class Separation {
  private readonly grid: Grid;
  private readonly carrier: MaskCarrier;
  private readonly step: number;
  private readonly resampler: Resampler;
  private readonly nTotal: number;
  private readonly writer: StemWriter;
  private readonly known: MaskFrame[] = [];
  private firstKnown = 0;
  private nextFrame = 0;
  readonly nWindows: number;

  constructor(
    private readonly song: Song,
    sources: readonly string[],
    private readonly stft: StftSettings,
    private readonly infer: Infer,
    private readonly onSegment: OnSegment,
  ) {
    this.grid = carrierGrid(song.sampleRate, stft);
    this.carrier = new MaskCarrier(this.grid, stft);
    this.step = windowStep(stft);
    this.resampler = new Resampler(song.sampleRate, stft.sampleRate);
    this.nTotal = nMaskFrames(stft, this.resampler.outputLength(songLength(song)));
    this.nWindows = nWindows(stft, this.step, this.nTotal);
    this.writer = new StemWriter(song, this.grid, Math.max(1, sources.length - 1));
    this.nSources = sources.length;
  }

  private readonly nSources: number;

  /**
   * Runs to the end, or until `go` says no.
   *
   * @param go is asked before every window with the samples done so far.
   * @returns whether the song was finished.
   */
  async run(go: (done: number) => Promise<boolean>): Promise<boolean> {
    const read = monoReader(this.song);
    const crossFade = new CrossFade(this.stft, this.nSources, this.step);
    const chunk = new Float32Array(chunkLength(this.stft));
    for (let window = 0; window < this.nWindows; window++) {
      if (!(await go(this.writer.done))) return false;
      this.listen(window, chunk, read);
      const masks = await this.infer(chunk);
      const last = window === this.nWindows - 1;
      for (const frame of crossFade.add(masks, last)) {
        normalize(frame);
        this.known.push(frame);
      }
      this.carry();
      const start = this.writer.done;
      const stems = this.writer.take();
      if (stems[0]!.length > 0) this.onSegment(start, stems);
    }
    return true;
  }

  /**
   * Moves a chunk on to window `window`: what the model hears there, zeros after the
   * song. Samples that the window before had, too, are not made twice.
   */
  private listen(
    window: number,
    chunk: Float32Array,
    read: (from: number, to: number) => Float32Array,
  ): void {
    const advance = this.step * this.stft.hopLength;
    const kept = window === 0 ? 0 : Math.max(0, chunk.length - advance);
    if (kept > 0) chunk.copyWithin(0, advance);
    this.resampler.process(window * advance + kept, chunk.subarray(kept), read);
    const length = this.resampler.outputLength(songLength(this.song)) - window * advance;
    chunk.fill(0, Math.max(0, Math.min(chunk.length, length)));
  }

  /** Applies masks to all frames of the carrier that they reach by now. */
  private carry(): void {
    const nFrames = nFramesOf(this.grid, songLength(this.song));
    const row = new Float32Array(this.grid.nFft / 2 + 1);
    for (; this.nextFrame < nFrames; this.nextFrame++) {
      const place = Math.min(this.carrier.position(this.nextFrame), this.nTotal - 1);
      const below = Math.floor(place);
      const above = Math.min(below + 1, this.nTotal - 1);
      if (above - this.firstKnown >= this.known.length) break;
      const lower = this.known[below - this.firstKnown]!;
      const upper = this.known[above - this.firstKnown]!;
      this.writer.frame(this.nextFrame, (stem) => {
        this.carrier.read(lower[stem]!, upper[stem]!, place - below, row);
        return row;
      });
      this.known.splice(0, below - this.firstKnown);
      this.firstKnown = below;
    }
    if (this.nextFrame === nFrames) this.writer.finish();
  }
}
