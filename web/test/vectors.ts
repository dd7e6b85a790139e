/** Reads what tests/web_vectors.py wrote, and makes the same signals. */

import { readFileSync } from "node:fs";

import type { StftSettings } from "../src/dsp/settings";

/** Returns the contents of a file of test-vectors/. */
export function vectors<T>(name: string): T {
  const path = new URL(`../test-vectors/${name}`, import.meta.url);
  return JSON.parse(readFileSync(path, "utf-8")) as T;
}

/** The small front end of the vectors, and that of the models. */
export const { small: SMALL, model: MODEL } =
  vectors<Record<"small" | "model", StftSettings>>("settings.json");

/** The noise of the vectors. */
export function noise(n: number, seed: number): Int16Array {
  let state = BigInt(seed);
  return Int16Array.from({ length: n }, () => {
    state = (state * 1103515245n + 12345n) % 2147483648n;
    return Number((state >> 8n) % 40000n) - 20000;
  });
}
