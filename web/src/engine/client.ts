/** The page's hand on the engine. */

import type { Song } from "../dsp/pcm";
import { Problem } from "../app/problems";
import type { EngineOptions, EngineToPage, PageToEngine } from "./protocol";

/** What the engine tells about a song in work. */
export interface EngineEvents {
  progress(job: number, done: number, total: number): void;
  finished(job: number, seconds: number): void;
  failed(job: number, message: string): void;
}

/** One worker with one compiled model. */
export class EngineClient {
  private constructor(private readonly worker: Worker) {}

  /** Starts the worker, loads runtime and model, and warms them up. */
  static start(
    options: EngineOptions,
    store: MessagePort,
    events: EngineEvents,
  ): Promise<EngineClient> {
    const worker = new Worker(new URL("./engine.worker.ts", import.meta.url));
    let job = 0;
    return new Promise((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<EngineToPage>) => {
        switch (data.type) {
          case "loaded":
            resolve(new EngineClient(worker));
            break;
          case "unusable":
            worker.terminate();
            reject(unusable(data.message));
            break;
          case "progress":
            job = data.job;
            events.progress(data.job, data.done, data.total);
            break;
          case "finished":
            events.finished(data.job, data.seconds);
            break;
          case "failed":
            events.failed(data.job, data.message);
            break;
        }
      };
      worker.onerror = (event) => {
        event.preventDefault();
        reject(unusable(event.message || "its worker could not start"));
        events.failed(job, event.message || "the worker broke down");
      };
      post(worker, { type: "load", options, store }, [options.model.buffer, store]);
    });
  }

  separate(job: number, song: Song): void {
    const buffers = song.channels.map((channel) => channel.buffer as ArrayBuffer);
    post(this.worker, { type: "separate", job, song }, buffers);
  }

  /** Ends the worker, for good. */
  stop(): void {
    this.worker.terminate();
  }

  /** Stops after the window that is in work. */
  cancel(): void {
    post(this.worker, { type: "cancel" }, []);
  }
}

function post(worker: Worker, message: PageToEngine, transfer: Transferable[]): void {
  worker.postMessage(message, transfer);
}

function unusable(message: string): Problem {
  return new Problem(
    `The model could not be started: ${message}. Reload the page; if that does not help, ` +
      "close other tabs, or try another browser.",
    true,
  );
}
