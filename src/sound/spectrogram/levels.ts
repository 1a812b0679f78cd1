import { UserError } from "../../base/errors.js";
import type { Spectrogram } from "../../dsp/fourier/spectrogram.js";
import { pictureSpectrogram } from "../../dsp/picture.js";
import { checkStftLevelOptions, chooseBins, type StftLevelOptions } from "./options.js";
import { bandPowers, countFrames, powerToLevel } from "./power.js";

/** A spectrogram in dB whose frames are computed on demand, block by block. */
export interface LazySpectrogram {
  /** Number of frames. */
  readonly count: number;
  /** Seconds from the middle of one frame to the next. The first frame is at 0. */
  readonly seconds: number;
  /** Hz, `[bins]`. */
  readonly frequencies: Float64Array;
  /** Yields all frames in order, `[frames, bins]` each. */
  blocks(): Iterable<Spectrogram>;
}

export interface LevelSpectrogram extends LazySpectrogram {
  readonly nFft: number;
  readonly hop: number;
  readonly winLength: number;
}

const blockValues = 2 ** 20;

/**
 * Returns the levels of a recording's STFT, centred and padded by reflection: 20·log10 of the magnitude,
 * where a sine of full scale (amplitude 1) in the middle of a bin has 0 dB.
 *
 * @param name name of the recording in messages
 * @throws UserError (exit 2) as `checkStftLevelOptions`; (exit 1) for an empty signal, a frequency above half
 * the sample rate, or a band without a bin
 */
export function levelSpectrogram(
  samples: Float32Array,
  sampleRate: number,
  options: StftLevelOptions = {},
  name = "the recording",
): LevelSpectrogram {
  checkStftLevelOptions(options);
  const { length } = samples;
  if (length === 0) throw new UserError(`${name} is empty, at least one sample was expected`);
  const nFft =
    options.nFft ??
    Math.max(
      2 ** Math.floor(Math.log2(0.032 * sampleRate)),
      2 ** Math.ceil(Math.log2(options.winLength ?? 1)),
    );
  const winLength = options.winLength ?? nFft;
  const hop = options.hop ?? Math.max(1, Math.floor(winLength / 8));
  const { firstBin, frequencies } = chooseBins(sampleRate, nFft, options, name);
  const count = countFrames({ samples: length, nFft, hop });
  const bins = frequencies.length;
  const stft = { nFft, hop, winLength, window: options.window ?? "hann", firstBin, bins };
  function* blocks(): Generator<Spectrogram> {
    const source = { length, read: (from: number, to: number) => samples.subarray(from, to) };
    for (const { values, frames } of bandPowers(source, stft, { first: 0, count }, blockValues))
      yield { values: values.map(powerToLevel), frames, bins };
  }
  return { count, seconds: hop / sampleRate, frequencies, blocks, nFft, hop, winLength };
}

/**
 * Returns the levels of `pictureSpectrogram`. Samples are taken as 16-bit numbers, full scale being 32768.
 */
export function pictureLevels(
  samples: Float32Array,
  sampleRate: number,
  options: { frameSize?: number; factor?: number },
): LazySpectrogram {
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
