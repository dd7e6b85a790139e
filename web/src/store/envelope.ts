/** The outline of stems that the waveform view draws. */

import type { Envelope, Segment, StemShape } from "./protocol";

/** Samples that one bucket of the outline stands for. */
export function bucketLength(nSamples: number, nBuckets: number): number {
  return Math.max(1, Math.ceil(nSamples / nBuckets));
}

/** Largest absolute value of each stem of a segment, bucket by bucket, in [0, 1]. */
export function envelopeOf(segment: Segment, shape: StemShape, nBuckets: number): Envelope {
  const length = bucketLength(shape.nSamples, nBuckets);
  const nSamples = segment.stems[0]!.length / shape.nChannels;
  const first = Math.floor(segment.start / length);
  const last = Math.floor((segment.start + Math.max(0, nSamples - 1)) / length);
  const stems = segment.stems.map((values) => {
    const peaks = new Float32Array(last - first + 1);
    for (let n = 0; n < values.length; n++) {
      const sample = segment.start + Math.floor(n / shape.nChannels);
      const bucket = Math.floor(sample / length) - first;
      peaks[bucket] = Math.max(peaks[bucket]!, Math.abs(values[n]!) / 32768);
    }
    return peaks;
  });
  return { first, stems };
}

/** Largest absolute value of a whole song, bucket by bucket, in [0, 1]. */
export function songEnvelope(channels: readonly Int16Array[], nBuckets: number): Float32Array {
  const nSamples = channels[0]?.length ?? 0;
  const length = bucketLength(nSamples, nBuckets);
  const peaks = new Float32Array(Math.ceil(nSamples / length));
  for (const channel of channels) {
    for (let n = 0; n < nSamples; n++) {
      const bucket = Math.floor(n / length);
      peaks[bucket] = Math.max(peaks[bucket]!, Math.abs(channel[n]!) / 32768);
    }
  }
  return peaks;
}
