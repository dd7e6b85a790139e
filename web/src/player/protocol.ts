/** What the page and the player in the audio thread say to each other. */

/** Given to the audio worklet when it starts. */
export interface PlayerOptions {
  readonly nStems: number;
  readonly nChannels: number;
  readonly nSamples: number;
  readonly scale: number;
}

export type PageToPlayer =
  | { type: "store"; port: MessagePort }
  | { type: "play" }
  | { type: "pause" }
  | { type: "seek"; sample: number }
  | { type: "gains"; gains: number[] };

/** Sent some thirty times a second while playing, and once after every change. */
export interface PlayerState {
  readonly position: number;
  readonly playing: boolean;
  /** Playing, but the stems at this place are not computed yet. */
  readonly waiting: boolean;
  readonly ended: boolean;
  readonly levels: number[];
}
