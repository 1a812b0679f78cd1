import { UserError, usageError } from "../../base/errors.js";
import { requireInteger, requireOneOf, requirePositive } from "../../dsp/checks.js";
import { type WindowName, windowNames } from "../../dsp/windows.js";
import { checkLevelOptions, chooseBins } from "../frames.js";

export interface RecordingOptions {
  /** Of a chunk of the store; rounded to whole hops. Default: 10. */
  chunkSeconds?: number;
  /** Points of the transform. Default: 1024, or as many as the window needs. */
  nFft?: number;
  /** Samples from one frame to the next. Default: half of the window. */
  hop?: number;
  /** Samples of the window. Default: nFft. */
  winLength?: number;
  /** In its periodic form. Default: hann. */
  window?: WindowName;
  /** One channel by its number from 0, or the mean of all. Default: mean. */
  channel?: number | "mean";
  /** Hz; bins outside are not stored. Default: 0 and half the sample rate. */
  minFrequency?: number;
  maxFrequency?: number;
  /** When the recording begins, in nanoseconds since 1970 in UTC (see `parseUtc`). Default: 0. */
  start?: bigint;
  /** dB in place of power. */
  log?: boolean;
}

/** What the values of a store depend on beside its recording's samples; together with them, all that they depend on. */
export interface SpectrogramSettings {
  /** Hz */
  sampleRate: number;
  /** Of the recording, a channel. */
  samples: number;
  nFft: number;
  hop: number;
  winLength: number;
  window: WindowName;
  channel: number | "mean";
  log: boolean;
  /** The first of the transform's bins that is stored, and how many are. */
  firstBin: number;
  bins: number;
  chunkFrames: number;
}

/** Of a chunk, 4 bytes each. Workers hold a few copies of one, and the memory is to stay small. */
export const largestChunkValues = 2 ** 23;

/** @throws UserError (exit 2) for options that are wrong for every recording */
export function checkRecordingOptions(options: RecordingOptions): void {
  checkLevelOptions(options);
  const { chunkSeconds = 10, window = "hann", channel = "mean", nFft = 1024 } = options;
  requirePositive("chunk", chunkSeconds);
  requireOneOf("window", window, windowNames);
  if (channel !== "mean") requireInteger("channel", channel, 0);
  if (nFft > largestChunkValues) throw usageError(`nFft must be at most ${largestChunkValues}, got ${nFft}`);
}

/**
 * @param recording its rate and length, and what messages call it
 * @throws UserError (exit 2) as `checkRecordingOptions`; (exit 1) for a channel that the recording lacks, a frequency above half its
 * sample rate, a band without a bin, or a chunk of too many values
 */
export function resolveSettings(
  recording: { sampleRate: number; length: number; channels: number; path: string },
  options: RecordingOptions,
): SpectrogramSettings {
  checkRecordingOptions(options);
  const { sampleRate, length, channels, path } = recording;
  const { chunkSeconds = 10, window = "hann", channel = "mean", log = false } = options;
  const nFft = options.nFft ?? Math.max(1024, 2 ** Math.ceil(Math.log2(options.winLength ?? 1)));
  const winLength = options.winLength ?? nFft;
  const hop = options.hop ?? Math.max(1, Math.floor(winLength / 2));
  if (channel !== "mean" && channel >= channels)
    throw new UserError(
      `${path} has no channel ${channel}, but ${channels === 1 ? "channel 0" : `channels 0 to ${channels - 1}`}`,
    );
  const { firstBin, frequencies } = chooseBins(sampleRate, nFft, options, path);
  const bins = frequencies.length;
  const chunkFrames = Math.max(1, Math.round((chunkSeconds * sampleRate) / hop));
  if (chunkFrames * bins > largestChunkValues) {
    const longest = (Math.floor(largestChunkValues / bins) * hop) / sampleRate;
    throw new UserError(
      `${path}: a chunk of ${chunkSeconds} s has ${chunkFrames * bins} values, at most ${largestChunkValues} were expected: ` +
        `take one of ${Number(longest.toPrecision(2))} s or less, a longer hop or fewer frequencies`,
    );
  }
  return {
    ...{ sampleRate, samples: length, nFft, hop, winLength, window, channel, log, firstBin, bins },
    chunkFrames,
  };
}

/** Frame t is centred on sample t·hop: the last one within half a frame of the end, as in `levelFrames`. */
export function countFrames({ samples, nFft, hop }: SpectrogramSettings): number {
  return 1 + Math.floor((samples + 2 * Math.floor(nFft / 2) - nFft) / hop);
}

/** Hz, `[bins]` */
export function binFrequencies({ sampleRate, nFft, firstBin, bins }: SpectrogramSettings): Float64Array {
  return Float64Array.from({ length: bins }, (_, k) => ((firstBin + k) * sampleRate) / nFft);
}
