import { finiteSamples, requireInteger, requirePositive } from "./checks.js";
import { realFftPlan } from "./fourier/fft.js";
import type { SpectrogramWithAxes } from "./fourier/spectrogram.js";
import { sharedWindow } from "./windows.js";

export interface PictureOptions {
  /** Hz */
  sampleRate: number;
  /** Samples of a frame. Default: 1024. */
  frameSize?: number;
  /** How far the frequencies are spread towards the low ones; 1 is linear. Default: 1. */
  factor?: number;
}

/** The amplitude of 0 dB. */
const reference = 10e-6;

/**
 * The numbers of the classic spectrogram picture, in dB re 10e-6, `[frames, groups]` with their axes: frames half
 * overlapped under a symmetric Hann window, half a frame of zeros in front and zeros behind to fill the last frame,
 * frames = ceil((samples - ceil(frameSize/2)) / hop) + 1. Bins are grouped by bounds that run as linspace(0, 1)^factor,
 * the complex numbers of a group added up. Samples are taken as they are, so a 16-bit file's are best given as integers.
 * An empty group or a silent frame is -Infinity dB.
 *
 * `frequencies` are the groups' means on the picture's own grid of j·sampleRate/(2·bins) Hz, j = 0 … bins, whose last
 * point falls to the last group: close to the bins' frequencies, and what such pictures write on their axis.
 * (The definition: F. Zalkow's widely copied spectrogram function, 2012.)
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

/** The first bin of each group, rising, and behind them the number of bins. */
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

/** As NumPy rounds. */
function roundHalfToEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}
