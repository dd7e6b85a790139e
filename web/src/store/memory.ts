/** Stems kept in memory. */

import type { Shelf } from "./shelf";

/** One 16-bit array per stem, channels interleaved. */
export class MemoryShelf implements Shelf {
  private readonly stems: Int16Array<ArrayBuffer>[];

  constructor(nStems: number, nValues: number) {
    this.stems = Array.from({ length: nStems }, () => new Int16Array(nValues));
  }

  write(stem: number, offset: number, values: Int16Array): void {
    this.stems[stem]!.set(values, offset);
  }

  read(stem: number, offset: number, length: number): Int16Array<ArrayBuffer> {
    return this.stems[stem]!.slice(offset, offset + length);
  }

  close(): void {
    this.stems.length = 0;
  }
}
