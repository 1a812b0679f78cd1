import { UserError, usageError } from "../../base/errors.js";
import { finiteSamples, requireInteger, requireOneOf, requirePositive } from "../checks.js";
import { sharedWindow, type Window } from "../windows.js";
import { realFftPlan } from "./fft.js";
import { fftFrequencies, type SpectrogramWithAxes } from "./spectrogram.js";

export interface PsdOptions {
  /** Hz */
  sampleRate: number;
  /** Segment length in samples (SciPy's nperseg). Default: 256, or the signal's length if that is less. */
  winLength?: number;
  /** Overlap of neighbouring segments in samples (noverlap). Default: an eighth of the segment. */
  overlap?: number;
  /** Points of the transform (nfft); the segment is followed by zeros. Default: winLength. */
  nFft?: number;
  /** Window in its periodic form. Default: tukey with alpha 0.25. */
  window?: Window;
  /** What is subtracted from each segment first: its mean, its least-squares line, or nothing. Default: constant. */
  detrend?: "constant" | "linear" | false;
  /** `density`: power per Hz (V²/Hz); `spectrum`: power (V²), where a sine's peak is its mean square. Default: density. */
  scaling?: "density" | "spectrum";
}

/**
 * Computes the one-sided power spectral density over time, `[samples]` → `[frames, bins]`, with its axes, where
 * frames = floor((samples - overlap) / (winLength - overlap)). It is the transpose of `scipy.signal.spectrogram` with the
 * same defaults.
 *
 * Source: P. D. Welch, "The use of fast Fourier transform for the estimation of power spectra" (1967).
 *
 * @throws UserError (exit 2) for options out of their range; (exit 1) for a signal that is empty, not finite, or shorter
 * than a given winLength
 */
export function psdSpectrogram(signal: ArrayLike<number>, options: PsdOptions): SpectrogramWithAxes {
  const samples = finiteSamples(signal);
  const { sampleRate, winLength = Math.min(256, samples.length), nFft = winLength } = options;
  const { overlap = Math.floor(winLength / 8), detrend = "constant", scaling = "density" } = options;
  requirePositive("sampleRate", sampleRate);
  requireInteger("winLength", winLength);
  requireInteger("nFft", nFft);
  if (winLength > nFft)
    throw usageError(`the window must not be longer than nFft: got winLength ${winLength}, nFft ${nFft}`);
  requireInteger("overlap", overlap, 0);
  if (overlap >= winLength) throw usageError(`overlap must be below winLength, ${winLength}, got ${overlap}`);
  requireOneOf("detrend", String(detrend), ["constant", "linear", "false"]);
  requireOneOf("scaling", scaling, ["density", "spectrum"]);
  if (winLength > samples.length)
    throw new UserError(`the signal has ${samples.length} samples, fewer than winLength, ${winLength}`);

  const window = sharedWindow(options.window ?? { name: "tukey", alpha: 0.25 }, winLength, "periodic");
  const scale =
    scaling === "density"
      ? 1 / (sampleRate * window.reduce((sum, value) => sum + value * value, 0))
      : 1 / window.reduce((sum, value) => sum + value, 0) ** 2;
  const hop = winLength - overlap;
  const frames = 1 + Math.floor((samples.length - winLength) / hop);
  const plan = realFftPlan(nFft);
  const { bins } = plan;
  const re = new Float64Array(bins);
  const im = new Float64Array(bins);
  const segment = new Float64Array(nFft);
  const values = new Float64Array(frames * bins);
  for (let t = 0; t < frames; t++) {
    segment.set(samples.subarray(t * hop, t * hop + winLength));
    if (detrend !== false) removeLine(segment, winLength, detrend === "linear");
    for (let i = 0; i < winLength; i++) segment[i]! *= window[i]!;
    plan.forward(segment, re, im, 0);
    for (let k = 0; k < bins; k++) {
      // Bins other than 0 Hz and the Nyquist frequency also represent their mirror images.
      const sides = k === 0 || 2 * k === nFft ? 1 : 2;
      values[t * bins + k] = sides * scale * (re[k]! * re[k]! + im[k]! * im[k]!);
    }
  }
  const times = Float64Array.from({ length: frames }, (_, t) => (winLength / 2 + t * hop) / sampleRate);
  return { values, frames, bins, times, frequencies: fftFrequencies(sampleRate, nFft) };
}

/** Subtracts from the first `length` values their mean or, if `sloped`, their least-squares line. */
function removeLine(values: Float64Array, length: number, sloped: boolean): void {
  const middle = (length - 1) / 2;
  let mean = 0;
  for (let i = 0; i < length; i++) mean += values[i]! / length;
  let slope = 0;
  if (sloped && length > 1) {
    for (let i = 0; i < length; i++) slope += (i - middle) * (values[i]! - mean);
    slope /= (length * (length * length - 1)) / 12; // Σ (i - middle)²
  }
  for (let i = 0; i < length; i++) values[i]! -= mean + slope * (i - middle);
}
