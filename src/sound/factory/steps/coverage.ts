import { usageError } from "../../../base/errors.js";
import type { StftOptions } from "../../../dsp/fourier/stft.js";
import { createWindow } from "../../../dsp/windows.js";

type Stft = Readonly<Required<StftOptions>>;

/**
 * The squared windows over a sample, as a share of the most that any sample has. On the way back a sample is divided by it,
 * and so is the rounding of arrays to 32 bits: above this share it stays below 1e-5 of full scale.
 */
const leastShare = 0.005;

/** The squared window, `[nFft]`, and where in it the middle of a frame is that is centred. */
function squaredWindow({ nFft, winLength, window }: Stft): { squares: Float64Array; middle: number } {
  const squares = new Float64Array(nFft);
  const values = createWindow(window, winLength).map((value) => value * value);
  squares.set(values, Math.floor((nFft - winLength) / 2));
  return { squares, middle: Math.floor(nFft / 2) };
}

/** What the squared windows add up to at each sample of a hop that has frames on either side, `[hop]`. */
function overlaps(squares: Float64Array, hop: number): Float64Array {
  const sums = new Float64Array(hop);
  for (let i = 0; i < squares.length; i++) sums[i % hop]! += squares[i]!;
  return sums;
}

const least = (values: Float64Array) => values.reduce((a, b) => Math.min(a, b));
const most = (values: Float64Array) => values.reduce((a, b) => Math.max(a, b));

/** @throws UserError (exit 2) where samples between two frames lie so far out in their windows that rounding drowns them */
export function requireOverlap(stft: Stft): void {
  const { hop } = stft;
  const sums = overlaps(squaredWindow(stft).squares, hop);
  if (least(sums) >= leastShare * most(sums)) return;
  throw usageError(
    `this window with a hop of ${hop} cannot be inverted within 1e-5: at sample ${sums.indexOf(least(sums))} of every hop ` +
      "the overlapping windows add up to next to nothing; take a smaller hop",
  );
}

/**
 * How many samples a sound of `length` samples needs for all of its own to lie well within a window: more where the last
 * frame does not reach its end, as under a Hann window with a hop of half of it. Without `center` nothing is done for the ends.
 */
export function coveredLength(length: number, stft: Stft): number {
  const { nFft, hop, center } = stft;
  if (!center || reachesEnd(stft)) return length;
  return Math.max(length, Math.ceil((length - 1) / hop) * hop + (nFft % 2));
}

/** Whether the last frame, which may be centred a hop before the end, and those before it cover the end. */
function reachesEnd(stft: Stft): boolean {
  const { squares, middle } = squaredWindow(stft);
  const { hop } = stft;
  const behind = new Float64Array(hop);
  for (let i = middle; i < squares.length; i++) behind[(i - middle) % hop]! += squares[i]!;
  return least(behind) >= leastShare * most(overlaps(squares, hop));
}

/** Makes the samples 0 that hardly any window lies over, where a model's small error would become a loud click. */
export function silenceUncovered(samples: Float32Array, frames: number, stft: Stft): void {
  const { nFft, hop, center } = stft;
  const { squares, middle } = squaredWindow(stft);
  const start = center ? middle : 0;
  const limit = leastShare * most(overlaps(squares, hop));
  // Only the ends can be: `requireOverlap` has looked at what lies between.
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
