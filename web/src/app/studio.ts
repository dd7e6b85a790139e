/** One song at a time: decoded, separated, kept, played. Knows nothing of the page. */

import { songLength } from "../dsp/pcm";
import { EngineClient } from "../engine/client";
import { stemNames } from "../engine/separate";
import { Player } from "../player/player";
import type { PlayerState } from "../player/protocol";
import type { StemSetting } from "../player/mixer";
import { StoreClient } from "../store/client";
import { songEnvelope } from "../store/envelope";
import type { Envelope, Place } from "../store/protocol";
import { fetchBytes } from "./assets";
import type { KaraokeConfig } from "./config";
import { decodeSong } from "./decode";
import { explain, Problem } from "./problems";
import { runtimeFiles } from "./runtime_files";
import type { OpenStems } from "./save";

/** Points of the outline that is drawn. */
const N_BUCKETS = 2000;
/** Stems are offered as soon as this much of them is there. */
const PLAYABLE_S = 2;

/** What the studio tells the page. */
export interface StudioEvents {
  loading(what: string, done: number, total: number): void;
  preparing(): void;
  ready(): void;
  decoding(name: string): void;
  opened(song: OpenSong, outline: Float32Array): void;
  stored(until: number, envelope: Envelope): void;
  playable(): void;
  progress(done: number, total: number): void;
  finished(seconds: number): void;
  player(state: PlayerState): void;
  problem(problem: Problem, phase: "load" | "song"): void;
}

/** The song that is open. */
export interface OpenSong extends OpenStems {
  readonly name: string;
  readonly stems: readonly string[];
  readonly place: Place;
}

/** Choices for tests and measurements, given in the page's address. */
export interface StudioOptions {
  readonly nThreads: number | null;
  readonly place: Place;
}

/** Loads the model once, then takes one song after the other. */
export class Studio {
  readonly store: StoreClient;
  song: OpenSong | null = null;
  /** Threads of the network. */
  nThreads = 1;
  private engine: EngineClient | null = null;
  private player: Player | null = null;
  private waiting: { file: Blob; name: string } | null = null;
  private job = 0;
  private playable = false;
  private busy = false;
  private loading = false;

  constructor(
    private readonly config: KaraokeConfig,
    private readonly options: StudioOptions,
    private readonly events: StudioEvents,
  ) {
    this.store = new StoreClient({
      stored: (job, until, envelope) => job === this.job && this.stored(until, envelope),
      failed: (job, message, full) =>
        job === this.job && this.fail(full ? new Problem(message) : new Error(message)),
    });
  }

  get loaded(): boolean {
    return this.engine !== null;
  }

  /** Fetches runtime and model and starts the engine. */
  async load(): Promise<void> {
    if (this.loading || this.engine) return;
    this.loading = true;
    try {
      this.engine = await this.startEngine();
    } catch (error) {
      this.events.problem(explain(error), "load");
      return;
    } finally {
      this.loading = false;
    }
    this.events.ready();
    if (this.waiting) {
      const { file, name } = this.waiting;
      await this.open(file, name);
    }
  }

  private async startEngine(): Promise<EngineClient> {
    const { version, model, sources, stft } = this.config;
    const files = runtimeFiles(this.options.nThreads);
    this.nThreads = files.nThreads;
    const fetchPart = (url: string, what: string, expected = {}) =>
      fetchBytes(url, what, version, expected, (done, total) =>
        this.events.loading(what, done, total),
      );
    const runtime = await fetchPart(files.wasm, "The runtime");
    const modelBytes = await fetchPart(model.file, "The model", model);
    this.events.preparing();
    const wasmUrl = URL.createObjectURL(new Blob([runtime], { type: "application/wasm" }));
    const scriptUrl = new URL(files.script, location.href).href;
    const store = this.store.connect("engine");
    return EngineClient.start(
      { scriptUrl, wasmUrl, model: modelBytes, nThreads: files.nThreads, sources, stft },
      store,
      {
        progress: (job, done, total) => job === this.job && this.events.progress(done, total),
        finished: (job, seconds) => job === this.job && this.finished(seconds),
        failed: (_, message) => this.engineFailed(message),
      },
    );
  }

  /** An engine that broke down is of no more use; `load` starts another one. */
  private engineFailed(message: string): void {
    this.engine?.stop();
    this.engine = null;
    this.busy = false;
    this.events.problem(explain(new Error(message)), "load");
  }

  /** Takes a song; any song before it is dropped. Waits for the model if need be. */
  async open(file: Blob, name: string): Promise<void> {
    const job = this.drop();
    if (!this.engine) {
      this.waiting = { file, name };
      this.events.decoding(name);
      void this.load(); // in case an earlier try failed
      return;
    }
    this.waiting = null;
    this.busy = true;
    this.events.decoding(name);
    try {
      const song = await decodeSong(file, name);
      if (job !== this.job) return;
      const stems = stemNames(this.config.sources);
      const shape = {
        nStems: stems.length,
        nChannels: song.channels.length,
        nSamples: songLength(song),
      };
      const place = await this.store.open(job, shape, this.options.place, N_BUCKETS);
      if (job !== this.job) return;
      this.song = { name, stems, shape, place, sampleRate: song.sampleRate, unit: song.unit };
      this.events.opened(this.song, songEnvelope(song.channels, N_BUCKETS));
      this.engine.separate(job, song);
    } catch (error) {
      if (job === this.job) this.fail(error);
    }
  }

  private stored(until: number, envelope: Envelope): void {
    const song = this.song;
    if (!song) return;
    this.events.stored(until, envelope);
    const enough = Math.min(song.shape.nSamples, PLAYABLE_S * song.sampleRate);
    if (!this.playable && until >= enough) {
      this.playable = true;
      void this.startPlayer(song, this.job);
    }
  }

  private async startPlayer(song: OpenSong, job: number): Promise<void> {
    try {
      const { shape, sampleRate, unit } = song;
      const options = { ...shape, scale: unit / 32768 };
      const port = this.store.connect("player");
      const player = await Player.open(sampleRate, options, port, (state) => {
        if (job === this.job) this.events.player(state);
      });
      if (job !== this.job) {
        void player.close();
        return;
      }
      this.player = player;
      this.events.playable();
    } catch (error) {
      if (job === this.job) {
        this.fail(new Problem(`The sound output could not be opened: ${String(error)}.`));
      }
    }
  }

  private finished(seconds: number): void {
    this.busy = false;
    this.events.finished(seconds);
  }

  private fail(error: unknown): void {
    this.busy = false;
    this.engine?.cancel();
    this.events.problem(explain(error), "song");
  }

  /** Whether a song is being read or separated. */
  get working(): boolean {
    return this.busy || this.waiting !== null;
  }

  /** Stops the work on the song and forgets it. */
  drop(): number {
    this.job += 1;
    this.busy = false;
    this.playable = false;
    this.waiting = null;
    this.song = null;
    this.engine?.cancel();
    void this.player?.close();
    this.player = null;
    this.store.close();
    return this.job;
  }

  async play(): Promise<void> {
    await this.player?.play();
  }

  pause(): void {
    this.player?.pause();
  }

  seek(seconds: number): void {
    if (this.song) this.player?.seek(seconds * this.song.sampleRate);
  }

  mix(settings: readonly StemSetting[]): void {
    this.player?.mix(settings);
  }
}
