/** What the page says when something goes wrong: what, and what to do about it. */

/** A problem whose message is written for the person at the page. */
export class Problem extends Error {
  constructor(
    message: string,
    /** Whether trying the same again may help. */
    readonly retry = false,
  ) {
    super(message);
  }
}

/** Returns the message for any error. */
export function explain(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const text = error instanceof Error ? error.message : String(error);
  if (error instanceof RangeError || /memory|allocation/i.test(text)) {
    return new Problem(
      "There is not enough memory for this song. Close other tabs, or take a shorter song.",
    );
  }
  const reason = text.replace(/\.$/, "");
  return new Problem(`Something went wrong: ${reason}. Reload the page and try again.`, true);
}

/** Why this browser cannot run the page; null where it can. */
export function missingFeature(): string | null {
  if (!globalThis.isSecureContext) {
    return (
      "Browsers allow this page on https:// addresses and on localhost only. " +
      "Open it through one of these."
    );
  }
  if (typeof WebAssembly === "undefined" || !hasSimd()) {
    return (
      "This browser cannot run the model: it lacks WebAssembly SIMD. " +
      "Use Chrome 91, Firefox 89, Safari 16.4 or newer."
    );
  }
  if (typeof AudioWorkletNode === "undefined") {
    return "This browser cannot play the stems: it lacks AudioWorklet. Use a newer one.";
  }
  return null;
}

/** A module whose one function splats a byte: valid only where SIMD is known. */
const SIMD_MODULE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253,
  15, 253, 98, 11,
]);

function hasSimd(): boolean {
  return WebAssembly.validate(SIMD_MODULE);
}
