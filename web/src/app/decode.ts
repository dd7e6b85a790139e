/** From a file to a song: decoded by the browser, at the file's own sample rate. */

import { peakOf, quantize, type Song, unitFor } from "../dsp/pcm";
import { sniff } from "../dsp/sniff";
import { Problem } from "./problems";

const MAX_BYTES = 1.2e9;
/**
 * Longer songs may not fit: a browser decodes a song as a whole, in 32-bit floats.
 * Chromium was seen to take 3.6 GB for half an hour of stereo.
 */
const MAX_S = 2400;
const MAX_SMALL_S = 720; // on devices with little memory
const LITTLE_GB = 4;
/** How long a browser may take to tell a song's length. */
const PATIENCE_MS = 5000;
/** Rates that an audio context must support; others are tried, then 48 kHz. */
const FALLBACK_RATE = 48000;
const COMMON_RATE = 44100;
const CENTRE = Math.SQRT1_2;

/** Decodes a file. Throws a `Problem` that names it when that cannot be done. */
export async function decodeSong(file: Blob, name: string): Promise<Song> {
  if (file.size === 0) throw new Problem(`“${name}” is empty (0 bytes). Choose another file.`);
  if (file.size > MAX_BYTES) {
    throw new Problem(
      `“${name}” is too large for a browser (${Math.round(file.size / 1e6)} MB). ` +
        "Use `keras-munet separate` for it.",
    );
  }
  checkLength(await lengthOf(file), name);
  const bytes = await file.arrayBuffer().catch(() => {
    throw new Problem(`“${name}” cannot be read. Was it moved or removed? Choose it again.`);
  });
  const buffer = await decodeBuffer(bytes, name);
  if (buffer.length === 0) throw new Problem(`“${name}” holds no sound. Choose another file.`);
  checkLength(buffer.duration, name);
  const channels = frontChannels(buffer);
  const unit = unitFor(peakOf(channels));
  return {
    sampleRate: buffer.sampleRate,
    channels: channels.map((channel) => quantize(channel, unit)),
    unit,
  };
}

function checkLength(seconds: number, name: string): void {
  const { deviceMemory } = navigator as { deviceMemory?: number };
  const limit = deviceMemory !== undefined && deviceMemory <= LITTLE_GB ? MAX_SMALL_S : MAX_S;
  if (seconds <= limit) return;
  throw new Problem(
    `“${name}” is ${Math.round(seconds / 60)} minutes long; on this device the page takes ` +
      `songs of up to ${limit / 60} minutes. Use \`keras-munet separate\` for it.`,
  );
}

/** The length as the file's header tells it, before all of it is decoded; 0 if unknown. */
function lengthOf(file: Blob): Promise<number> {
  const player = new Audio();
  const url = URL.createObjectURL(file);
  return new Promise<number>((resolve) => {
    const timer = setTimeout(() => resolve(0), PATIENCE_MS);
    const settle = (seconds: number) => {
      clearTimeout(timer);
      resolve(Number.isFinite(seconds) ? seconds : 0);
    };
    player.onloadedmetadata = () => settle(player.duration);
    player.onerror = () => settle(0);
    player.preload = "metadata";
    player.src = url;
  }).finally(() => {
    player.removeAttribute("src");
    URL.revokeObjectURL(url);
  });
}

async function decodeBuffer(bytes: ArrayBuffer, name: string): Promise<AudioBuffer> {
  const rate = sniff(bytes).sampleRate ?? COMMON_RATE;
  try {
    return await contextAt(rate).decodeAudioData(bytes);
  } catch {
    throw new Problem(
      `“${name}” is not a song that this browser can play. ` +
        "mp3, m4a (AAC), wav, flac and ogg work.",
    );
  }
}

function contextAt(rate: number): OfflineAudioContext {
  try {
    return new OfflineAudioContext(2, 1, rate);
  } catch {
    return new OfflineAudioContext(2, 1, FALLBACK_RATE);
  }
}

/** One or two channels; the centre and rear channels of more are folded in. */
function frontChannels(buffer: AudioBuffer): Float32Array[] {
  const all = Array.from({ length: buffer.numberOfChannels }, (_, n) => buffer.getChannelData(n));
  if (all.length <= 2) return all;
  const centre = all.length === 3 || all.length >= 5 ? all[2] : undefined;
  const rear = all.length >= 6 ? 4 : all.length === 5 ? 3 : all.length === 4 ? 2 : -1;
  return [0, 1].map((side) => {
    const mixed = Float32Array.from(all[side]!);
    for (const extra of [centre, rear >= 0 ? all[rear + side] : undefined]) {
      extra?.forEach((value, n) => (mixed[n]! += CENTRE * value));
    }
    return mixed;
  });
}
