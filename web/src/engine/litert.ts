/** The network in the browser: LiteRT.js on WebAssembly. */

import {
  type CompiledModel,
  type SignatureRunner,
  loadAndCompile,
  loadLiteRt,
  Tensor,
} from "@litertjs/core";

import { chunkLength, nBins } from "../dsp/settings";
import type { EngineOptions } from "./protocol";

const SIGNATURE = "separate";

interface LoaderScope {
  Module?: { locateFile: () => string; mainScriptUrlOrBlob: string } | undefined;
}

/** A compiled model that gives masks for waveforms. */
export class Network {
  private constructor(
    private readonly runner: SignatureRunner,
    private readonly nValues: number,
  ) {}

  /** Starts the runtime and compiles the model. */
  static async load(options: EngineOptions): Promise<Network> {
    // LiteRT's loader takes these presets; a classic worker needs no more.
    (self as LoaderScope).Module = {
      locateFile: () => options.wasmUrl,
      mainScriptUrlOrBlob: options.scriptUrl,
    };
    await loadLiteRt(options.scriptUrl);
    const model: CompiledModel = await loadAndCompile(options.model, {
      accelerator: "wasm",
      cpuOptions: { numThreads: options.nThreads },
    });
    const runner = model.signatures[SIGNATURE];
    if (!runner) throw new Error(`the model has no signature “${SIGNATURE}”`);
    const { stft, sources } = options;
    const nValues = nBins(stft) * stft.nFrames * sources.length;
    const network = new Network(runner, nValues);
    await network.masks(new Float32Array(chunkLength(stft))); // the first run is slow
    return network;
  }

  /** Returns masks (bins, frames, sources) of one chunk. */
  async masks(waveform: Float32Array): Promise<Float32Array> {
    const input = new Tensor(Float32Array.from(waveform), [1, waveform.length]);
    const outputs = await this.runner.run({ waveform: input });
    try {
      const masks = outputs["masks"];
      if (!masks) throw new Error("the model has no output “masks”");
      const values = masks.toTypedArray() as Float32Array;
      if (values.length !== this.nValues) {
        throw new Error(`the model gave ${values.length} mask values, not ${this.nValues}`);
      }
      return Float32Array.from(values);
    } finally {
      input.delete();
      for (const output of Object.values(outputs)) output.delete();
    }
  }
}
