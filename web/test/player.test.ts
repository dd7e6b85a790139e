/** The law of the player: every sample once, in order, all stems at one position. */

import { describe, expect, it } from "vitest";

import { gainsOf, Mixer } from "../src/player/mixer";
import { BlockQueue } from "../src/player/queue";
import type { BlockRequest } from "../src/store/protocol";
import { noise } from "./vectors";

const RATE = 1000;

/** A store that answers when told to, and only what is computed. */
class FakeStore {
  requests: BlockRequest[] = [];
  constructor(readonly stems: Int16Array<ArrayBuffer>[]) {}

  answer(queue: BlockQueue, until = Infinity): void {
    const kept: BlockRequest[] = [];
    for (const request of this.requests.splice(0)) {
      const end = Math.min(request.start + request.count, this.stems[0]!.length);
      if (end > until) {
        kept.push(request);
        continue;
      }
      const stems = this.stems.map((stem) => stem.slice(request.start, end));
      queue.receive({ ...request, count: end - request.start, stems });
    }
    this.requests.push(...kept);
  }
}

function setup(nSamples: number) {
  const stems = [1, 2].map((seed) => Int16Array.from(noise(nSamples, seed)));
  const store = new FakeStore(stems);
  const queue = new BlockQueue(nSamples, RATE, (request) => store.requests.push(request));
  queue.seek(0);
  return { stems, store, queue };
}

/** Plays blocks of 128 samples until `count` samples are out. */
function play(queue: BlockQueue, store: FakeStore, count: number): Float32Array {
  const mixer = new Mixer(2, 1, 1, RATE);
  const out = new Float32Array(count);
  let done = 0;
  while (done < count) {
    store.answer(queue);
    const n = queue.take(Math.min(128, count - done), (values, offset, place, length) =>
      mixer.add(values, offset, [out], done + place, length),
    );
    done += n;
  }
  return out;
}

describe("player", () => {
  it("gives the sum of the stems, sample by sample", () => {
    const { stems, store, queue } = setup(5003);
    const out = play(queue, store, 5003);
    out.forEach((value, n) => expect(value).toBe(stems[0]![n]! + stems[1]![n]!));
    expect(queue.ended).toBe(true);
  });

  it("goes to the very sample, and drops blocks from before", () => {
    const { stems, store, queue } = setup(5003);
    play(queue, store, 300);
    queue.seek(4321); // the answer to the request before is still to come
    const out = play(queue, store, 100);
    out.forEach((value, n) => expect(value).toBe(stems[0]![4321 + n]! + stems[1]![4321 + n]!));
  });

  it("waits where stems are not there yet, and goes on without a gap", () => {
    const { stems, store, queue } = setup(5003);
    const out: number[] = [];
    const take = () =>
      queue.take(128, (values, offset, _, n) => out.push(...values[0]!.slice(offset, offset + n)));
    for (let turn = 0; turn < 20; turn++) {
      store.answer(queue, 1000);
      take();
    }
    expect(out.length).toBe(1000);
    expect(queue.position).toBe(1000);
    for (let turn = 0; turn < 60; turn++) {
      store.answer(queue);
      take();
    }
    expect(out).toEqual([...stems[0]!]);
  });

  it("asks for one block at a time, three seconds ahead at most", () => {
    const { store, queue } = setup(60_000);
    for (let turn = 0; turn < 50; turn++) store.answer(queue);
    expect(store.requests.length).toBe(0);
    queue.take(600, () => undefined);
    expect(store.requests.map((request) => request.start)).toEqual([3000]);
  });
});

describe("mixer", () => {
  const setting = { volume: 1, mute: false, solo: false };

  it("knows mute and solo", () => {
    expect(gainsOf([setting, { ...setting, volume: 0.5 }])).toEqual([1, 0.5]);
    expect(gainsOf([{ ...setting, mute: true }, setting])).toEqual([0, 1]);
    expect(gainsOf([{ ...setting, solo: true }, setting])).toEqual([1, 0]);
    expect(gainsOf([{ ...setting, solo: true, mute: true }, setting])).toEqual([0, 0]);
  });

  it("moves gains without a jump", () => {
    const mixer = new Mixer(1, 1, 1, RATE);
    mixer.setGains([0]);
    const out = new Float32Array(20);
    mixer.add([new Int16Array(20).fill(1000)], 0, [out], 0, 20);
    for (let n = 1; n < 20; n++) expect(out[n - 1]! - out[n]!).toBeLessThanOrEqual(100.001);
    expect(out[19]).toBe(0);
  });

  it("plays a mono song on both sides, and meters it once", () => {
    const mixer = new Mixer(1, 1, 1, RATE);
    const [left, right] = [new Float32Array(4), new Float32Array(4)];
    mixer.add([Int16Array.from([1, 2, 3, 4])], 0, [left, right], 0, 4);
    expect(left).toEqual(right);
    expect(mixer.takeLevels()[0]).toBeCloseTo(Math.sqrt(30 / 4), 10);
  });
});
