/** The complex fast Fourier transform, in place, for lengths that are powers of two. */

/**
 * Tables for one length. The law: `inverse(forward(z))` is z; `forward` is
 * Z[k] = sum z[n] exp(-2 pi i k n / N), without a factor.
 */
export class FFT {
  /** Twiddles of all stages, one after the other: stage `half` starts at `half`. */
  private readonly cosines: Float64Array;
  private readonly sines: Float64Array;
  private readonly reversed: Uint32Array;

  constructor(readonly length: number) {
    if (length < 4 || (length & (length - 1)) !== 0) {
      throw new RangeError(`FFT length must be a power of two, at least 4. Received: ${length}`);
    }
    this.cosines = new Float64Array(length);
    this.sines = new Float64Array(length);
    for (let half = 1; half < length; half *= 2) {
      for (let k = 0; k < half; k++) {
        this.cosines[half + k] = Math.cos((Math.PI * k) / half);
        this.sines[half + k] = Math.sin((Math.PI * k) / half);
      }
    }
    this.reversed = bitReversal(length);
  }

  /** Transforms `real + i imaginary` in place. */
  forward(real: Float64Array, imaginary: Float64Array): void {
    this.permute(real, imaginary);
    firstStages(real, imaginary);
    for (let half = 4; half < this.length; half *= 2) {
      this.butterflies(real, imaginary, half);
    }
  }

  /** The inverse of `forward`, the factor 1/N included. */
  inverse(real: Float64Array, imaginary: Float64Array): void {
    this.forward(imaginary, real); // swapping the parts conjugates
    const scale = 1 / this.length;
    for (let n = 0; n < this.length; n++) {
      real[n]! *= scale;
      imaginary[n]! *= scale;
    }
  }

  private permute(real: Float64Array, imaginary: Float64Array): void {
    for (let n = 0; n < this.length; n++) {
      const m = this.reversed[n]!;
      if (m <= n) continue;
      const re = real[n]!;
      real[n] = real[m]!;
      real[m] = re;
      const im = imaginary[n]!;
      imaginary[n] = imaginary[m]!;
      imaginary[m] = im;
    }
  }

  private butterflies(real: Float64Array, imaginary: Float64Array, half: number): void {
    const { cosines, sines } = this;
    for (let block = 0; block < this.length; block += 2 * half) {
      for (let k = 0; k < half; k++) {
        const a = block + k;
        const b = a + half;
        const c = cosines[half + k]!;
        const s = sines[half + k]!;
        const reB = real[b]!;
        const imB = imaginary[b]!;
        const re = reB * c + imB * s;
        const im = imB * c - reB * s;
        const reA = real[a]!;
        const imA = imaginary[a]!;
        real[b] = reA - re;
        imaginary[b] = imA - im;
        real[a] = reA + re;
        imaginary[a] = imA + im;
      }
    }
  }
}

/** The stages of half 1 and 2 in one: their twiddles are 1 and -i. */
function firstStages(real: Float64Array, imaginary: Float64Array): void {
  for (let n = 0; n < real.length; n += 4) {
    const re0 = real[n]! + real[n + 1]!;
    const im0 = imaginary[n]! + imaginary[n + 1]!;
    const re1 = real[n]! - real[n + 1]!;
    const im1 = imaginary[n]! - imaginary[n + 1]!;
    const re2 = real[n + 2]! + real[n + 3]!;
    const im2 = imaginary[n + 2]! + imaginary[n + 3]!;
    const re3 = real[n + 2]! - real[n + 3]!;
    const im3 = imaginary[n + 2]! - imaginary[n + 3]!;
    real[n] = re0 + re2;
    imaginary[n] = im0 + im2;
    real[n + 2] = re0 - re2;
    imaginary[n + 2] = im0 - im2;
    real[n + 1] = re1 + im3;
    imaginary[n + 1] = im1 - re3;
    real[n + 3] = re1 - im3;
    imaginary[n + 3] = im1 + re3;
  }
}

function bitReversal(length: number): Uint32Array {
  const reversed = new Uint32Array(length);
  const bits = Math.log2(length);
  for (let n = 1; n < length; n++) {
    reversed[n] = (reversed[n >> 1]! >> 1) | ((n & 1) << (bits - 1));
  }
  return reversed;
}
