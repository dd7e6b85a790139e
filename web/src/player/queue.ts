/** The blocks that the player holds ready: asked for ahead of time, played in order. */

import type { Block, BlockRequest } from "../store/protocol";

/** Samples asked for at once, and kept ready. */
const BLOCK_S = 0.5;
const AHEAD_S = 3;

/**
 * Knows the position, asks for what comes next, and forgets what a seek made stale.
 *
 * The law: `take` hands out every sample of the song exactly once and in order, from
 * the last `seek` on; where the next block is not there yet it hands out nothing and
 * the position stays.
 */
export class BlockQueue {
  private blocks: Block[] = [];
  private epoch = 0;
  private asked = 0;
  private pending = false;
  position = 0;

  constructor(
    private readonly nSamples: number,
    private readonly sampleRate: number,
    private readonly request: (request: BlockRequest) => void,
  ) {}

  get ended(): boolean {
    return this.position >= this.nSamples;
  }

  /** Goes to a sample; what was asked for before does not count any more. */
  seek(sample: number): void {
    this.position = Math.max(0, Math.min(this.nSamples, Math.round(sample)));
    this.blocks = [];
    this.asked = this.position;
    this.pending = false;
    this.epoch += 1;
    this.fill();
  }

  /** Takes an answer in; stale ones are dropped. */
  receive(block: Block): void {
    if (block.epoch !== this.epoch) return;
    this.pending = false;
    if (block.count > 0) this.blocks.push(block);
    this.asked = block.start + block.count;
    this.fill();
  }

  /** Asks for the next block when less than `AHEAD_S` is ready. */
  fill(): void {
    const ahead = this.asked - this.position;
    if (this.pending || this.asked >= this.nSamples) return;
    if (ahead >= AHEAD_S * this.sampleRate) return;
    this.pending = true;
    const count = Math.ceil(BLOCK_S * this.sampleRate);
    this.request({ epoch: this.epoch, start: this.asked, count });
  }

  /**
   * Hands up to `count` samples to `use`, in one or more pieces.
   *
   * @returns how many were there.
   */
  take(
    count: number,
    use: (stems: readonly Int16Array[], offset: number, place: number, n: number) => void,
  ): number {
    let done = 0;
    while (done < count && this.blocks.length > 0) {
      const block = this.blocks[0]!;
      const offset = this.position - block.start;
      const n = Math.min(count - done, block.count - offset);
      use(block.stems, offset, done, n);
      done += n;
      this.position += n;
      if (offset + n === block.count) this.blocks.shift();
    }
    this.fill();
    return done;
  }
}
