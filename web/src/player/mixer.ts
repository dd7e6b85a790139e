/** Mixing stems: one gain per stem, moved without clicks. */

/** What the listener chose for one stem. */
export interface StemSetting {
  /** 0 to 1. */
  volume: number;
  mute: boolean;
  solo: boolean;
}

/** Gains of all stems: a mute silences, a solo silences all that have none. */
export function gainsOf(settings: readonly StemSetting[]): number[] {
  const anySolo = settings.some((setting) => setting.solo);
  return settings.map(({ volume, mute, solo }) =>
    mute || (anySolo && !solo) ? 0 : volume,
  );
}

/** Seconds that a gain takes to reach a new value. */
const GLIDE_S = 0.01;

/**
 * Adds stems up.
 *
 * The law: output sample n is the sum of gain times sample n of each stem. All stems
 * are read at one position, so they cannot drift apart; with all gains at 1 the
 * output is the song.
 */
export class Mixer {
  private readonly gains: Float64Array;
  private readonly targets: Float64Array;
  private readonly step: number;
  /** Sum of squares of each stem since the last `takeLevels`. */
  private readonly squares: Float64Array;
  private counted = 0;

  constructor(
    nStems: number,
    private readonly nChannels: number,
    private readonly scale: number,
    sampleRate: number,
  ) {
    this.gains = new Float64Array(nStems).fill(1);
    this.targets = new Float64Array(nStems).fill(1);
    this.squares = new Float64Array(nStems);
    this.step = 1 / (GLIDE_S * sampleRate);
  }

  /** Sets where the gains shall go; `now` skips the glide. */
  setGains(gains: readonly number[], now = false): void {
    this.targets.set(gains);
    if (now) this.gains.set(gains);
  }

  /**
   * Adds `count` samples of all stems to `outputs`.
   *
   * @param stems 16-bit samples, channels interleaved, read from `offset` on
   *   (counted in samples per channel).
   * @param outputs one array per output channel, filled from `place` on; a mono song
   *   goes to all of them.
   */
  add(
    stems: readonly Int16Array[],
    offset: number,
    outputs: readonly Float32Array[],
    place: number,
    count: number,
  ): void {
    stems.forEach((values, stem) => this.addStem(values, stem, offset, outputs, place, count));
    this.counted += count * this.nChannels;
  }

  private addStem(
    values: Int16Array,
    stem: number,
    offset: number,
    outputs: readonly Float32Array[],
    place: number,
    count: number,
  ): void {
    const target = this.targets[stem]!;
    let gain = this.gains[stem]!;
    let squares = 0;
    for (let n = 0; n < count; n++) {
      if (gain !== target) {
        gain = gain < target ? Math.min(target, gain + this.step) : Math.max(target, gain - this.step);
      }
      const first = (offset + n) * this.nChannels;
      for (let channel = 0; channel < outputs.length; channel++) {
        const value = gain * this.scale * values[first + Math.min(channel, this.nChannels - 1)]!;
        outputs[channel]![place + n]! += value;
        if (channel < this.nChannels) squares += value * value;
      }
    }
    this.gains[stem] = gain;
    this.squares[stem]! += squares;
  }

  /** Root mean square of each stem, as heard, since the last call. */
  takeLevels(): number[] {
    const levels = Array.from(this.squares, (sum) => Math.sqrt(sum / Math.max(1, this.counted)));
    this.squares.fill(0);
    this.counted = 0;
    return levels;
  }
}
