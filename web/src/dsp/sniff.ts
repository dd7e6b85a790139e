/** The sample rate and rough length of a song, read from the first bytes of its file. */

/** What the header of a file says; null where it says nothing. */
export interface FileFacts {
  readonly kind: string | null;
  readonly sampleRate: number | null;
}

const UNKNOWN: FileFacts = { kind: null, sampleRate: null };
const MP3_RATES = [
  [11025, 12000, 8000],
  [0, 0, 0],
  [22050, 24000, 16000],
  [44100, 48000, 32000],
] as const;
const ADTS_RATES = [
  96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350,
] as const;

/** Reads the facts from a whole file or the start of one. */
export function sniff(buffer: ArrayBuffer): FileFacts {
  const bytes = new Uint8Array(buffer);
  const view = new DataView(buffer);
  if (has(bytes, 0, "RIFF") || has(bytes, 0, "RF64")) return wav(bytes, view);
  if (has(bytes, 0, "fLaC")) return flac(bytes, 0);
  if (has(bytes, 0, "OggS")) return ogg(bytes, view);
  if (has(bytes, 4, "ftyp")) return mp4(bytes, view);
  if (bytes.length > 4 && view.getUint32(0) === 0x1a45dfa3) return webm(bytes, view);
  return mpeg(bytes);
}

function has(bytes: Uint8Array, offset: number, text: string): boolean {
  return [...text].every((letter, n) => bytes[offset + n] === letter.charCodeAt(0));
}

function find(bytes: Uint8Array, text: string, limit: number): number {
  const end = Math.min(bytes.length, limit) - text.length;
  for (let n = 0; n <= end; n++) if (has(bytes, n, text)) return n;
  return -1;
}

function facts(kind: string, sampleRate: number): FileFacts {
  return { kind, sampleRate: sampleRate >= 3000 && sampleRate <= 768000 ? sampleRate : null };
}

function wav(bytes: Uint8Array, view: DataView): FileFacts {
  for (let n = 12; n + 24 <= bytes.length; ) {
    if (has(bytes, n, "fmt ")) return facts("wav", view.getUint32(n + 12, true));
    const size = view.getUint32(n + 4, true);
    n += 8 + size + (size % 2);
  }
  return { ...UNKNOWN, kind: "wav" };
}

function flac(bytes: Uint8Array, at: number): FileFacts {
  const n = at + 18; // after the marker, a block header and four sizes
  if (bytes.length < n + 3) return { ...UNKNOWN, kind: "flac" };
  return facts("flac", (bytes[n]! << 12) | (bytes[n + 1]! << 4) | (bytes[n + 2]! >> 4));
}

function ogg(bytes: Uint8Array, view: DataView): FileFacts {
  const vorbis = find(bytes, "\x01vorbis", 256);
  if (vorbis >= 0 && bytes.length >= vorbis + 16) {
    return facts("ogg", view.getUint32(vorbis + 12, true));
  }
  if (find(bytes, "OpusHead", 256) >= 0) return facts("opus", 48000);
  const inside = find(bytes, "fLaC", 256);
  return inside >= 0 ? flac(bytes, inside) : { ...UNKNOWN, kind: "ogg" };
}

/** The sound track's `mdhd` comes just before its `hdlr` of kind `soun`. */
function mp4(bytes: Uint8Array, view: DataView): FileFacts {
  let rate = 0;
  for (let n = 4; n + 32 <= bytes.length; n++) {
    if (bytes[n] === 0x6d && has(bytes, n, "mdhd")) {
      rate = view.getUint32(n + (bytes[n + 4] === 1 ? 24 : 16));
    } else if (bytes[n] === 0x68 && has(bytes, n, "hdlr") && has(bytes, n + 12, "soun")) {
      return facts("m4a", rate);
    }
  }
  return { ...UNKNOWN, kind: "m4a" };
}

/** EBML element 0xB5 is the sampling frequency, a float of 4 or 8 bytes. */
function webm(bytes: Uint8Array, view: DataView): FileFacts {
  const end = Math.min(bytes.length - 10, 4096);
  for (let n = 4; n < end; n++) {
    if (bytes[n] !== 0xb5) continue;
    const size = bytes[n + 1]! & 0x7f;
    const rate = size === 8 ? view.getFloat64(n + 2) : size === 4 ? view.getFloat32(n + 2) : 0;
    if (rate >= 3000 && rate <= 768000) return facts("webm", Math.round(rate));
  }
  return facts("webm", 48000);
}

/** mp3 and raw AAC: the first frame header that a second one follows. */
function mpeg(bytes: Uint8Array): FileFacts {
  let n = 0;
  if (has(bytes, 0, "ID3")) {
    const size = [6, 7, 8, 9].reduce((sum, at) => (sum << 7) | (bytes[at]! & 0x7f), 0);
    n = 10 + size;
  }
  const end = Math.min(bytes.length - 4, n + 65536);
  for (; n < end; n++) {
    if (bytes[n] !== 0xff || (bytes[n + 1]! & 0xe0) !== 0xe0) continue;
    const layer = (bytes[n + 1]! >> 1) & 3;
    if (layer === 0 && (bytes[n + 1]! & 0xf0) === 0xf0) {
      const rate = ADTS_RATES[(bytes[n + 2]! >> 2) & 15];
      if (rate) return facts("aac", rate);
    }
    const version = (bytes[n + 1]! >> 3) & 3;
    const rate = MP3_RATES[version]![(bytes[n + 2]! >> 2) & 3];
    if (layer === 1 && rate && bytes[n + 2]! >> 4 !== 15) return facts("mp3", rate);
  }
  return UNKNOWN;
}
