import { finiteSamples, requireInteger, requirePositive } from "./checks.js";
import { realFftPlan } from "./fourier/fft.js";
import type { SpectrogramWithAxes } from "./fourier/spectrogram.js";
import { sharedWindow } from "./windows.js";

export interface PictureOptions {
  /** Hz */
  sampleRate: number;
  /** Frame length in samples. Default: 1024. */
  frameSize?: number;
  /** Exponent of the frequency grouping; 1 is linear, larger values widen the groups of high frequencies. Default: 1. */
  factor?: number;
}

/** The amplitude of 0 dB. */
const reference = 10e-6;

/**
 * Computes the values of the classic spectrogram picture, in dB re 10e-6, `[frames, groups]`, with their axes.
 *
 * Frames overlap by half under a symmetric Hann window. Half a frame of zeros precedes the signal, and zeros fill the
 * last frame: frames = ceil((samples - ceil(frameSize/2)) / hop) + 1. Bins are grouped by bounds that follow
 * linspace(0, 1)^factor; the complex values of a group are summed. Samples are not scaled, so those of a 16-bit file
 * are best given as integers. An empty group or a silent frame is -Infinity dB.
 *
 * `frequencies` are the means of the groups on the picture's own grid of j·sampleRate/(2·bins) Hz, j = 0 … bins, whose
 * last point belongs to the last group. They are close to the frequencies of the bins, and are what such pictures show.
 *
 * Source: F. Zalkow's widely copied spectrogram function (2012).
 *
 * @throws UserError (exit 2) for options out of their range; (exit 1) for a signal that is empty or not finite
 */
export function pictureSpectrogram(signal: ArrayLike<number>, options: PictureOptions): SpectrogramWithAxes {
  const { sampleRate, frameSize = 1024, factor = 1 } = options;
  requirePositive("sampleRate", sampleRate);
  requireInteger("frameSize", frameSize, 2);
  requirePositive("factor", factor);
  const samples = finiteSamples(signal);

  const lead = Math.floor(frameSize / 2);
  const hop = frameSize - lead;
  const frames = Math.ceil((lead + samples.length - frameSize) / hop) + 1;
  const padded = new Float64Array((frames - 1) * hop + frameSize);
  padded.set(samples, lead);

  const window = sharedWindow("hann", frameSize, "symmetric");
  const plan = realFftPlan(frameSize);
  const bounds = groupBounds(plan.bins, factor);
  const groups = bounds.length - 1;
  const frame = new Float64Array(frameSize);
  const re = new Float64Array(plan.bins);
  const im = new Float64Array(plan.bins);
  const values = new Float64Array(frames * groups);
  for (let t = 0; t < frames; t++) {
    for (let i = 0; i < frameSize; i++) frame[i] = padded[t * hop + i]! * window[i]!;
    plan.forward(frame, re, im, 0);
    for (let g = 0; g < groups; g++) {
      let [sumRe, sumIm] = [0, 0];
      for (let k = bounds[g]!; k < bounds[g + 1]!; k++) {
        sumRe += re[k]!;
        sumIm += im[k]!;
      }
      values[t * groups + g] = 20 * Math.log10(Math.hypot(sumRe, sumIm) / reference);
    }
  }
  const times = Float64Array.from({ length: frames }, (_, t) => (t * hop) / sampleRate);
  return { values, frames, bins: groups, times, frequencies: groupFrequencies(bounds, sampleRate) };
}

/** Returns the first bin of each group, ascending, followed by the number of bins. */
function groupBounds(bins: number, factor: number): number[] {
  const firsts = new Set<number>();
  for (let k = 0; k < bins; k++) firsts.add(roundHalfToEven((k / (bins - 1)) ** factor * (bins - 1)));
  return [...firsts, bins];
}

function groupFrequencies(bounds: readonly number[], sampleRate: number): Float64Array {
  const bins = bounds.at(-1)!;
  const last = bounds.length - 2;
  return Float64Array.from({ length: last + 1 }, (_, g) => {
    const [from, to] = [bounds[g]!, g === last ? bins : bounds[g + 1]! - 1];
    return (((from + to) / 2) * sampleRate) / (2 * bins);
  });
}

/** Rounds as NumPy does. */
function roundHalfToEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}
