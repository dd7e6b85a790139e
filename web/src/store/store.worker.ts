/** The store of stems: takes segments from the engine, gives blocks to the player. */

import { workerScope } from "../app/worker_scope";
import { DiskShelf } from "./disk";
import { envelopeOf } from "./envelope";
import { MemoryShelf } from "./memory";
import type {
  BlockRequest,
  PageToStore,
  Place,
  Segment,
  StemShape,
  StoreToPage,
} from "./protocol";
import { type Shelf, StorageFullError } from "./shelf";

/** Stems up to this many bytes stay in memory. */
const MEMORY_LIMIT = 256 * 2 ** 20;

interface OpenSong {
  job: number;
  shape: StemShape;
  shelf: Shelf;
  nBuckets: number;
  until: number;
}

const scope = workerScope<PageToStore, StoreToPage>();
let song: OpenSong | null = null;
let player: MessagePort | null = null;
let waiting: BlockRequest | null = null;

scope.onmessage = ({ data }) => {
  switch (data.type) {
    case "open":
      void open(data);
      break;
    case "engine":
      data.port.onmessage = (event: MessageEvent<Segment>) => store(event.data);
      break;
    case "player":
      player?.close();
      player = data.port;
      waiting = null;
      player.onmessage = (event: MessageEvent<BlockRequest>) => serve(event.data);
      break;
    case "read":
      answerRead(data.id, data.start, data.count);
      break;
    case "close":
      close();
      break;
  }
};

function close(): void {
  song?.shelf.close();
  song = null;
  waiting = null;
}

async function open(request: Extract<PageToStore, { type: "open" }>): Promise<void> {
  close();
  const { job, shape, nBuckets } = request;
  try {
    const place = choosePlace(request.place, shape);
    const shelf = await makeShelf(place, shape);
    song = { job, shape, shelf, nBuckets, until: 0 };
    scope.postMessage({ type: "opened", job, place });
  } catch (error) {
    fail(job, error);
  }
}

function choosePlace(place: Place, shape: StemShape): Place {
  if (place !== "auto") return place;
  const bytes = shape.nStems * shape.nChannels * shape.nSamples * 2;
  return bytes > MEMORY_LIMIT && DiskShelf.available() ? "disk" : "memory";
}

async function makeShelf(place: Place, shape: StemShape): Promise<Shelf> {
  const nValues = shape.nChannels * shape.nSamples;
  return place === "disk"
    ? DiskShelf.open(shape.nStems, nValues)
    : new MemoryShelf(shape.nStems, nValues);
}

function store(segment: Segment): void {
  if (!song || segment.job !== song.job) return; // of a cancelled song
  const { shape, shelf, nBuckets } = song;
  try {
    segment.stems.forEach((values, stem) =>
      shelf.write(stem, segment.start * shape.nChannels, values),
    );
  } catch (error) {
    fail(segment.job, error);
    return;
  }
  song.until = segment.start + segment.stems[0]!.length / shape.nChannels;
  const envelope = envelopeOf(segment, shape, nBuckets);
  scope.postMessage({ type: "stored", job: song.job, until: song.until, envelope });
  if (waiting) serve(waiting);
}

/** Answers the player now, or as soon as the block it asks for is there. */
function serve(request: BlockRequest): void {
  waiting = null;
  if (!song || !player) return;
  const wanted = Math.min(request.start + request.count, song.shape.nSamples);
  if (wanted > song.until) {
    waiting = request;
    return;
  }
  const count = Math.max(0, wanted - request.start);
  const stems = readStems(song, request.start, count);
  player.postMessage(
    { ...request, count, stems },
    stems.map((values) => values.buffer),
  );
}

function answerRead(id: number, start: number, count: number): void {
  const stems = song ? readStems(song, start, count) : [];
  scope.postMessage(
    { type: "data", id, stems },
    stems.map((values) => values.buffer),
  );
}

function readStems(from: OpenSong, start: number, count: number): Int16Array<ArrayBuffer>[] {
  const { nStems, nChannels } = from.shape;
  return Array.from({ length: nStems }, (_, stem) =>
    from.shelf.read(stem, start * nChannels, count * nChannels),
  );
}

function fail(job: number, error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  const storageFull = error instanceof StorageFullError;
  scope.postMessage({ type: "failed", job, message, storageFull });
}
