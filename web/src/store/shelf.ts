/** Where stems are kept while a song is open. */

/** Random access to the 16-bit samples of each stem, channels interleaved. */
export interface Shelf {
  /** Puts `values` at `offset` (in values, not bytes). */
  write(stem: number, offset: number, values: Int16Array): void;
  /** Gives a copy of `length` values from `offset` on. */
  read(stem: number, offset: number, length: number): Int16Array<ArrayBuffer>;
  /** Gives the room back. */
  close(): void;
}

/** The browser has no room for the stems of this song. */
export class StorageFullError extends Error {
  constructor() {
    super(
      "The browser's storage is full, so the stems of this song cannot be kept. " +
        "Free some disk space or close other tabs, or take a shorter song.",
    );
  }
}
