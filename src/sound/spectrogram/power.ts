import type { Spectrogram } from "../../dsp/fourier/spectrogram.js";
import { powerSpectrogram } from "../../dsp/fourier/stft.js";
import { reflectedIndex } from "../../dsp/reflect.js";
import { createWindow, type Window } from "../../dsp/windows.js";

/** Parameters of a centred STFT of which a band of bins is kept. */
export interface BandStft {
  readonly nFft: number;
  readonly hop: number;
  readonly winLength: number;
  readonly window: Window;
  readonly firstBin: number;
  readonly bins: number;
}

/** Samples of one channel that can be read in pieces. */
export interface SampleSource {
  readonly length: number;
  /** Returns the samples from `from` to before `to`, both within the recording. */
  read(from: number, to: number): Float32Array;
}

/** Level of digital silence in dB. Lower levels are raised to it, so that every level is a finite number. */
export const silenceDb = -200;

/** Converts power to dB, never below `silenceDb`; NaN stays NaN. */
export function powerToLevel(power: number): number {
  return Math.max(silenceDb, 10 * Math.log10(power));
}

/** Magnitude that a sine of full scale (amplitude 1) has in the middle of a bin. */
export function fullScaleMagnitude(window: Window, winLength: number): number {
  return createWindow(window, winLength).reduce((sum, value) => sum + value, 0) / 2;
}

/** Number of frames. Frame t is centred on sample t·hop; the last one lies within half a frame of the end. */
export function countFrames({ samples, nFft, hop }: { samples: number; nFft: number; hop: number }): number {
  return 1 + Math.floor((samples + 2 * Math.floor(nFft / 2) - nFft) / hop);
}

/**
 * Computes the power of some frames, block by block: `[frames, bins]` each. A sine of full scale in the
 * middle of a bin has power 1. The recording is padded by reflection at both ends. A frame has the same
 * values in whichever block it is computed.
 *
 * @param blockValues approximate number of values that are computed at once
 * @throws UserError for samples that are not finite
 */
export function* bandPowers(
  source: SampleSource,
  stft: BandStft,
  { first, count }: { first: number; count: number },
  blockValues: number,
): Generator<Spectrogram> {
  const { nFft, hop, winLength, window, firstBin, bins } = stft;
  const fullScale = fullScaleMagnitude(window, winLength);
  // An even number, since the transform takes frames two at a time.
  const framesABlock = 2 * Math.ceil(blockValues / (Math.floor(nFft / 2) + 1) / 2);
  for (let at = 0; at < count; at += framesABlock) {
    const frames = Math.min(framesABlock, count - at);
    const start = (first + at) * hop - Math.floor(nFft / 2);
    const part = readReflected(source, start, (frames - 1) * hop + nFft);
    const all = powerSpectrogram(part, { nFft, hop, winLength, window, center: false });
    const values = new Float64Array(frames * bins);
    for (let t = 0; t < frames; t++)
      for (let k = 0; k < bins; k++)
        values[t * bins + k] = all.values[t * all.bins + firstBin + k]! / fullScale ** 2;
    yield { values, frames, bins };
  }
}

/** Reads `count` samples from `start` on, which may lie before the first. */
function readReflected(source: SampleSource, start: number, count: number): Float64Array {
  const { length } = source;
  const end = start + count;
  // The range that holds the samples themselves and the mirror images of those beyond the ends.
  const isBeyondBoth = start < 0 && end > length;
  const from = isBeyondBoth ? 0 : Math.max(0, Math.min(start, end > length ? 2 * length - 1 - end : start));
  const to = isBeyondBoth ? length : Math.min(length, Math.max(end, start < 0 ? 1 - start : end));
  const samples = source.read(from, to);
  const result = new Float64Array(count);
  result.set(samples.subarray(Math.max(0, start) - from, Math.min(length, end) - from), Math.max(0, -start));
  for (let i = 0; i < count; i++)
    if (start + i < 0 || start + i >= length) result[i] = samples[reflectedIndex(start + i, length) - from]!;
  return result;
}
