import { UserError, usageError } from "../../base/errors.js";
import { requireInteger, requireOneOf, requirePositive } from "../../dsp/checks.js";
import { type WindowName, windowNames } from "../../dsp/windows.js";
import { checkStftLevelOptions, chooseBins, requireChannel } from "../spectrogram/options.js";

export interface StoreOptions {
  /** Duration of a chunk in seconds, rounded to whole hops. Default: 10. */
  chunkSeconds?: number;
  /** Points of the transform. Default: 1024, or enough for the window. */
  nFft?: number;
  /** Hop length, samples. Default: half of the window. */
  hop?: number;
  /** Window length, samples. Default: nFft. */
  winLength?: number;
  /** In its periodic form. Default: hann. */
  window?: WindowName;
  /** One channel by its number from 0, or the mean of all. Default: mean. */
  channel?: number | "mean";
  /** Hz; bins outside the band are not stored. Default: 0 and half the sample rate. */
  minFrequency?: number;
  maxFrequency?: number;
  /** Time of the first sample, nanoseconds since 1970 in UTC (see `parseUtc`). Default: 0. */
  start?: bigint;
  /** Stores dB instead of power. */
  log?: boolean;
  /** Number of threads. Default: 2 where the processor has two cores and the chunks leave room in memory. */
  workers?: number;
  /** Called after each chunk. */
  onProgress?: (done: number, total: number) => void;
  /** When it is aborted, chunks under way are written and `StoreInterrupted` is thrown. */
  signal?: AbortSignal;
}

/** Together with the recording's samples, everything that a store's values depend on. */
export interface StoreSettings {
  /** Hz */
  sampleRate: number;
  /** Samples of the recording, per channel. */
  samples: number;
  nFft: number;
  hop: number;
  winLength: number;
  window: WindowName;
  channel: number | "mean";
  log: boolean;
  /** First bin of the transform that is stored. */
  firstBin: number;
  /** Number of stored bins. */
  bins: number;
  chunkFrames: number;
}

/**
 * Largest number of values in a chunk, 4 bytes each. Each worker holds several copies of a chunk in memory.
 */
export const largestChunkValues = 2 ** 23;

/** @throws UserError (exit 2) for options that are wrong for every recording */
export function checkStoreOptions(options: StoreOptions): void {
  checkStftLevelOptions(options);
  const { chunkSeconds = 10, window = "hann", channel = "mean", nFft = 1024, workers } = options;
  requirePositive("chunk", chunkSeconds);
  requireOneOf("window", window, windowNames);
  if (channel !== "mean") requireInteger("channel", channel, 0);
  if (nFft > largestChunkValues) throw usageError(`nFft must be at most ${largestChunkValues}, got ${nFft}`);
  if (workers !== undefined) requireInteger("workers", workers);
}

/**
 * Returns the settings of a recording's store, with all defaults filled in.
 *
 * @param recording its rate and length, and the path that messages name
 * @throws UserError (exit 2) as `checkStoreOptions`; (exit 1) for a channel that the recording lacks, a
 * frequency above half its sample rate, a band without a bin, or a chunk of too many values
 */
export function resolveStoreSettings(
  recording: { sampleRate: number; length: number; channels: number; path: string },
  options: StoreOptions,
): StoreSettings {
  checkStoreOptions(options);
  const { sampleRate, length, channels, path } = recording;
  const { chunkSeconds = 10, window = "hann", channel = "mean", log = false } = options;
  const nFft = options.nFft ?? Math.max(1024, 2 ** Math.ceil(Math.log2(options.winLength ?? 1)));
  const winLength = options.winLength ?? nFft;
  const hop = options.hop ?? Math.max(1, Math.floor(winLength / 2));
  if (channel !== "mean") requireChannel(channel, channels, path);
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

/** Returns the frequencies of a store's bins in Hz, `[bins]`. */
export function binFrequencies({ sampleRate, nFft, firstBin, bins }: StoreSettings): Float64Array {
  return Float64Array.from({ length: bins }, (_, k) => ((firstBin + k) * sampleRate) / nFft);
}
