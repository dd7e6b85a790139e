/** The complex fast Fourier transform, in place, for lengths that are powers of two. */

/**
 * Tables for one length. The law: `inverse(forward(z))` is z; `forward` is
 * Z[k] = sum z[n] exp(-2 pi i k n / N), without a factor.
 */
export class FFT {
  private readonly cosines: Float64Array;
  private readonly sines: Float64Array;
  private readonly reversed: Uint32Array;

  constructor(readonly length: number) {
    if (length < 2 || (length & (length - 1)) !== 0) {
      throw new RangeError(`FFT length must be a power of two. Received: ${length}`);
    }
    this.cosines = Float64Array.from({ length: length / 2 }, (_, k) =>
      Math.cos((2 * Math.PI * k) / length),
    );
    this.sines = Float64Array.from({ length: length / 2 }, (_, k) =>
      Math.sin((2 * Math.PI * k) / length),
    );
    this.reversed = bitReversal(length);
  }

  /** Transforms `real + i imaginary` in place. */
  forward(real: Float64Array, imaginary: Float64Array): void {
    this.permute(real, imaginary);
    for (let half = 1; half < this.length; half *= 2) {
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
    const stride = this.length / (2 * half);
    for (let k = 0; k < half; k++) {
      const c = this.cosines[k * stride]!;
      const s = this.sines[k * stride]!;
      for (let a = k; a < this.length; a += 2 * half) {
        const b = a + half;
        const re = real[b]! * c + imaginary[b]! * s;
        const im = imaginary[b]! * c - real[b]! * s;
        real[b] = real[a]! - re;
        imaginary[b] = imaginary[a]! - im;
        real[a]! += re;
        imaginary[a]! += im;
      }
    }
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
