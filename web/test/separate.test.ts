/** The whole road with a network of fixed masks, against Python sample by sample. */

import { describe, expect, it } from "vitest";

import { nBins } from "../src/dsp/settings";
import { Separation, stemNames } from "../src/engine/separate";
import { fade, windowStep } from "../src/engine/windows";
import { noise, SMALL, vectors } from "./vectors";

interface SeparationVector {
  sources: string[];
  n_samples: number;
  n_channels: number;
  stems: number[][];
}

const RATE = 2756;

/** Masks that vary over windows, bins, frames and sources, as in Python. */
function patternNetwork(nSources: number) {
  let window = -1;
  return async () => {
    window += 1;
    const masks = new Float32Array(nBins(SMALL) * SMALL.nFrames * nSources);
    let at = 0;
    for (let b = 0; b < nBins(SMALL); b++) {
      for (let f = 0; f < SMALL.nFrames; f++) {
        for (let k = 0; k < nSources; k++) {
          masks[at++] = 0.5 + 0.5 * Math.sin(window + 0.3 * b + 0.7 * f + 2 * k);
        }
      }
    }
    return masks;
  };
}

async function separated(sources: string[], channels: Int16Array[]): Promise<number[][]> {
  const stems = stemNames(sources).map(() => [] as number[]);
  const song = { sampleRate: RATE, channels, unit: 1 };
  const network = patternNetwork(sources.length);
  let next = 0;
  const separation = new Separation(song, sources, SMALL, network, (start, pieces) => {
    expect(start).toBe(next);
    next += pieces[0]!.length / channels.length;
    pieces.forEach((piece, n) => stems[n]!.push(...piece));
  });
  expect(await separation.run(async () => true)).toBe(true);
  return stems;
}

function channelsOf(vector: SeparationVector): Int16Array[] {
  const { n_samples, n_channels } = vector;
  const values = noise(n_samples * n_channels, 1);
  return Array.from({ length: n_channels }, (_, channel) =>
    Int16Array.from({ length: n_samples }, (_, n) => values[n * n_channels + channel]!),
  );
}

describe("separation", () => {
  it.each(vectors<SeparationVector[]>("separation.json"))(
    "as in Python: $sources, $n_samples samples",
    async (vector) => {
      const stems = await separated(vector.sources, channelsOf(vector));
      expect(stems.length).toBe(vector.stems.length);
      vector.stems.forEach((expected, stem) => {
        expect(stems[stem]!.length).toBe(expected.length);
        const error = Math.max(...expected.map((value, n) => Math.abs(value - stems[stem]![n]!)));
        expect(error).toBeLessThanOrEqual(1); // the last bit: Python rounds float32
      });
    },
  );

  it.each([1, 2, 63, 64, 65, 127, 128, 129, 1000])("of %i samples sums to them", async (n) => {
    const song = noise(n, 3);
    const stems = await separated(["vocals", "drums", "bass"], [song]);
    song.forEach((value, at) => {
      expect(stems.reduce((sum, stem) => sum + stem[at]!, 0)).toBe(value);
    });
  });

  it("stops when it is told to", async () => {
    const song = { sampleRate: RATE, channels: [noise(5000, 1)], unit: 1 };
    let asked = 0;
    const separation = new Separation(song, ["a", "b"], SMALL, patternNetwork(2), () => undefined);
    expect(await separation.run(async () => ++asked < 3)).toBe(false);
    expect(asked).toBe(3);
  });

  it("fades windows as Python does", () => {
    const vector = vectors<{ step: number; weights: number[] }>("fade.json");
    expect(windowStep(SMALL)).toBe(vector.step);
    const weights = fade(SMALL.nFrames, vector.step);
    vector.weights.forEach((weight, n) => expect(weights[n]).toBeCloseTo(weight, 6));
  });

  it("gives a single source its rest", () => {
    expect(stemNames(["vocals"])).toEqual(["vocals", "accompaniment"]);
    expect(stemNames(["bass"])).toEqual(["bass", "no_bass"]);
  });
});
