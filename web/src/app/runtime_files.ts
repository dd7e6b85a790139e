/** Which of LiteRT's WebAssembly builds this browser can run, and where it lies. */

import plainScript from "@litertjs/core/wasm/litert_wasm_internal.js?url";
import plainWasm from "@litertjs/core/wasm/litert_wasm_internal.wasm?url";
import threadedScript from "@litertjs/core/wasm/litert_wasm_threaded_internal.js?url";
import threadedWasm from "@litertjs/core/wasm/litert_wasm_threaded_internal.wasm?url";
import compatScript from "@litertjs/core/wasm/litert_wasm_compat_internal.js?url";
import compatWasm from "@litertjs/core/wasm/litert_wasm_compat_internal.wasm?url";

/** More threads than this do not help a network of this size. */
const MAX_THREADS = 4;

/** One build of the runtime. */
export interface RuntimeFiles {
  readonly script: string;
  readonly wasm: string;
  readonly nThreads: number;
}

/**
 * Chooses the build.
 *
 * @param wanted number of threads; null takes what the machine has. Threads need a
 *   page that is served with COOP and COEP headers.
 */
export function runtimeFiles(wanted: number | null): RuntimeFiles {
  const relaxed = WebAssembly.validate(RELAXED_SIMD_MODULE);
  if (!relaxed) return { script: compatScript, wasm: compatWasm, nThreads: 1 };
  const possible = globalThis.crossOriginIsolated ? (navigator.hardwareConcurrency ?? 1) : 1;
  const nThreads = Math.max(1, Math.min(possible, wanted ?? MAX_THREADS, MAX_THREADS));
  return nThreads > 1
    ? { script: threadedScript, wasm: threadedWasm, nThreads }
    : { script: plainScript, wasm: plainWasm, nThreads };
}

/** A module that uses one instruction of relaxed SIMD. */
const RELAXED_SIMD_MODULE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253,
  15, 65, 2, 253, 15, 253, 128, 2, 11,
]);
