/** What the page and the engine say to each other. */

import type { Song } from "../dsp/pcm";
import type { StftSettings } from "../dsp/settings";

/** Where the runtime's files are, and what it shall run. */
export interface EngineOptions {
  readonly scriptUrl: string;
  readonly wasmUrl: string;
  readonly model: Uint8Array<ArrayBuffer>;
  /** 1 uses the runtime without threads. */
  readonly nThreads: number;
  readonly sources: readonly string[];
  readonly stft: StftSettings;
}

export type PageToEngine =
  | { type: "load"; options: EngineOptions; store: MessagePort }
  | { type: "separate"; job: number; song: Song }
  | { type: "cancel" };

export type EngineToPage =
  | { type: "loaded"; seconds: number }
  | { type: "unusable"; message: string }
  | { type: "progress"; job: number; done: number; total: number }
  | { type: "finished"; job: number; seconds: number }
  | { type: "failed"; job: number; message: string };
