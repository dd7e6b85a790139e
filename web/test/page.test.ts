/** What the page reads from files, and writes for people. */

import { describe, expect, it } from "vitest";

import { baseName } from "../src/app/save";
import { explain, missingFeature } from "../src/app/problems";
import { sniff } from "../src/dsp/sniff";
import { envelopeOf, songEnvelope } from "../src/store/envelope";
import { clock, label, timeLeft } from "../src/ui/format";

function bytes(...parts: (string | number[])[]): ArrayBuffer {
  const flat = parts.flatMap((part) =>
    typeof part === "string" ? [...part].map((letter) => letter.charCodeAt(0)) : part,
  );
  return Uint8Array.from([...flat, ...new Array<number>(64).fill(0)]).buffer;
}

describe("the sample rate of a file", () => {
  it.each([
    ["wav", bytes("RIFF", [0, 0, 0, 0], "WAVEfmt ", [16, 0, 0, 0, 1, 0, 2, 0, 0x80, 0xbb, 0, 0]), 48000],
    ["flac", bytes("fLaC", [0, 0, 0, 34], new Array<number>(10).fill(0), [0x0a, 0xc4, 0x42]), 44100],
    ["mp3", bytes([0xff, 0xfb, 0x90, 0x00]), 44100],
    ["mp3", bytes("ID3", [4, 0, 0, 0, 0, 0, 5], [1, 2, 3, 4, 5], [0xff, 0xf3, 0x94, 0]), 24000],
    ["aac", bytes([0xff, 0xf1, 0x4c, 0x80]), 48000],
    ["opus", bytes("OggS", new Array<number>(24).fill(0), "OpusHead"), 48000],
    ["ogg", bytes("OggS", new Array<number>(24).fill(0), [1], "vorbis", [0, 0, 0, 0, 2, 0x22, 0x56, 0, 0]), 22050],
  ])("%s", (kind, buffer, rate) => {
    expect(sniff(buffer)).toEqual({ kind, sampleRate: rate });
  });

  it("is unknown for anything else", () => {
    expect(sniff(bytes("%PDF-1.7")).sampleRate).toBeNull();
    expect(sniff(new ArrayBuffer(0)).sampleRate).toBeNull();
  });
});

describe("words", () => {
  it("tell times", () => {
    expect(clock(187.9)).toBe("3:07");
    expect(clock(3723)).toBe("1:02:03");
    expect(timeLeft(0.2)).toBe("about a second");
    expect(timeLeft(200)).toBe("about 3 min");
    expect(label("no_drums")).toBe("No drums");
  });

  it("make file names", () => {
    expect(baseName("a/b: c?.mp3")).toBe("a_b_ c_");
    expect(baseName(".mp3")).toBe("song");
  });

  it("explain what went wrong", () => {
    expect(explain(new RangeError("Array buffer allocation failed")).message).toMatch(
      /not enough memory/,
    );
    expect(explain("odd").message).toBe(
      "Something went wrong: odd. Reload the page and try again.",
    );
  });

  it("ask for a secure address", () => {
    expect(missingFeature()).toMatch(/https/);
  });
});

describe("the outline", () => {
  it("of segments is the outline of the whole", () => {
    const song = Int16Array.from({ length: 1000 }, (_, n) => Math.round(20000 * Math.sin(n)));
    const whole = songEnvelope([song], 50);
    const shape = { nStems: 1, nChannels: 1, nSamples: 1000 };
    const joined = new Float32Array(50);
    for (let start = 0; start < 1000; start += 333) {
      const piece = Int16Array.from(song.slice(start, start + 333));
      const { first, stems } = envelopeOf({ job: 1, start, stems: [piece] }, shape, 50);
      stems[0]!.forEach((peak, n) => (joined[first + n] = Math.max(joined[first + n]!, peak)));
    }
    expect(joined).toEqual(whole);
  });
});
