/** The player in the audio thread: takes blocks from the store, mixes, reports. */

import type { Block } from "../store/protocol";
import { Mixer } from "./mixer";
import type { PageToPlayer, PlayerOptions, PlayerState } from "./protocol";
import { BlockQueue } from "./queue";

declare const sampleRate: number;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(
  name: string,
  processor: new (options: { processorOptions: PlayerOptions }) => AudioWorkletProcessor,
): void;

class StemPlayer extends AudioWorkletProcessor {
  private readonly mixer: Mixer;
  private readonly queue: BlockQueue;
  private store: MessagePort | null = null;
  private playing = false;
  private waiting = false;
  private sinceReport = 0;

  constructor(options: { processorOptions: PlayerOptions }) {
    super();
    const { nStems, nChannels, nSamples, scale } = options.processorOptions;
    this.mixer = new Mixer(nStems, nChannels, scale, sampleRate);
    this.queue = new BlockQueue(nSamples, sampleRate, (request) =>
      this.store?.postMessage(request),
    );
    this.port.onmessage = (event: MessageEvent<PageToPlayer>) => this.obey(event.data);
  }

  private obey(message: PageToPlayer): void {
    switch (message.type) {
      case "store":
        this.store = message.port;
        this.store.onmessage = (event: MessageEvent<Block>) => this.queue.receive(event.data);
        this.queue.seek(0);
        break;
      case "play":
        if (this.queue.ended) this.queue.seek(0);
        this.playing = true;
        break;
      case "pause":
        this.playing = false;
        break;
      case "seek":
        this.queue.seek(message.sample);
        break;
      case "gains":
        this.mixer.setGains(message.gains);
        break;
    }
    this.report();
  }

  process(_: unknown, outputs: Float32Array[][]): boolean {
    const output = outputs[0]!;
    if (!this.playing) return true;
    const length = output[0]!.length;
    const done = this.queue.take(length, (stems, offset, place, n) =>
      this.mixer.add(stems, offset, output, place, n),
    );
    const before = this.waiting;
    this.waiting = done < length && !this.queue.ended;
    if (this.queue.ended) this.playing = false;
    this.sinceReport += length;
    const due = this.sinceReport >= sampleRate / 30;
    if (due || this.waiting !== before || !this.playing) this.report();
    return true;
  }

  private report(): void {
    this.sinceReport = 0;
    const state: PlayerState = {
      position: this.queue.position,
      playing: this.playing,
      waiting: this.playing && this.waiting,
      ended: this.queue.ended,
      levels: this.mixer.takeLevels(),
    };
    this.port.postMessage(state);
  }
}

registerProcessor("stem-player", StemPlayer);
