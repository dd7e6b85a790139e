/**
 * Resampling to the model's rate: a windowed sinc, one filter per phase.
 *
 * The network hears the logarithm of magnitudes, also where the filter has left next
 * to nothing of them. So that it hears what it hears in Python, the filter is that of
 * soxr's recipe HQ: its numbers were fitted to soxr's own responses from 44.1 and
 * 48 kHz to 10 880 Hz, and follow them to 0.03 dB down to -110 dB. soxr rounds the
 * length of its filter, so that each rate has a width of its own.
 */

const CUTOFF = 0.95688; // of the narrower Nyquist frequency
const BETA = 14.416; // of the Kaiser window
const HALF_WIDTHS: Readonly<Record<number, number>> = { 44100: 107.04, 48000: 107.39 };
const HALF_WIDTH = 107.2; // of other rates; in samples of the narrower rate
const MAX_PHASES = 4096;

/**
 * Reads a signal at another rate, at any place of it.
 *
 * The law: output sample n is the band-limited input at time n / `rateOut`, with no
 * delay; the input counts as zero outside its ends.
 */
export class Resampler {
  private readonly phases: number;
  private readonly half: number;
  private readonly filters: Float32Array[] = [];
  private readonly step: number;

  constructor(
    readonly rateIn: number,
    readonly rateOut: number,
  ) {
    this.step = rateIn / rateOut;
    this.phases = Math.min(rateOut / gcd(rateIn, rateOut), MAX_PHASES);
    const ratio = Math.min(1, rateOut / rateIn); // the narrower band, in input terms
    const width = (HALF_WIDTHS[rateIn] ?? HALF_WIDTH) / ratio;
    this.half = Math.ceil(width);
    for (let phase = 0; phase < this.phases; phase++) {
      this.filters.push(sincFilter(phase / this.phases, width, CUTOFF * ratio));
    }
  }

  /** Samples of a whole signal of `length` input samples at the output rate. */
  outputLength(length: number): number {
    return Math.round((length * this.rateOut) / this.rateIn);
  }

  /**
   * Fills `out` with the output samples from `start` on.
   *
   * @param read gives the input samples `from` to `to`, zeros outside the signal.
   */
  process(
    start: number,
    out: Float32Array,
    read: (from: number, to: number) => Float32Array,
  ): void {
    if (this.rateIn === this.rateOut) {
      out.set(read(start, start + out.length));
      return;
    }
    const origin = Math.floor(start * this.step) - this.half;
    const end = Math.ceil((start + out.length) * this.step) + this.half + 2;
    const input = read(origin, end);
    for (let n = 0; n < out.length; n++) {
      const place = (start + n) * this.step;
      let left = Math.floor(place + 1e-9);
      let phase = Math.round((place - left) * this.phases);
      if (phase === this.phases) {
        phase = 0;
        left += 1;
      }
      out[n] = dot(this.filters[phase]!, input, left - this.half + 1 - origin);
    }
  }
}

function dot(filter: Float32Array, input: Float32Array, offset: number): number {
  let sum = 0;
  for (let tap = 0; tap < filter.length; tap++) {
    sum += filter[tap]! * input[offset + tap]!;
  }
  return sum;
}

/** Taps for input samples -half + 1 ... half around a place `fraction` after 0. */
function sincFilter(fraction: number, width: number, cutoff: number): Float32Array {
  const half = Math.ceil(width);
  const taps = Float64Array.from({ length: 2 * half }, (_, tap) => {
    const x = tap - half + 1 - fraction;
    const angle = Math.PI * cutoff * x;
    const sinc = Math.abs(angle) < 1e-12 ? 1 : Math.sin(angle) / angle;
    const inside = Math.max(0, 1 - (x / width) ** 2);
    return cutoff * sinc * bessel(BETA * Math.sqrt(inside));
  });
  const total = taps.reduce((sum, tap) => sum + tap, 0);
  return Float32Array.from(taps, (tap) => tap / total); // exact at 0 Hz
}

/** The modified Bessel function I0, by its power series. */
function bessel(x: number): number {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > sum * 1e-12; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
