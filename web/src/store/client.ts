/** The page's hand on the store of stems. */

import type { Envelope, PageToStore, Place, StemShape, StoreToPage } from "./protocol";

/** What the store tells about the open song. */
export interface StoreEvents {
  stored(job: number, until: number, envelope: Envelope): void;
  failed(job: number, message: string, storageFull: boolean): void;
}

/** One worker that keeps the stems of one song. */
export class StoreClient {
  private readonly worker = new Worker(new URL("./store.worker.ts", import.meta.url));
  private readonly reads = new Map<number, (stems: Int16Array<ArrayBuffer>[]) => void>();
  private opening: { job: number; resolve: (place: Place) => void; reject: (e: Error) => void } | null =
    null;
  private lastRead = 0;

  constructor(private readonly events: StoreEvents) {
    this.worker.onmessage = ({ data }: MessageEvent<StoreToPage>) => this.receive(data);
  }

  private post(message: PageToStore, transfer: Transferable[] = []): void {
    this.worker.postMessage(message, transfer);
  }

  private receive(data: StoreToPage): void {
    switch (data.type) {
      case "opened":
        if (this.opening?.job === data.job) this.opening.resolve(data.place);
        break;
      case "stored":
        this.events.stored(data.job, data.until, data.envelope);
        break;
      case "data":
        this.reads.get(data.id)?.(data.stems);
        this.reads.delete(data.id);
        break;
      case "failed":
        if (this.opening?.job === data.job) this.opening.reject(new Error(data.message));
        this.events.failed(data.job, data.message, data.storageFull);
        break;
    }
  }

  /** Makes room for a song's stems; says where. */
  open(job: number, shape: StemShape, place: Place, nBuckets: number): Promise<Place> {
    return new Promise((resolve, reject) => {
      this.opening = { job, resolve, reject };
      this.post({ type: "open", job, shape, place, nBuckets });
    });
  }

  /** Makes a channel; its other end is for the engine or the player. */
  connect(type: "engine" | "player"): MessagePort {
    const { port1, port2 } = new MessageChannel();
    this.post({ type, port: port1 }, [port1]);
    return port2;
  }

  /** Reads `count` samples of all stems, channels interleaved. */
  read(start: number, count: number): Promise<Int16Array<ArrayBuffer>[]> {
    return new Promise((resolve) => {
      const id = ++this.lastRead;
      this.reads.set(id, resolve);
      this.post({ type: "read", id, start, count });
    });
  }

  close(): void {
    this.post({ type: "close" });
  }
}
