/** Stems and mixes as wav files, made piece by piece. */

import { toInt16 } from "../dsp/pcm";
import { wavHeader } from "../dsp/wav";
import { Mixer } from "../player/mixer";
import type { StoreClient } from "../store/client";
import type { StemShape } from "../store/protocol";

const PIECE = 2 ** 19; // samples read at once

/** The song that is open, as far as saving needs it. */
export interface OpenStems {
  readonly shape: StemShape;
  readonly sampleRate: number;
  readonly unit: number;
}

/** Makes a 16-bit wav of one stem. */
export function stemFile(store: StoreClient, open: OpenStems, stem: number): Promise<Blob> {
  return wavFile(store, open, (stems) => rescaled(stems[stem]!, open.unit));
}

/** Makes a 16-bit wav of the mix with these gains. */
export function mixFile(
  store: StoreClient,
  open: OpenStems,
  gains: readonly number[],
): Promise<Blob> {
  const { nStems, nChannels } = open.shape;
  const mixer = new Mixer(nStems, nChannels, open.unit, open.sampleRate);
  mixer.setGains(gains, true);
  return wavFile(store, open, (stems) => {
    const count = stems[0]!.length / nChannels;
    const outputs = Array.from({ length: nChannels }, () => new Float32Array(count));
    mixer.add(stems, 0, outputs, 0, count);
    const values = new Int16Array(count * nChannels);
    outputs.forEach((output, channel) =>
      output.forEach((value, n) => (values[n * nChannels + channel] = toInt16(value))),
    );
    return values;
  });
}

async function wavFile(
  store: StoreClient,
  open: OpenStems,
  make: (stems: Int16Array<ArrayBuffer>[]) => Int16Array<ArrayBuffer>,
): Promise<Blob> {
  const { nChannels, nSamples } = open.shape;
  const parts: BlobPart[] = [wavHeader(open.sampleRate, nChannels, nSamples)];
  for (let start = 0; start < nSamples; start += PIECE) {
    const stems = await store.read(start, Math.min(PIECE, nSamples - start));
    if (stems.length === 0) throw new Error("the song was closed while it was saved");
    parts.push(new Blob([make(stems)])); // a blob may leave this tab's memory
  }
  return new Blob(parts, { type: "audio/wav" });
}

function rescaled(values: Int16Array<ArrayBuffer>, unit: number): Int16Array<ArrayBuffer> {
  return unit === 1 ? values : values.map((value) => toInt16(value * unit));
}

/** Hands a file to the browser's downloads. */
export function download(file: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** A file name without folders, suffix, and what file systems refuse. */
export function baseName(name: string): string {
  const stem = name.replace(/\.[^.]{1,5}$/, "").replace(/[\\/:*?"<>|\u0000-\u001f]/g, "_");
  return stem.trim() || "song";
}
