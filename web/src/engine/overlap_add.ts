/** Signals from frames that arrive in order, divided by the exact window sum. */

/** Adds up frames of several stems, two channels each. */
export class OverlapAdd {
  private readonly left: Float64Array[];
  private readonly right: Float64Array[];
  private readonly weight: Float64Array;

  constructor(
    nStems: number,
    private readonly window: Float64Array,
    private readonly hopLength: number,
  ) {
    const empty = () => new Float64Array(window.length);
    this.left = Array.from({ length: nStems }, empty);
    this.right = Array.from({ length: nStems }, empty);
    this.weight = empty();
  }

  /** Adds a frame of one stem. */
  add(stem: number, real: Float64Array, imaginary: Float64Array): void {
    const left = this.left[stem]!;
    const right = this.right[stem]!;
    for (let n = 0; n < this.window.length; n++) {
      left[n]! += real[n]! * this.window[n]!;
      right[n]! += imaginary[n]! * this.window[n]!;
    }
  }

  /** Counts a frame, once all its stems are added. */
  count(): void {
    for (let n = 0; n < this.window.length; n++) this.weight[n]! += this.window[n]! ** 2;
  }

  /**
   * Gives the hop of samples that no later frame touches, and goes on by it.
   *
   * @param use gets, for each of these samples, the estimates of all stems per channel.
   */
  step(use: (n: number, left: Float64Array, right: Float64Array) => void): void {
    const left = new Float64Array(this.left.length);
    const right = new Float64Array(this.left.length);
    for (let n = 0; n < this.hopLength; n++) {
      const gain = 1 / Math.max(this.weight[n]!, 1e-8);
      for (let stem = 0; stem < left.length; stem++) {
        left[stem] = this.left[stem]![n]! * gain;
        right[stem] = this.right[stem]![n]! * gain;
      }
      use(n, left, right);
    }
    for (const line of [...this.left, ...this.right, this.weight]) {
      line.copyWithin(0, this.hopLength);
      line.fill(0, line.length - this.hopLength);
    }
  }
}
