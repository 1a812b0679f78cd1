import { UserError, usageError } from "../../base/errors.js";
import { finiteSamples, requireInteger, requireOneOf } from "../checks.js";
import { reflectedIndex } from "../reflect.js";
import { sharedWindow, type Window } from "../windows.js";
import { realFftPlan } from "./fft.js";
import { frameTransform } from "./frames.js";
import type { ComplexSpectrogram, Spectrogram } from "./spectrogram.js";

export const padModes = ["constant", "reflect", "edge"] as const;
/** What lies beyond the signal's ends: zeros, the signal mirrored about its end sample, or its end sample. */
export type PadMode = (typeof padModes)[number];

export interface StftOptions {
  /** Points of the transform; bin k is at k·sampleRate/nFft Hz. Any whole number from 1 on. */
  nFft: number;
  /** Samples from one frame to the next. Default: a quarter of the window, at least 1. */
  hop?: number;
  /** Points of the window, which is centred in the nFft points with zeros around it. Default: nFft. */
  winLength?: number;
  /** In its periodic form. Default: hann. */
  window?: Window;
  /** Whether frame t is centred on sample t·hop, padded at both ends by nFft/2, or begins there. Default: true. */
  center?: boolean;
  /** Only used with `center`. Default: constant. */
  padMode?: PadMode;
}

/**
 * The short-time Fourier transform: `[samples]` → `[frames, bins]`, bins = floor(nFft/2) + 1 and, with h = floor(nFft/2)
 * where `center` is on and 0 where it is off, frames = 1 + floor((samples + 2h - nFft) / hop).
 * The definition and the defaults of `librosa.stft` (0.11), which holds the transpose.
 *
 * The result is written to `out` where it is given, which spares the memory of a new one for each of many equal clips.
 *
 * @throws UserError (exit 2) for options out of their range, such as a hop of 0 or a window longer than nFft, and for an
 * `out` of another size; (exit 1) for a signal that is empty, not finite, or shorter than one frame where `center` is off
 */
export function stft(
  signal: ArrayLike<number>,
  options: StftOptions,
  out?: ComplexSpectrogram,
): ComplexSpectrogram {
  const { transform, samples, window, frames } = cutIntoFrames(signal, options);
  const { bins } = transform;
  const size = frames * bins;
  const result = out ?? { re: new Float64Array(size), im: new Float64Array(size), frames, bins };
  if (
    result.frames !== frames ||
    result.bins !== bins ||
    result.re.length !== size ||
    result.im.length !== size
  )
    throw usageError(
      `out must hold ${frames} frames of ${bins} bins, got ${result.frames} frames of ${result.bins} bins`,
    );
  transform.spectra(samples, window, frames, result.re, result.im);
  return result;
}

/** |STFT|², `[frames, bins]`: `power(stft(…))` without the complex numbers in between. Errors as `stft`. */
export function powerSpectrogram(signal: ArrayLike<number>, options: StftOptions): Spectrogram {
  const { transform, samples, window, frames } = cutIntoFrames(signal, options);
  const { bins } = transform;
  const values = new Float64Array(frames * bins);
  transform.powers(samples, window, frames, values);
  return { values, frames, bins };
}

/**
 * The signal of a spectrogram by weighted overlap-add, `[frames, bins]` → `[length]`: the frames' inverse transforms
 * times the window, divided by the sum of the squared windows there. It undoes `stft` with the same options; of a
 * spectrogram that was changed it is the signal whose STFT is nearest in the least squares.
 * (D. W. Griffin and J. S. Lim, "Signal estimation from modified short-time Fourier transform", 1984; `librosa.istft`.)
 *
 * `length` is the signal's; without it the samples behind the last whole hop are missing. Samples that the frames do not
 * reach (asked for behind the last one; the first of all under a Hann window where `center` is off) come back as 0.
 *
 * @throws UserError (exit 2) for options as in `stft`, and where window and hop leave samples in every period that no
 * frame weighs ("nonzero overlap add", NOLA); (exit 1) where the bins do not fit nFft or a value is not finite
 */
export function istft(
  spectrogram: ComplexSpectrogram,
  options: StftOptions & { length?: number },
): Float64Array {
  const { nFft, hop, window, margin } = resolveStft(options);
  const { re, im, frames, bins } = spectrogram;
  const plan = realFftPlan(nFft);
  if (bins !== plan.bins)
    throw new UserError(`nFft ${nFft} has ${plan.bins} bins, the spectrogram has ${bins}`);
  requireInteger("frames", frames);
  if (re.length !== frames * bins || im.length !== frames * bins)
    throw new UserError(
      `a spectrogram of ${frames} frames and ${bins} bins has ${frames * bins} values, got ${re.length} and ${im.length}`,
    );
  finiteSamples(re, "the spectrogram");
  finiteSamples(im, "the spectrogram");
  requireOverlap(window, hop);

  const spanned = nFft + hop * (frames - 1);
  const length = options.length ?? Math.max(0, spanned - 2 * margin);
  requireInteger("length", length, 0);
  const sum = new Float64Array(spanned);
  const weight = new Float64Array(spanned);
  const frame = new Float64Array(nFft);
  for (let t = 0; t < frames; t++) {
    plan.inverse(re, im, t * bins, frame);
    for (let i = 0, at = t * hop; i < nFft; i++, at++) {
      sum[at]! += frame[i]! * window[i]!;
      weight[at]! += window[i]! * window[i]!;
    }
  }
  const signal = new Float64Array(length);
  const end = Math.min(length, spanned - margin);
  for (let i = 0; i < end; i++) {
    // A weight below this is zero but for rounding (the ends of a Blackman window are -1e-17).
    if (weight[margin + i]! > 1e-25) signal[i] = sum[margin + i]! / weight[margin + i]!;
  }
  return signal;
}

/** Between frames on either side, the squared windows over a sample must add up to more than rounding. */
function requireOverlap(window: Float64Array, hop: number): void {
  const weights = new Float64Array(hop);
  for (let i = 0; i < window.length; i++) weights[i % hop]! += window[i]! * window[i]!;
  const least = weights.reduce((a, b) => Math.min(a, b));
  const most = weights.reduce((a, b) => Math.max(a, b));
  if (least <= 1e-10 * most)
    throw usageError(
      `this window with a hop of ${hop} cannot be inverted: at sample ${weights.indexOf(least)} of every ` +
        `hop the overlapping windows add up to zero (NOLA); take a smaller hop`,
    );
}

interface ResolvedStft {
  nFft: number;
  hop: number;
  /** `[nFft]`, with the zeros around it. */
  window: Float64Array;
  /** Samples of padding at either end. */
  margin: number;
  padMode: PadMode;
}

function resolveStft(options: StftOptions): ResolvedStft {
  const { nFft, winLength = nFft, center = true, padMode = "constant" } = options;
  requireInteger("nFft", nFft);
  requireInteger("winLength", winLength);
  if (winLength > nFft)
    throw usageError(`the window must not be longer than nFft: got winLength ${winLength}, nFft ${nFft}`);
  const hop = options.hop ?? Math.max(1, Math.floor(winLength / 4));
  requireInteger("hop", hop);
  requireOneOf("padMode", padMode, padModes);
  let window = sharedWindow(options.window ?? "hann", winLength, "periodic");
  if (winLength < nFft) {
    const padded = new Float64Array(nFft);
    padded.set(window, Math.floor((nFft - winLength) / 2));
    window = padded;
  }
  return { nFft, hop, window, margin: center ? Math.floor(nFft / 2) : 0, padMode };
}

/** The padded signal and what turns its frames into bins. */
function cutIntoFrames(signal: ArrayLike<number>, options: StftOptions) {
  const { nFft, hop, window, margin, padMode } = resolveStft(options);
  const samples = pad(finiteSamples(signal), margin, padMode);
  if (samples.length < nFft)
    throw new UserError(
      `the signal has ${signal.length} samples, fewer than the ${nFft} of one frame, and center is off`,
    );
  const frames = 1 + Math.floor((samples.length - nFft) / hop);
  return { transform: frameTransform(nFft, hop), samples, window, frames };
}

/** The signal with `margin` samples more at either end. (`numpy.pad`, which reflects a short signal to and fro.) */
function pad(signal: Float64Array, margin: number, mode: PadMode): Float64Array {
  if (margin === 0) return signal;
  const { length } = signal;
  const padded = new Float64Array(signal.length + 2 * margin);
  padded.set(signal, margin);
  if (mode === "constant") return padded;
  const source = (index: number) =>
    mode === "edge" ? Math.min(Math.max(index, 0), length - 1) : reflectedIndex(index, length);
  for (let i = 0; i < margin; i++) {
    padded[i] = signal[source(i - margin)]!;
    padded[margin + length + i] = signal[source(length + i)]!;
  }
  return padded;
}
