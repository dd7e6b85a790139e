/** What the page, the engine and the player say to the store of stems. */

/** How a new song is kept: `auto` takes the disk for long songs. */
export type Place = "auto" | "memory" | "disk";

/** The shape of what is kept. */
export interface StemShape {
  readonly nStems: number;
  readonly nChannels: number;
  readonly nSamples: number;
}

export type PageToStore =
  | { type: "open"; job: number; shape: StemShape; place: Place; nBuckets: number }
  | { type: "engine"; port: MessagePort }
  | { type: "player"; port: MessagePort }
  | { type: "read"; id: number; start: number; count: number }
  | { type: "close" };

export type StoreToPage =
  | { type: "opened"; job: number; place: Place }
  | { type: "stored"; job: number; until: number; envelope: Envelope }
  | { type: "data"; id: number; stems: Int16Array<ArrayBuffer>[] }
  | { type: "failed"; job: number; message: string; storageFull: boolean };

/** Largest absolute values of each stem in the buckets from `first` on. */
export interface Envelope {
  readonly first: number;
  readonly stems: Float32Array[];
}

/** A finished piece of all stems; each array has its channels interleaved. */
export interface Segment {
  readonly job: number;
  readonly start: number;
  readonly stems: Int16Array<ArrayBuffer>[];
}

/** The player asks for a block; `epoch` tells requests before a seek apart. */
export interface BlockRequest {
  readonly epoch: number;
  readonly start: number;
  readonly count: number;
}

/** The answer: all stems over the same samples, so that they cannot drift apart. */
export interface Block extends BlockRequest {
  readonly stems: Int16Array<ArrayBuffer>[];
}
