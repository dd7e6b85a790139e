/** The periodic Hann window. */

/** Returns the periodic Hann window of `length` samples. */
export function hann(length: number): Float64Array {
  return Float64Array.from(
    { length },
    (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / length),
  );
}
