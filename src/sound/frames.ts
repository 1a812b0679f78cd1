import { UserError, usageError } from "../base/errors.js";
import { requireInteger } from "../dsp/checks.js";
import { fftFrequencies, type Spectrogram, type SpectrogramWithAxes } from "../dsp/fourier/spectrogram.js";
import { powerSpectrogram } from "../dsp/fourier/stft.js";
import { pictureSpectrogram } from "../dsp/picture.js";
import { createWindow, type Window } from "../dsp/windows.js";

/** A spectrogram in dB whose frames are computed when they are asked for, a block at a time. */
export interface Frames {
  /** How many there are. */
  readonly count: number;
  /** From the middle of one to the next; the first one's is at 0. */
  readonly seconds: number;
  /** Hz, `[bins]`. */
  readonly frequencies: Float64Array;
  /** All frames in order, `[frames, bins]` each. */
  blocks(): Iterable<Spectrogram>;
}

export interface LevelOptions {
  /** Points of the transform. Default: the largest power of two within 32 ms, or as many as the window needs. */
  nFft?: number;
  /** Samples from one frame to the next. Default: an eighth of the window. */
  hop?: number;
  /** Samples of the window. Default: nFft. */
  winLength?: number;
  /** In its periodic form. Default: hann. */
  window?: Window;
  /** Hz; bins outside are left out. Default: 0 and half the sample rate. */
  minFrequency?: number;
  maxFrequency?: number;
}

export interface LevelFrames extends Frames {
  readonly nFft: number;
  readonly hop: number;
  readonly winLength: number;
}

/** The level of digital silence: lower ones are raised to here, so that every level is a number. */
export const silenceDb = -200;

const blockValues = 2 ** 20;

/** @throws UserError (exit 2) for options that are wrong for every recording */
export function checkLevelOptions(options: LevelOptions): void {
  const { nFft, hop, winLength, minFrequency = 0, maxFrequency } = options;
  for (const [name, value] of Object.entries({ nFft, hop, winLength }))
    if (value !== undefined) requireInteger(name, value);
  if (nFft !== undefined && winLength !== undefined && winLength > nFft)
    throw usageError(`the window must not be longer than nFft: got winLength ${winLength}, nFft ${nFft}`);
  if (!(minFrequency >= 0)) throw usageError(`minFrequency must be at least 0 Hz, got ${minFrequency}`);
  if (maxFrequency !== undefined && !(maxFrequency > minFrequency))
    throw usageError(`maxFrequency must be above minFrequency, got ${maxFrequency} and ${minFrequency}`);
}

/**
 * The levels of a recording's STFT, centred and padded by reflection: 20·log10 of the magnitude, where a sine of full
 * scale (amplitude 1) in the middle of a bin has 0 dB.
 *
 * @param name what messages call the recording
 * @throws UserError (exit 2) as `checkLevelOptions`; (exit 1) for an empty signal, a frequency above half the sample rate, or a band
 * without a bin
 */
export function levelFrames(
  samples: Float32Array,
  sampleRate: number,
  options: LevelOptions = {},
  name = "the recording",
): LevelFrames {
  checkLevelOptions(options);
  if (samples.length === 0) throw new UserError(`${name} is empty, at least one sample was expected`);
  const { winLength: chosenLength = 1, window: shape = "hann" } = options;
  const nFft =
    options.nFft ??
    Math.max(2 ** Math.floor(Math.log2(0.032 * sampleRate)), 2 ** Math.ceil(Math.log2(chosenLength)));
  const winLength = options.winLength ?? nFft;
  const hop = options.hop ?? Math.max(1, Math.floor(winLength / 8));
  const { firstBin, frequencies } = chooseBins(sampleRate, nFft, options, name);

  const bins = frequencies.length;
  const margin = Math.floor(nFft / 2);
  const count = 1 + Math.floor((samples.length + 2 * margin - nFft) / hop);
  const fullScale = createWindow(shape, winLength).reduce((sum, value) => sum + value, 0) / 2;
  // An even number: the transform takes frames two at a time.
  const framesABlock = 2 * Math.ceil(blockValues / (Math.floor(nFft / 2) + 1) / 2);
  function* blocks(): Generator<Spectrogram> {
    for (let first = 0; first < count; first += framesABlock) {
      const frames = Math.min(framesABlock, count - first);
      const start = first * hop - margin;
      const part = new Float64Array((frames - 1) * hop + nFft);
      part.set(samples.subarray(Math.max(0, start), start + part.length), Math.max(0, -start));
      for (let i = 0; i < -start; i++) part[i] = samples[mirrored(start + i, samples.length)]!;
      for (let i = samples.length - start; i < part.length; i++)
        part[i] = samples[mirrored(start + i, samples.length)]!;
      const powers = powerSpectrogram(part, { nFft, hop, winLength, window: shape, center: false });
      const values = new Float64Array(frames * bins);
      for (let t = 0; t < frames; t++)
        for (let k = 0; k < bins; k++) {
          const share = powers.values[t * powers.bins + firstBin + k]! / fullScale ** 2;
          values[t * bins + k] = Math.max(silenceDb, 10 * Math.log10(share));
        }
      yield { values, frames, bins };
    }
  }
  return { count, seconds: hop / sampleRate, frequencies, blocks, nFft, hop, winLength };
}

/** Where one arrives in a signal that goes on as its mirror image at both ends. */
export function mirrored(position: number, length: number): number {
  if (length === 1) return 0;
  const period = 2 * (length - 1);
  const inPeriod = ((position % period) + period) % period;
  return Math.min(inPeriod, period - inPeriod);
}

export function chooseBins(sampleRate: number, nFft: number, options: LevelOptions, name: string) {
  const nyquist = sampleRate / 2;
  const { minFrequency = 0, maxFrequency = nyquist } = options;
  const highest = Math.max(minFrequency, maxFrequency);
  if (highest > nyquist)
    throw new UserError(
      `${name}: frequencies up to ${nyquist} Hz were expected, half its sample rate of ${sampleRate} Hz, got ${highest}`,
    );
  const all = fftFrequencies(sampleRate, nFft);
  const firstBin = all.findIndex((hz) => hz >= minFrequency);
  const frequencies = all.filter((hz) => hz >= minFrequency && hz <= maxFrequency);
  if (frequencies.length === 0)
    throw new UserError(
      `${name}: no bin lies between ${minFrequency} and ${maxFrequency} Hz: with nFft ${nFft} they are ${sampleRate / nFft} Hz apart`,
    );
  return { firstBin, frequencies };
}

/** The frames of `pictureSpectrogram`; the samples are taken as 16-bit numbers, full scale being 32768. */
export function pictureFrames(
  samples: Float32Array,
  sampleRate: number,
  options: { frameSize?: number; factor?: number },
): Frames {
  const shorts = Float64Array.from(samples, (value) => 32768 * value);
  const { values, frames, bins, times, frequencies } = pictureSpectrogram(shorts, { ...options, sampleRate });
  const hop = Math.ceil((options.frameSize ?? 1024) / 2);
  return {
    count: times.length,
    seconds: hop / sampleRate,
    frequencies,
    blocks: () => [{ values, frames, bins }],
  };
}

/**
 * At least `atLeast` frames where there are as many, but not many more: each the largest values of so many neighbours.
 * What a picture needs of a long recording.
 */
export function pooledFrames(frames: Frames, atLeast: number): SpectrogramWithAxes {
  const { count, seconds, frequencies } = frames;
  const bins = frequencies.length;
  const each = Math.max(1, Math.floor(count / atLeast));
  const pooled = Math.ceil(count / each);
  const values = new Float64Array(pooled * bins).fill(Number.NEGATIVE_INFINITY);
  let t = 0;
  for (const block of frames.blocks())
    for (let at = 0; at < block.values.length; at += bins, t++) {
      const to = Math.floor(t / each) * bins;
      for (let k = 0; k < bins; k++)
        if (block.values[at + k]! > values[to + k]!) values[to + k] = block.values[at + k]!;
    }
  const times = Float64Array.from({ length: pooled }, (_, i) => {
    const last = Math.min(count, (i + 1) * each) - 1;
    return ((i * each + last) / 2) * seconds;
  });
  return { values, frames: pooled, bins, times, frequencies };
}
