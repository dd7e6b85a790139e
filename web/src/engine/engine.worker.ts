/** The engine: runs the network and the separation away from the page. */

import { workerScope } from "../app/worker_scope";
import { type Song, songLength } from "../dsp/pcm";
import type { Segment } from "../store/protocol";
import { Network } from "./litert";
import type { EngineOptions, EngineToPage, PageToEngine } from "./protocol";
import { Separation } from "./separate";

const scope = workerScope<PageToEngine, EngineToPage>();
let network: Network | null = null;
let options: EngineOptions | null = null;
let store: MessagePort | null = null;
let current = 0;

scope.onmessage = ({ data }) => {
  switch (data.type) {
    case "load":
      options = data.options;
      store = data.store;
      void load(data.options);
      break;
    case "separate":
      current = data.job;
      void separate(data.job, data.song);
      break;
    case "cancel":
      current = 0;
      break;
  }
};

async function load(wanted: EngineOptions): Promise<void> {
  const start = performance.now();
  try {
    network = await Network.load(wanted);
    scope.postMessage({ type: "loaded", seconds: secondsSince(start) });
  } catch (error) {
    scope.postMessage({ type: "unusable", message: text(error) });
  }
}

async function separate(job: number, song: Song): Promise<void> {
  const start = performance.now();
  const total = songLength(song);
  try {
    const separation = new Separation(
      song,
      options!.sources,
      options!.stft,
      (waveform) => network!.masks(waveform),
      (at, stems) => send({ job, start: at, stems }),
    );
    const finished = await separation.run(async (done) => {
      scope.postMessage({ type: "progress", job, done, total });
      await nextTurn(); // lets a `cancel` in
      return current === job;
    });
    if (finished) scope.postMessage({ type: "finished", job, seconds: secondsSince(start) });
  } catch (error) {
    scope.postMessage({ type: "failed", job, message: text(error) });
  }
}

function send(segment: Segment): void {
  store!.postMessage(
    segment,
    segment.stems.map((values) => values.buffer),
  );
}

/** Waits for a turn of the event loop; timers would sleep in a hidden tab. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

function secondsSince(start: number): number {
  return (performance.now() - start) / 1000;
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
