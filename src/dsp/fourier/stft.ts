import { UserError, usageError } from "../../base/errors.js";
import { finiteSamples, requireInteger, requireOneOf } from "../checks.js";
import { reflectedIndex } from "../reflect.js";
import { sharedWindow, type Window } from "../windows.js";
import { realFftPlan } from "./fft.js";
import { frameTransform } from "./frames.js";
import type { ComplexSpectrogram, Spectrogram } from "./spectrogram.js";

export const padModes = ["constant", "reflect", "edge"] as const;
/** Padding beyond the signal's ends: zeros, the signal mirrored about its end sample, or its end sample. */
export type PadMode = (typeof padModes)[number];

export interface StftOptions {
  /** Points of the transform, at least 1; bin k is at k·sampleRate/nFft Hz. */
  nFft: number;
  /** Hop length in samples. Default: a quarter of the window, at least 1. */
  hop?: number;
  /** Window length in samples. A shorter window is centred in the nFft points. Default: nFft. */
  winLength?: number;
  /** Window in its periodic form. Default: hann. */
  window?: Window;
  /** Whether frame t is centred on sample t·hop, with padding of nFft/2 at both ends, or begins there. Default: true. */
  center?: boolean;
  /** Only used with `center`. Default: constant. */
  padMode?: PadMode;
}

/**
 * Computes the short-time Fourier transform, `[samples]` → `[frames, bins]`: bins = floor(nFft/2) + 1 and
 * frames = 1 + floor((samples + 2h - nFft) / hop), where h is floor(nFft/2) with `center` and 0 without. It is the
 * transpose of `librosa.stft` (0.11), with the same defaults.
 *
 * @param out written to, if given, which saves allocating a result for each of many equal clips
 * @throws UserError (exit 2) for options out of their range, such as a hop of 0 or a window longer than nFft, and for an
 * `out` of another size; (exit 1) for a signal that is empty, not finite, or without `center` shorter than one frame
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

/** Computes |STFT|², `[frames, bins]`: `power(stft(…))` without storing complex numbers. Errors as `stft`. */
export function powerSpectrogram(signal: ArrayLike<number>, options: StftOptions): Spectrogram {
  const { transform, samples, window, frames } = cutIntoFrames(signal, options);
  const { bins } = transform;
  const values = new Float64Array(frames * bins);
  transform.powers(samples, window, frames, values);
  return { values, frames, bins };
}

/**
 * Computes the signal of a spectrogram by weighted overlap-add, `[frames, bins]` → `[length]`, as `librosa.istft` does:
 * the inverse transforms of the frames times the window, divided by the sum of the squared windows. It inverts `stft`
 * with the same options. For a modified spectrogram it is the signal whose STFT is nearest in the least-squares sense.
 *
 * Source: D. W. Griffin and J. S. Lim, "Signal estimation from modified short-time Fourier transform" (1984).
 *
 * @param options.length the signal's length; without it the samples after the last whole hop are missing. Samples that
 *   no frame covers are 0: those after the last frame, and without `center` the first one under a Hann window.
 * @throws UserError (exit 2) for options as in `stft`, and if window and hop leave samples that no frame weights
 * ("nonzero overlap add", NOLA); (exit 1) if the bins do not match nFft or a value is not finite
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
    // A smaller weight is zero up to rounding (the ends of a Blackman window are -1e-17).
    if (weight[margin + i]! > 1e-25) signal[i] = sum[margin + i]! / weight[margin + i]!;
  }
  return signal;
}

/** Raises wrong usage unless the squared windows over every sample sum to more than rounding errors. */
function requireOverlap(window: Float64Array, hop: number): void {
  const weights = new Float64Array(hop);
  for (let i = 0; i < window.length; i++) weights[i % hop]! += window[i]! * window[i]!;
  const least = weights.reduce((a, b) => Math.min(a, b));
  const most = weights.reduce((a, b) => Math.max(a, b));
  if (least <= 1e-10 * most)
    throw usageError(
      `this window with a hop of ${hop} cannot be inverted: at sample ${weights.indexOf(least)} of every ` +
        `hop the overlapping windows sum to zero (NOLA); use a smaller hop`,
    );
}

interface ResolvedStft {
  nFft: number;
  hop: number;
  /** The window with the zeros around it, `[nFft]`. */
  window: Float64Array;
  /** Padding at each end, in samples. */
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

/** Returns the padded signal and the transform of its frames. */
function cutIntoFrames(signal: ArrayLike<number>, options: StftOptions) {
  const { nFft, hop, window, margin, padMode } = resolveStft(options);
  const samples = pad(finiteSamples(signal), margin, padMode);
  if (samples.length < nFft)
    throw new UserError(
      `without center, expected at least the ${nFft} samples of one frame, the signal has ${signal.length}`,
    );
  const frames = 1 + Math.floor((samples.length - nFft) / hop);
  return { transform: frameTransform(nFft, hop), samples, window, frames };
}

/** Pads the signal by `margin` samples at each end, as `numpy.pad` does; a short signal is reflected repeatedly. */
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
