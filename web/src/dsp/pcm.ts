/** Songs and stems as 16-bit samples whose sum is kept exactly. */

/** A decoded song: one array of 16-bit samples per channel. */
export interface Song {
  readonly sampleRate: number;
  readonly channels: readonly Int16Array[];
  /** What the sample value 32768 stands for: 1, or more where the song peaks above. */
  readonly unit: number;
}

/** Samples per channel of a song. */
export function songLength(song: Song): number {
  return song.channels[0]?.length ?? 0;
}

/** Largest absolute sample of all channels. */
export function peakOf(channels: readonly Float32Array[]): number {
  let peak = 0;
  for (const channel of channels) {
    for (let n = 0; n < channel.length; n++) peak = Math.max(peak, Math.abs(channel[n]!));
  }
  return peak;
}

/** The unit for a peak: 1 keeps a 16-bit file bit for bit. */
export function unitFor(peak: number): number {
  return peak <= 1 ? 1 : (peak * 32768) / 32767;
}

/** Rounds to the nearest 16-bit value, and holds what lies outside at the ends. */
export function toInt16(value: number): number {
  return Math.max(-32768, Math.min(32767, Math.round(value)));
}

/** Turns float samples into 16-bit ones, +-1 being +-`unit`. */
export function quantize(samples: Float32Array, unit: number): Int16Array {
  const scale = 32768 / unit;
  const values = new Int16Array(samples.length);
  for (let n = 0; n < samples.length; n++) values[n] = toInt16(samples[n]! * scale);
  return values;
}

/**
 * Splits one sample of the song over the stems: `estimates` holds what all stems but
 * the last should get, and the last gets the rest.
 *
 * The law: the results are 16-bit and their sum is `sample`, always. Where a rest
 * would not fit into 16 bits, the stems before it give way (as `complete_quantized`
 * in keras_munet/separation/recipe.py does).
 */
export function shareSample(sample: number, estimates: Float64Array, out: Int32Array): void {
  let rest = sample;
  for (let stem = 0; stem < estimates.length; stem++) {
    const nAfter = estimates.length - stem; // stems that must hold what is left
    const fitting = Math.max(
      rest - nAfter * 32767,
      Math.min(rest + nAfter * 32768, toInt16(estimates[stem]!)),
    );
    out[stem] = Math.max(-32768, Math.min(32767, fitting));
    rest -= out[stem]!;
  }
  out[estimates.length] = rest;
}
