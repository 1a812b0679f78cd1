import { Cache } from "../base/cache.js";
import { UserError, usageError } from "../base/errors.js";
import { requireInteger, requireOneOf, requirePositive } from "./checks.js";
import { type DecibelOptions, powerToDb } from "./decibels.js";
import { fftFrequencies, type Spectrogram } from "./fourier/spectrogram.js";
import { powerSpectrogram, type StftOptions } from "./fourier/stft.js";

export const melScales = ["slaney", "htk"] as const;
/**
 * `slaney`: linear below 1000 Hz, logarithmic above (M. Slaney, "Auditory Toolbox", 1998). `htk`: 2595·log10(1 + f/700)
 * (S. Young et al., "The HTK Book"; O'Shaughnessy).
 */
export type MelScale = (typeof melScales)[number];

const slaney = { hzPerMel: 200 / 3, breakHz: 1000, breakMel: 15, logStep: Math.log(6.4) / 27 };

/** Converts a frequency in Hz to mel. */
export function hzToMel(hz: number, scale: MelScale = "slaney"): number {
  requireOneOf("scale", scale, melScales);
  if (scale === "htk") return 2595 * Math.log10(1 + hz / 700);
  return hz < slaney.breakHz
    ? hz / slaney.hzPerMel
    : slaney.breakMel + Math.log(hz / slaney.breakHz) / slaney.logStep;
}

/** Converts mel to a frequency in Hz. */
export function melToHz(mel: number, scale: MelScale = "slaney"): number {
  requireOneOf("scale", scale, melScales);
  if (scale === "htk") return 700 * (10 ** (mel / 2595) - 1);
  return mel < slaney.breakMel
    ? mel * slaney.hzPerMel
    : slaney.breakHz * Math.exp(slaney.logStep * (mel - slaney.breakMel));
}

export interface MelFilterOptions {
  /** Hz */
  sampleRate: number;
  nFft: number;
  /** Number of bands. Default: 40. */
  nMels?: number;
  /** Lower edge of the lowest band, Hz. Default: 0. */
  minFrequency?: number;
  /** Upper edge of the highest band, Hz. Default: half the sample rate. */
  maxFrequency?: number;
  /** Default: slaney. */
  scale?: MelScale;
  /** `slaney`: all bands have the same area; `none`: all peaks are 1. Default: `slaney`, for the htk scale `none`. */
  norm?: "slaney" | "none";
}

export interface MelFilterBank {
  /** The triangles, `[nMels, bins]`. */
  weights: Float64Array;
  nMels: number;
  bins: number;
  /** Band m's weights are zero outside the bins from `starts[m]` to before `ends[m]`. */
  starts: Int32Array;
  ends: Int32Array;
  /** The peak of each band in Hz, `[nMels]`. */
  centers: Float64Array;
}

/**
 * Computes triangular filters on a transform's bins, with corners evenly spaced in mel: `librosa.filters.mel`. A band
 * narrower than the spacing of the bins may contain none of them; its weights are then all zero.
 *
 * @throws UserError (exit 1) for a frequency above half the sample rate; (exit 2) for other options out of their range
 */
export function melFilterBank(options: MelFilterOptions): MelFilterBank {
  const { sampleRate, nFft, nMels = 40, minFrequency = 0, scale = "slaney" } = options;
  const norm = options.norm ?? (scale === "slaney" ? "slaney" : "none");
  requirePositive("sampleRate", sampleRate);
  requireInteger("nFft", nFft);
  requireInteger("nMels", nMels);
  requireOneOf("scale", scale, melScales);
  requireOneOf("norm", norm, ["slaney", "none"]);
  const maxFrequency = options.maxFrequency ?? sampleRate / 2;
  requireBand(minFrequency, maxFrequency, sampleRate);

  const frequencies = fftFrequencies(sampleRate, nFft);
  const bins = frequencies.length;
  const [from, to] = [hzToMel(minFrequency, scale), hzToMel(maxFrequency, scale)];
  const corners = Float64Array.from({ length: nMels + 2 }, (_, m) =>
    melToHz(from + ((to - from) * m) / (nMels + 1), scale),
  );
  const weights = new Float64Array(nMels * bins);
  const starts = new Int32Array(nMels);
  const ends = new Int32Array(nMels);
  for (let m = 0; m < nMels; m++) {
    const [low, peak, high] = [corners[m]!, corners[m + 1]!, corners[m + 2]!];
    const height = norm === "slaney" ? 2 / (high - low) : 1;
    for (let k = 0; k < bins; k++) {
      const rising = (frequencies[k]! - low) / (peak - low);
      const falling = (high - frequencies[k]!) / (high - peak);
      const weight = height * Math.min(rising, falling);
      if (weight <= 0) continue;
      weights[m * bins + k] = weight;
      if (ends[m] === 0) starts[m] = k;
      ends[m] = k + 1;
    }
  }
  return { weights, nMels, bins, starts, ends, centers: corners.slice(1, -1) };
}

function requireBand(low: number, high: number, sampleRate: number): void {
  const nyquist = sampleRate / 2;
  for (const [name, value] of [
    ["minFrequency", low],
    ["maxFrequency", high],
  ] as const) {
    if (!(value >= 0)) throw usageError(`${name} must be at least 0 Hz, got ${value}`);
    if (value > nyquist)
      throw new UserError(
        `${name} must not be above ${nyquist} Hz, half the sample rate of ${sampleRate} Hz, got ${value}`,
      );
  }
  if (low >= high) throw usageError(`minFrequency must be below maxFrequency, got ${low} and ${high}`);
}

/** Applies the filters to each frame, `[frames, bins]` → `[frames, nMels]`. */
export function applyFilterBank(spectrogram: Spectrogram, bank: MelFilterBank): Spectrogram {
  const { frames, bins, values } = spectrogram;
  const { nMels, weights, starts, ends } = bank;
  if (bins !== bank.bins)
    throw new UserError(`the filter bank is for ${bank.bins} bins, the spectrogram has ${bins}`);
  const bands = new Float64Array(frames * nMels);
  // Four frames at a time: their sums are independent, and each weight is read once. Beyond the end the last frame is
  // computed again.
  const last = frames - 1;
  for (let t = 0; t < frames; t += 4) {
    const t1 = Math.min(t + 1, last);
    const t2 = Math.min(t + 2, last);
    const t3 = Math.min(t + 3, last);
    const row0 = t * bins;
    const row1 = t1 * bins;
    const row2 = t2 * bins;
    const row3 = t3 * bins;
    for (let m = 0; m < nMels; m++) {
      let sum0 = 0;
      let sum1 = 0;
      let sum2 = 0;
      let sum3 = 0;
      const weightRow = m * bins;
      const end = ends[m]!;
      for (let k = starts[m]!; k < end; k++) {
        const weight = weights[weightRow + k]!;
        sum0 += weight * values[row0 + k]!;
        sum1 += weight * values[row1 + k]!;
        sum2 += weight * values[row2 + k]!;
        sum3 += weight * values[row3 + k]!;
      }
      bands[t * nMels + m] = sum0;
      bands[t1 * nMels + m] = sum1;
      bands[t2 * nMels + m] = sum2;
      bands[t3 * nMels + m] = sum3;
    }
  }
  return { values: bands, frames, bins: nMels };
}

export interface MelOptions extends StftOptions, MelFilterOptions {}

/**
 * Computes the power in each mel band, `[samples]` → `[frames, nMels]`: `librosa.feature.melspectrogram`. Errors as
 * `powerSpectrogram` and `melFilterBank`.
 */
export function melSpectrogram(signal: ArrayLike<number>, options: MelOptions): Spectrogram {
  const { sampleRate, nFft, nMels, minFrequency, maxFrequency, scale, norm } = options;
  const key = [sampleRate, nFft, nMels, minFrequency, maxFrequency, scale, norm].join(" ");
  const bank = banks.get(key, () => melFilterBank(options));
  return applyFilterBank(powerSpectrogram(signal, options), bank);
}

const banks = new Cache<string, MelFilterBank>(16);

/**
 * Computes the power of the mel bands in decibels, `[samples]` → `[frames, nMels]`. The floor is `topDb` below the
 * largest value. Default: 80.
 */
export function logMel(signal: ArrayLike<number>, options: MelOptions & DecibelOptions): Spectrogram {
  const mel = melSpectrogram(signal, options);
  return { ...mel, values: powerToDb(mel.values, options) };
}
