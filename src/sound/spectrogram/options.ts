import { UserError, usageError } from "../../base/errors.js";
import { requireInteger } from "../../dsp/checks.js";
import { fftFrequencies } from "../../dsp/fourier/spectrogram.js";
import type { Window } from "../../dsp/windows.js";

export interface StftLevelOptions {
  /** Points of the transform. Default: the largest power of two within 32 ms, or enough for the window. */
  nFft?: number;
  /** Hop length, samples. Default: an eighth of the window. */
  hop?: number;
  /** Window length, samples. Default: nFft. */
  winLength?: number;
  /** In its periodic form. Default: hann. */
  window?: Window;
  /** Hz; bins outside the band are left out. Default: 0 and half the sample rate. */
  minFrequency?: number;
  maxFrequency?: number;
}

/** @throws UserError (exit 2) for options that are wrong for every recording */
export function checkStftLevelOptions(options: StftLevelOptions): void {
  const { nFft, hop, winLength } = options;
  for (const [name, value] of Object.entries({ nFft, hop, winLength }))
    if (value !== undefined) requireInteger(name, value);
  if (nFft !== undefined && winLength !== undefined && winLength > nFft)
    throw usageError(`the window must not be longer than nFft: got winLength ${winLength}, nFft ${nFft}`);
  checkBand(options);
}

/** A frequency band in Hz, both ends included. */
export interface Band {
  minFrequency?: number;
  maxFrequency?: number;
}

/** @throws UserError (exit 2) for a band that is wrong for every recording */
export function checkBand({ minFrequency = 0, maxFrequency }: Band): void {
  if (!(minFrequency >= 0)) throw usageError(`minFrequency must be at least 0 Hz, got ${minFrequency}`);
  if (maxFrequency !== undefined && !(maxFrequency > minFrequency))
    throw usageError(`maxFrequency must be above minFrequency, got ${maxFrequency} and ${minFrequency}`);
}

/**
 * Returns the bins of a transform that lie in a band, with their frequencies in Hz.
 *
 * @param name name of the recording in messages
 * @throws UserError for a frequency above half the sample rate, or a band without a bin
 */
export function chooseBins(sampleRate: number, nFft: number, band: Band, name: string) {
  const [low, high] = requireBelowNyquist(sampleRate, band, name);
  const all = fftFrequencies(sampleRate, nFft);
  const firstBin = all.findIndex((hz) => hz >= low);
  const frequencies = all.filter((hz) => hz >= low && hz <= high);
  if (frequencies.length === 0)
    throw new UserError(
      `${name}: no bin lies between ${low} and ${high} Hz: with nFft ${nFft} they are ${sampleRate / nFft} Hz apart`,
    );
  return { firstBin, frequencies };
}

/** Returns the ends of a band in Hz. */
export function requireBelowNyquist(sampleRate: number, band: Band, name: string): [number, number] {
  const nyquist = sampleRate / 2;
  const { minFrequency = 0, maxFrequency = nyquist } = band;
  const highest = Math.max(minFrequency, maxFrequency);
  if (highest > nyquist)
    throw new UserError(
      `${name}: frequencies up to ${nyquist} Hz were expected, half its sample rate of ${sampleRate} Hz, got ${highest}`,
    );
  return [minFrequency, maxFrequency];
}

/** @throws UserError for a channel that the recording does not have */
export function requireChannel(channel: number, channels: number, name: string): void {
  if (channel < channels) return;
  throw new UserError(
    `${name} has no channel ${channel}, but ${channels === 1 ? "channel 0" : `channels 0 to ${channels - 1}`}`,
  );
}
