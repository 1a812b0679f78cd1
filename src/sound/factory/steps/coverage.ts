import { usageError } from "../../../base/errors.js";
import type { StftOptions } from "../../../dsp/fourier/stft.js";
import { createWindow } from "../../../dsp/windows.js";

type Stft = Readonly<Required<StftOptions>>;

/**
 * Smallest sum of squared windows over a sample, as a share of the largest. The inverse transform divides
 * samples by this sum, which amplifies the rounding of arrays to 32 bits. Above this share the error stays
 * below 1e-5 of full scale.
 */
const leastShare = 0.005;

/** Returns the squared window, `[nFft]`, and the index on which a centred frame is centred. */
function squaredWindow({ nFft, winLength, window }: Stft): { squares: Float64Array; middle: number } {
  const squares = new Float64Array(nFft);
  const values = createWindow(window, winLength).map((value) => value * value);
  squares.set(values, Math.floor((nFft - winLength) / 2));
  return { squares, middle: Math.floor(nFft / 2) };
}

/** Returns the sum of squared windows at each sample of a hop that has frames on either side, `[hop]`. */
function overlaps(squares: Float64Array, hop: number): Float64Array {
  const sums = new Float64Array(hop);
  for (let i = 0; i < squares.length; i++) sums[i % hop]! += squares[i]!;
  return sums;
}

const least = (values: Float64Array) => values.reduce((a, b) => Math.min(a, b));
const most = (values: Float64Array) => values.reduce((a, b) => Math.max(a, b));

/**
 * @throws UserError (exit 2) if samples between two frames have too little weight in the overlapping windows
 */
export function requireOverlap(stft: Stft): void {
  const { hop } = stft;
  const sums = overlaps(squaredWindow(stft).squares, hop);
  if (least(sums) >= leastShare * most(sums)) return;
  throw usageError(
    `this window with a hop of ${hop} cannot be inverted within 1e-5: at sample ${sums.indexOf(least(sums))} of every hop ` +
      "the overlapping windows add up to nearly zero; take a smaller hop",
  );
}

/**
 * Returns the length to which a sound must be padded with zeros so that its last samples lie well within a
 * window. It is more than `length` if the last frame does not reach the end, as with a Hann window and a hop
 * of half of it. Without `center` the ends are left as they are.
 */
export function coveredLength(length: number, stft: Stft): number {
  const { nFft, hop, center } = stft;
  if (!center || reachesEnd(stft)) return length;
  return Math.max(length, Math.ceil((length - 1) / hop) * hop + (nFft % 2));
}

/** Returns whether the last frames cover the end, although the last one may be centred a hop before it. */
function reachesEnd(stft: Stft): boolean {
  const { squares, middle } = squaredWindow(stft);
  const { hop } = stft;
  const after = new Float64Array(hop);
  for (let i = middle; i < squares.length; i++) after[(i - middle) % hop]! += squares[i]!;
  return least(after) >= leastShare * most(overlaps(squares, hop));
}

/**
 * Zeroes samples at the ends with little window weight, where a model's small error would become a loud
 * click.
 */
export function silenceUncovered(samples: Float32Array, frames: number, stft: Stft): void {
  const { nFft, hop, center } = stft;
  const { squares, middle } = squaredWindow(stft);
  const start = center ? middle : 0;
  const limit = leastShare * most(overlaps(squares, hop));
  // Only the ends can have little weight: `requireOverlap` has checked the samples between.
  const isCovered = (i: number) => {
    let sum = 0;
    const last = Math.min(frames - 1, Math.floor((i + start) / hop));
    for (let t = Math.max(0, Math.ceil((i + start - nFft + 1) / hop)); t <= last; t++)
      sum += squares[i + start - t * hop]!;
    return sum >= limit;
  };
  for (let i = 0; i < samples.length && !isCovered(i); i++) samples[i] = 0;
  for (let i = samples.length - 1; i >= 0 && !isCovered(i); i--) samples[i] = 0;
}
