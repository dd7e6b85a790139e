/** Laws of the signal processing, and the vectors that Python wrote. */

import { describe, expect, it } from "vitest";

import { carrierGrid, MaskCarrier, nFramesOf, normalize } from "../src/dsp/carrier";
import { FFT } from "../src/dsp/fft";
import { quantize, shareSample, unitFor } from "../src/dsp/pcm";
import { Resampler } from "../src/dsp/resample";
import { nBins } from "../src/dsp/settings";
import { wavHeader } from "../src/dsp/wav";
import { MODEL, vectors } from "./vectors";

describe("FFT", () => {
  it("puts a tone into its bin", () => {
    const real = Float64Array.from({ length: 64 }, (_, n) => Math.cos((2 * Math.PI * 5 * n) / 64));
    const imaginary = new Float64Array(64);
    new FFT(64).forward(real, imaginary);
    real.forEach((value, k) => expect(value).toBeCloseTo(k === 5 || k === 59 ? 32 : 0, 10));
  });

  it("comes back", () => {
    const signal = Float64Array.from({ length: 4096 }, (_, n) => Math.sin(n * n));
    const real = signal.slice();
    const imaginary = signal.slice().reverse();
    const fft = new FFT(4096);
    fft.forward(real, imaginary);
    fft.inverse(real, imaginary);
    const error = Math.max(...real.map((value, n) => Math.abs(value - signal[n]!)));
    expect(error).toBeLessThan(1e-12);
  });

  it("refuses other lengths", () => {
    expect(() => new FFT(1022)).toThrow("at least 4. Received: 1022");
  });
});

interface CarrierVector {
  sample_rate: number;
  n_fft: number;
  n_frames: number;
  bins: number[];
  values: number[][];
}

describe("masks carried to a song's rate", () => {
  const rows = Array.from({ length: 6 }, (_, f) => {
    const frame = [0, 1].map((k) =>
      Float32Array.from({ length: nBins(MODEL) }, (_, b) => 1 + Math.sin(0.05 * b + f + 2 * k)),
    );
    normalize(frame);
    return frame;
  });

  it.each(vectors<CarrierVector[]>("carrier.json"))("as in Python, $sample_rate Hz", (vector) => {
    const grid = carrierGrid(vector.sample_rate, MODEL);
    expect(grid.nFft).toBe(vector.n_fft);
    expect(nFramesOf(grid, vector.sample_rate / 10)).toBe(vector.n_frames);
    const carrier = new MaskCarrier(grid, MODEL);
    const out = new Float32Array(grid.nFft / 2 + 1);
    vector.values.forEach((expected, frame) => {
      const place = Math.min(carrier.position(frame), 5);
      const below = Math.floor(place);
      const above = Math.min(below + 1, 5);
      carrier.read(rows[below]![0]!, rows[above]![0]!, place - below, out);
      vector.bins.forEach((bin, n) => expect(out[bin]).toBeCloseTo(expected[n]!, 4));
    });
  });

  it("keep their sum of one", () => {
    const carrier = new MaskCarrier(carrierGrid(44100, MODEL), MODEL);
    const sum = new Float32Array(2049);
    for (const source of [0, 1]) {
      const out = new Float32Array(2049);
      carrier.read(rows[2]![source]!, rows[3]![source]!, 0.3, out);
      out.forEach((value, bin) => (sum[bin]! += value));
    }
    sum.forEach((value) => expect(value).toBeCloseTo(1, 5));
  });

  it("are shared equally where all are zero", () => {
    const silent = [new Float32Array(4), new Float32Array(4)];
    normalize(silent);
    expect([...silent[0]!]).toEqual([0.5, 0.5, 0.5, 0.5]);
  });
});

describe("resampling", () => {
  it.each(vectors<{ rate_in: number; out: number[] }[]>("resample.json"))(
    "agrees with soxr, $rate_in Hz",
    ({ rate_in, out }) => {
      const chirp = Float32Array.from({ length: rate_in / 10 }, (_, n) =>
        Math.sin(2 * Math.PI * 16000 * (n / rate_in) ** 2),
      );
      const resampler = new Resampler(rate_in, 10880);
      expect(resampler.outputLength(chirp.length)).toBe(out.length);
      const mine = new Float32Array(out.length);
      resampler.process(0, mine, padded(chirp));
      const inside = out.slice(60, -60); // the ends ring, each filter in its own way
      const noise = inside.reduce((sum, value, n) => sum + (mine[n + 60]! - value) ** 2, 0);
      const power = inside.reduce((sum, value) => sum + value ** 2, 0);
      expect(10 * Math.log10(power / noise)).toBeGreaterThan(60);
    },
  );

  it("gives the same from any start", () => {
    const signal = Float32Array.from({ length: 9000 }, (_, n) => Math.sin(n * 0.01));
    const resampler = new Resampler(44100, 10880);
    const whole = new Float32Array(2000);
    const part = new Float32Array(500);
    resampler.process(0, whole, padded(signal));
    resampler.process(700, part, padded(signal));
    part.forEach((value, n) => expect(value).toBeCloseTo(whole[700 + n]!, 6));
  });

  it("leaves a song at the model's rate alone", () => {
    const signal = Float32Array.from([1, 2, 3]);
    const out = new Float32Array(5);
    new Resampler(10880, 10880).process(0, out, padded(signal));
    expect([...out]).toEqual([1, 2, 3, 0, 0]);
  });
});

function padded(signal: Float32Array) {
  return (from: number, to: number) =>
    Float32Array.from({ length: to - from }, (_, n) => signal[from + n] ?? 0);
}

describe("16-bit stems", () => {
  it("always sum to the song", () => {
    const out = new Int32Array(4);
    for (let trial = 0; trial < 2000; trial++) {
      const value = (n: number) => Math.sin(trial * 17 + n * n * 3) * 60000;
      const sample = Math.max(-32768, Math.min(32767, Math.round(value(0))));
      shareSample(sample, Float64Array.from([value(1), value(2), value(3)]), out);
      expect(out.reduce((sum, stem) => sum + stem, 0)).toBe(sample);
      out.forEach((stem) => expect(Math.abs(stem + 0.5)).toBeLessThanOrEqual(32767.5));
    }
  });

  it("keep a 16-bit file bit for bit", () => {
    const file = Int16Array.from([-32768, -1, 0, 1, 32767]);
    const decoded = Float32Array.from(file, (value) => value / 32768);
    expect(quantize(decoded, unitFor(1))).toEqual(file);
  });

  it("hold songs that peak above full scale", () => {
    const unit = unitFor(1.3);
    const [peak] = quantize(Float32Array.from([1.3]), unit);
    expect((peak! * unit) / 32768).toBeCloseTo(1.3, 4);
  });

  it("have a header that states the size", () => {
    const view = new DataView(wavHeader(44100, 2, 1000).buffer);
    expect(view.getUint32(4, true)).toBe(4036);
    expect(view.getUint32(24, true)).toBe(44100);
    expect(view.getUint32(40, true)).toBe(4000);
  });
});
