/** Fetching the model and the runtime: with progress, checked, kept for offline use. */

import { Problem } from "./problems";

/** A fetch that brings nothing for this long has failed. */
const STALL_MS = 60_000;

/** Tells how many bytes of how many are here. */
export type ByteProgress = (done: number, total: number) => void;

/** What is known of a file before it is fetched. */
export interface Expected {
  readonly bytes?: number;
  readonly sha256?: string;
}

/**
 * Returns a file's bytes, from the cache of this version or from the network.
 *
 * @throws Problem when it does not arrive whole and as expected.
 */
export async function fetchBytes(
  url: string,
  what: string,
  version: string,
  expected: Expected,
  onProgress: ByteProgress,
): Promise<Uint8Array<ArrayBuffer>> {
  const cache = await openCache(version);
  const kept = await cache?.match(url).catch(() => undefined);
  if (kept) {
    const bytes = new Uint8Array(await kept.arrayBuffer());
    if ((await whyDamaged(bytes, what, expected)) === null) return bytes;
    await cache?.delete(url);
  }
  const response = await request(url, what);
  const bytes = await readAll(response, what, expected.bytes, onProgress);
  const damage = await whyDamaged(bytes, what, expected);
  if (damage !== null) throw new Problem(damage, true);
  const headers = { "Content-Type": response.headers.get("Content-Type") ?? "" };
  await cache?.put(url, new Response(bytes.slice(), { headers })).catch(() => undefined);
  return bytes;
}

/** Private windows may forbid the cache: the page works without. */
function openCache(version: string): Promise<Cache | null> {
  return caches.open(`keras-munet-${version}`).catch(() => null);
}

async function request(url: string, what: string): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url);
  } catch {
    throw new Problem(
      `${what} could not be downloaded. Check the connection and try again.`,
      true,
    );
  }
  if (!response.ok) {
    throw new Problem(
      `${what} could not be downloaded: the server answered ${response.status}. ` +
        "Try again, or tell whoever runs this page.",
      true,
    );
  }
  return response;
}

async function readAll(
  response: Response,
  what: string,
  total: number | undefined,
  onProgress: ByteProgress,
): Promise<Uint8Array<ArrayBuffer>> {
  const reader = response.body!.getReader();
  const parts: Uint8Array[] = [];
  const expected = total ?? Number(response.headers.get("Content-Length") ?? 0);
  let done = 0;
  try {
    for (;;) {
      const part = await withinTime(reader.read());
      if (part.done) break;
      parts.push(part.value);
      done += part.value.length;
      onProgress(done, Math.max(done, expected));
    }
  } catch {
    void reader.cancel().catch(() => undefined);
    throw new Problem(
      `${what} broke off after ${megabytes(done)} of ${megabytes(expected)} MB. ` +
        "Check the connection and try again.",
      true,
    );
  }
  const bytes = new Uint8Array(done);
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

function withinTime<T>(promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("stalled")), STALL_MS);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

async function whyDamaged(
  bytes: Uint8Array<ArrayBuffer>,
  what: string,
  expected: Expected,
): Promise<string | null> {
  if (expected.bytes !== undefined && bytes.length !== expected.bytes) {
    return (
      `${what} is incomplete: ${bytes.length} bytes arrived of ${expected.bytes}. ` +
      "Try again, or tell whoever runs this page."
    );
  }
  if (expected.sha256 !== undefined && (await sha256(bytes)) !== expected.sha256) {
    return `${what} is damaged: its checksum is wrong. Try again, or tell whoever runs this page.`;
  }
  return null;
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Megabytes with one digit. */
export function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
