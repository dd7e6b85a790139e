/** The page's hand on the player: one audio context, one node that mixes all stems. */

import workletUrl from "./player.worklet.ts?worker&url";
import { gainsOf, type StemSetting } from "./mixer";
import type { PageToPlayer, PlayerOptions, PlayerState } from "./protocol";

/** Plays the stems of one song at its own sample rate. */
export class Player {
  private constructor(
    private readonly context: AudioContext,
    private readonly node: AudioWorkletNode,
    readonly sampleRate: number,
  ) {}

  /**
   * Opens the sound card at the song's rate.
   *
   * @param store the end of a channel whose other end the store of stems has.
   */
  static async open(
    sampleRate: number,
    options: PlayerOptions,
    store: MessagePort,
    onState: (state: PlayerState) => void,
  ): Promise<Player> {
    const context = new AudioContext({ sampleRate });
    try {
      await context.audioWorklet.addModule(workletUrl);
      const node = new AudioWorkletNode(context, "stem-player", {
        numberOfInputs: 0,
        outputChannelCount: [2],
        processorOptions: options,
      });
      node.connect(context.destination);
      node.port.onmessage = (event: MessageEvent<PlayerState>) => onState(event.data);
      const player = new Player(context, node, sampleRate);
      player.send({ type: "store", port: store }, [store]);
      return player;
    } catch (error) {
      void context.close();
      throw error;
    }
  }

  private send(message: PageToPlayer, transfer: Transferable[] = []): void {
    this.node.port.postMessage(message, transfer);
  }

  /** Starts; call it from a click or key press, or the browser keeps silent. */
  async play(): Promise<void> {
    this.send({ type: "play" });
    await this.context.resume();
  }

  pause(): void {
    this.send({ type: "pause" });
  }

  seek(sample: number): void {
    this.send({ type: "seek", sample });
  }

  mix(settings: readonly StemSetting[]): void {
    this.send({ type: "gains", gains: gainsOf(settings) });
  }

  async close(): Promise<void> {
    this.node.disconnect();
    await this.context.close().catch(() => undefined);
  }
}
