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
  private readonly filters: Float32Array[];
  private readonly step: number;

  constructor(
    readonly rateIn: number,
    readonly rateOut: number,
  ) {
    this.step = rateIn / rateOut;
    this.phases = Math.min(rateOut / gcd(rateIn, rateOut), MAX_PHASES);
    const ratio = Math.min(1, rateOut / rateIn); // the narrower band, in input terms
    // An even half makes the number of taps a multiple of four, which `dot` needs.
    const width = (HALF_WIDTHS[rateIn] ?? HALF_WIDTH) / ratio;
    this.half = evenCeil(width);
    this.filters = filterBank(this.phases, width, CUTOFF * ratio);
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

/** Four sums side by side: one alone waits for each addition before the next. */
function dot(filter: Float32Array, input: Float32Array, offset: number): number {
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  for (let tap = 0; tap < filter.length; tap += 4) {
    const at = offset + tap;
    a += filter[tap]! * input[at]!;
    b += filter[tap + 1]! * input[at + 1]!;
    c += filter[tap + 2]! * input[at + 2]!;
    d += filter[tap + 3]! * input[at + 3]!;
  }
  return a + b + (c + d);
}

/**
 * The filters of all phases. Phase p has taps for the input samples -half + 1 ... half
 * around a place p / phases after 0: all of them are points of one symmetric curve,
 * `phases` points to a sample.
 */
function filterBank(phases: number, width: number, cutoff: number): Float32Array[] {
  const half = evenCeil(width);
  const curve = new Float64Array(half * phases + 1);
  for (let n = 0; n < curve.length; n++) {
    const x = n / phases;
    const angle = Math.PI * cutoff * x;
    const sinc = n === 0 ? 1 : Math.sin(angle) / angle;
    curve[n] = x < width ? sinc * bessel(BETA * Math.sqrt(1 - (x / width) ** 2)) : 0;
  }
  return Array.from({ length: phases }, (_, phase) => {
    const taps = new Float64Array(2 * half);
    let total = 0;
    for (let tap = 0; tap < taps.length; tap++) {
      taps[tap] = curve[Math.abs((tap - half + 1) * phases - phase)]!;
      total += taps[tap]!;
    }
    return Float32Array.from(taps, (value) => value / total); // exact at 0 Hz
  });
}

function evenCeil(value: number): number {
  return 2 * Math.ceil(value / 2);
}

/** Coefficients of I0 above and below 3.75 (Abramowitz and Stegun 9.8.2 and 9.8.1). */
const I0_LARGE = [
  0.39894228, 0.01328592, 0.00225319, -0.00157565, 0.00916281, -0.02057706, 0.02635537,
  -0.01647633, 0.00392377,
];
const I0_SMALL = [1, 3.5156229, 3.0899424, 1.2067492, 0.2659732, 0.0360768, 0.0045813];

/** The modified Bessel function I0 of a positive number, to seven digits. */
function bessel(x: number): number {
  if (x < 3.75) return polynomial(I0_SMALL, (x / 3.75) ** 2);
  return (polynomial(I0_LARGE, 3.75 / x) * Math.exp(x)) / Math.sqrt(x);
}

function polynomial(coefficients: readonly number[], x: number): number {
  let value = 0;
  for (let n = coefficients.length - 1; n >= 0; n--) value = value * x + coefficients[n]!;
  return value;
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
