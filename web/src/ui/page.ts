/** What is seen and clicked. All work is the studio's. */

import type { KaraokeConfig } from "../app/config";
import { megabytes } from "../app/assets";
import { Problem } from "../app/problems";
import { type OpenSong, Studio, type StudioEvents } from "../app/studio";
import type { PlayerState } from "../player/protocol";
import type { Envelope, Place } from "../store/protocol";
import { byId, setText } from "./dom";
import { clock, timeLeft } from "./format";
import { KaraokeSlider } from "./karaoke";
import { listenToKeys } from "./keyboard";
import { Saver } from "./saver";
import { showStatus } from "./status";
import { StemList } from "./stems";
import { Waveform } from "./waveform";

/** What is known of the model, for the foot of the page. */
function aboutText({ about }: KaraokeConfig): string {
  const parts = ["Made with keras-munet."];
  if (about.training_data) parts.push(`Model trained on ${about.training_data}.`);
  if (about.licence) parts.push(`Licence of the model: ${about.licence}.`);
  return parts.join(" ");
}

/** Wires the page's elements to a studio, and the studio's events to the elements. */
export class Page implements StudioEvents {
  private readonly studio: Studio;
  private readonly waveform: Waveform;
  private readonly stems: StemList;
  private readonly karaoke: KaraokeSlider;
  private readonly saver: Saver;
  private song: OpenSong | null = null;
  private state: PlayerState | null = null;
  private started = 0;
  private offline: ((onReady: () => void) => Promise<void>) | null = null;

  constructor(
    private readonly config: KaraokeConfig,
    parameters: URLSearchParams,
  ) {
    const threads = parameters.get("threads");
    const place = (parameters.get("store") ?? "auto") as Place;
    this.studio = new Studio(
      config,
      { nThreads: threads === null ? null : Number(threads), place },
      this,
    );
    this.saver = new Saver(this.studio.store, (problem) => this.problem(problem, "song"));
    this.waveform = new Waveform(byId("waveform"), (seconds) => this.seek(seconds));
    this.stems = new StemList(
      () => this.mixChanged(),
      (stem) => void this.saver.saveStem(this.song, stem),
    );
    this.karaoke = new KaraokeSlider((level) => this.setVoice(level));
    this.listen();
  }

  /** Loads the model; `offline` is called once it is there. */
  start(offline: (onReady: () => void) => Promise<void>): void {
    this.offline = offline;
    document.title = this.config.title;
    setText(document.querySelector("h1")!, this.config.title);
    setText(byId("about"), aboutText(this.config));
    byId("demo").hidden = this.config.demo === null;
    showStatus({ text: "Loading the model…", progress: "busy" });
    void this.studio.load();
  }

  private listen(): void {
    const input = byId<HTMLInputElement>("file");
    input.addEventListener("change", () => {
      const file = input.files?.[0];
      if (file) void this.studio.open(file, file.name);
      input.value = ""; // so that the same file can be chosen again
    });
    byId("demo").addEventListener("click", () => void this.openDemo());
    byId("play").addEventListener("click", () => this.playPause());
    byId("cancel").addEventListener("click", () => this.cancel());
    byId("download-mix").addEventListener("click", () =>
      void this.saver.saveMix(this.song, this.stems.gains),
    );
    this.listenToDrops();
    listenToKeys({
      playPause: () => this.playPause(),
      skip: (seconds) => this.seek(this.seconds + seconds),
      start: () => this.seek(0),
      voice: () => this.karaoke.toggle(),
      mute: (stem) => this.stems.toggle(stem, "mute"),
      solo: (stem) => this.stems.toggle(stem, "solo"),
    });
  }

  private listenToDrops(): void {
    const drop = byId("drop");
    document.addEventListener("dragover", (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
    document.addEventListener("dragleave", () => drop.classList.remove("over"));
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      drop.classList.remove("over");
      const file = event.dataTransfer?.files[0];
      if (file) void this.studio.open(file, file.name);
    });
  }

  private async openDemo(): Promise<void> {
    const url = this.config.demo!;
    const response = await fetch(url).catch(() => null);
    if (!response?.ok) {
      this.problem(
        new Problem("The demo song could not be loaded. Check the connection and try again."),
        "song",
      );
      return;
    }
    await this.studio.open(await response.blob(), "Demo song");
  }

  private cancel(): void {
    this.studio.drop();
    this.closeSong();
    if (this.studio.loaded) this.showReady("Cancelled. Choose another song.");
    else showStatus({ text: "Loading the model…", progress: "busy" });
  }

  private closeSong(): void {
    this.song = null;
    this.state = null;
    byId("player").hidden = true;
    document.body.classList.remove("has-song");
    document.title = this.config.title;
  }

  // What the studio tells.

  loading(what: string, done: number, total: number): void {
    showStatus({
      text: `Loading: ${what.toLowerCase()}.`,
      detail: `${megabytes(done)} of ${megabytes(total)} MB`,
      progress: total > 0 ? done / total : "busy",
      cancel: this.studio.working,
    });
  }

  preparing(): void {
    showStatus({
      text: "Starting the model…",
      progress: "busy",
      cancel: this.studio.working,
    });
  }

  ready(): void {
    if (!this.studio.working) this.showReady("Ready.");
    document.body.dataset["threads"] = String(this.studio.nThreads);
    void this.offline?.(() => (byId("offline").hidden = false));
  }

  private showReady(text: string): void {
    showStatus({ text });
  }

  decoding(name: string): void {
    this.closeSong();
    const waiting = this.studio.loaded ? "Reading" : "Waiting for the model, then reading";
    showStatus({ text: `${waiting} “${name}”…`, progress: "busy", cancel: true });
  }

  opened(song: OpenSong, outline: Float32Array): void {
    this.song = song;
    this.started = performance.now();
    document.body.classList.add("has-song");
    document.body.dataset["place"] = song.place;
    setText(byId("title"), song.name);
    this.stems.open(song.stems);
    this.karaoke.show(song.stems.includes("vocals"));
    this.karaoke.setLevel(1);
    this.waveform.open(outline, song.stems.length, this.duration);
    this.showTime(0);
    byId<HTMLButtonElement>("play").disabled = true;
    byId<HTMLButtonElement>("download-mix").disabled = true;
    byId("play").classList.remove("playing");
    setText(byId("hint"), "");
    byId("player").hidden = false;
    this.progress(0, song.shape.nSamples);
  }

  stored(until: number, envelope: Envelope): void {
    this.waveform.addStems(envelope, until / this.song!.shape.nSamples);
  }

  playable(): void {
    byId<HTMLButtonElement>("play").disabled = false;
    this.studio.mix(this.stems.settings);
  }

  progress(done: number, total: number): void {
    const share = total > 0 ? done / total : 0;
    const passed = (performance.now() - this.started) / 1000;
    const left = done > 0 ? `, ${timeLeft((passed * (total - done)) / done)} left` : "";
    const percent = `${Math.floor(share * 100)} %`;
    showStatus({
      text: "Separating.",
      detail: `${percent}${left}`,
      progress: share,
      cancel: true,
    });
    document.title = `${percent} – ${this.config.title}`;
  }

  finished(seconds: number): void {
    const took = seconds < 1 ? "in less than a second" : `in ${Math.round(seconds)} s`;
    showStatus({ text: `Separated ${took}. All stems are ready.` });
    document.title = this.config.title;
    this.stems.allowSaving(true);
    byId<HTMLButtonElement>("download-mix").disabled = false;
  }

  player(state: PlayerState): void {
    this.state = state;
    const button = byId("play");
    button.classList.toggle("playing", state.playing);
    button.setAttribute("aria-label", state.playing ? "Pause" : "Play");
    const seconds = state.position / this.song!.sampleRate;
    this.waveform.setPosition(seconds);
    this.showTime(seconds);
    this.stems.setLevels(state.levels);
    setText(byId("hint"), state.waiting ? "Waiting for this part…" : "");
  }

  problem(problem: Problem, phase: "load" | "song"): void {
    const retry = phase === "load" && problem.retry;
    document.title = this.config.title;
    showStatus({ text: problem.message, bad: true, retry });
    byId("retry").onclick = () => {
      showStatus({ text: "Loading the model…", progress: "busy" });
      void this.studio.load();
    };
  }

  // What the listener does.

  private get duration(): number {
    return this.song ? this.song.shape.nSamples / this.song.sampleRate : 0;
  }

  private get seconds(): number {
    return this.song && this.state ? this.state.position / this.song.sampleRate : 0;
  }

  private showTime(seconds: number): void {
    setText(byId("time"), `${clock(seconds)} / ${clock(this.duration)}`);
  }

  private playPause(): void {
    if (this.state?.playing) this.studio.pause();
    else void this.studio.play();
  }

  private seek(seconds: number): void {
    this.studio.seek(Math.max(0, Math.min(this.duration, seconds)));
  }

  private mixChanged(): void {
    this.studio.mix(this.stems.settings);
    this.waveform.setGains(this.stems.gains);
    const vocals = this.song?.stems.indexOf("vocals") ?? -1;
    if (vocals >= 0) this.karaoke.setLevel(this.stems.settings[vocals]!.volume);
  }

  private setVoice(level: number): void {
    const vocals = this.song?.stems.indexOf("vocals") ?? -1;
    if (vocals >= 0) this.stems.setVolume(vocals, level);
  }
}
