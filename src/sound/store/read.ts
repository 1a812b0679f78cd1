import { UserError, usageError } from "../../base/errors.js";
import { checkBand, requireBelowNyquist } from "../spectrogram/options.js";
import { countFrames } from "../spectrogram/power.js";
import { binFrequencies, type StoreSettings } from "./settings.js";
import { formatUtc, sampleAtOrAfter, sampleTime, secondsBetween } from "./time.js";
import { StoreArray } from "./zarr/array.js";
import { describeStore } from "./zarr/format.js";
import type { StoreDescription } from "./zarr/layout.js";

/** A part of one or several stores. Default: everything. */
export interface StoreRange {
  /** Nanoseconds since 1970: frames from `from` on and before `to`. */
  from?: bigint;
  to?: bigint;
  /** Hz, both included. */
  minFrequency?: number;
  maxFrequency?: number;
}

/** Consecutive frames, at most a chunk. Missing values are NaN. */
export interface StoredFrames {
  /** Nanoseconds since 1970, `[frames]`. */
  times: BigInt64Array;
  /** `[frames, bins]` */
  values: Float32Array;
  frames: number;
  bins: number;
}

/** A part of stored spectrograms, read chunk by chunk. */
export interface StoreSelection {
  /** Number of frames, including those that mark gaps. */
  readonly frames: number;
  /** Hz, `[bins]` */
  readonly frequencies: Float64Array;
  /** Gaps between recordings, from the last frame before to the first frame after. */
  readonly gaps: readonly { from: bigint; to: bigint }[];
  /** Yields all frames in order. */
  blocks(): AsyncGenerator<StoredFrames>;
  /** Returns how many of the frames read so far belong to missing chunks. */
  missing(): number;
}

/** Frames of one store, or of a gap. */
interface Segment {
  store: Store | undefined;
  /** Frames of the store from `first` to before `end`. */
  first: number;
  end: number;
  /** Times of a gap's frames. */
  times: bigint[];
}

/** One store that `storeSpectrogram` wrote. */
class Store {
  readonly path: string;
  readonly settings: StoreSettings;
  readonly start: bigint;
  readonly array: StoreArray;
  /** Number of frames before the next store's first frame. */
  frames: number;

  constructor(path: string, description: StoreDescription) {
    this.path = path;
    this.settings = description.settings;
    this.start = description.start;
    this.array = new StoreArray(path, "spectrogram", description);
    this.frames = countFrames(description.settings);
  }

  /** Time at which the recording ends. */
  get end(): bigint {
    return sampleTime(this.start, this.settings.samples, this.settings.sampleRate);
  }

  time(frame: number): bigint {
    return sampleTime(this.start, frame * this.settings.hop, this.settings.sampleRate);
  }

  /** Returns the first frame at or after a time, at most the number of frames. */
  frameAtOrAfter(time: bigint): number {
    const sample = sampleAtOrAfter(this.start, time, this.settings.sampleRate);
    return Math.min(this.frames, Math.max(0, Math.ceil(sample / this.settings.hop)));
  }
}

/**
 * The stored spectrogram of one recording, or of several consecutive ones with or without gaps between them.
 */
export class StoredSpectrogram {
  private readonly stores: readonly Store[];

  private constructor(stores: readonly Store[]) {
    this.stores = stores;
  }

  /**
   * Opens stores as one, in the order of their times.
   *
   * @throws UserError for a path that is not a store or is one of another version, and for stores whose
   * settings differ or whose recordings overlap
   */
  static async open(paths: readonly string[]): Promise<StoredSpectrogram> {
    if (paths.length === 0) throw usageError("expected a store, found none");
    const stores: Store[] = [];
    for (const path of paths) stores.push(new Store(path, await describeStore(path)));
    stores.sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
    for (const [i, store] of stores.entries()) {
      const before = stores[i - 1];
      if (before === undefined) continue;
      requireAlike(before, store);
      requireAfter(before, store);
      // The last frame reaches half a frame beyond the end and may lie where the next recording begins.
      while (before.frames > 1 && before.time(before.frames - 1) >= store.start) before.frames--;
    }
    return new StoredSpectrogram(stores);
  }

  get settings(): StoreSettings {
    return this.stores[0]!.settings;
  }

  /** Time of the first frame. */
  get start(): bigint {
    return this.stores[0]!.start;
  }

  /** Time of the last frame. */
  get lastTime(): bigint {
    const last = this.stores.at(-1)!;
    return last.time(last.frames - 1);
  }

  /** Seconds from one frame to the next. */
  get frameSeconds(): number {
    return this.settings.hop / this.settings.sampleRate;
  }

  /**
   * Selects a part without reading it yet. A gap between recordings has two frames of NaN, at its first and
   * its last frame position, or one if it has room for one only.
   *
   * @throws UserError (exit 2) for a range that is not ascending; (exit 1) for one without frames or bins, or
   * above half the sample rate
   */
  select(range: StoreRange): StoreSelection {
    const { first, frequencies } = this.chooseBins(range);
    const segments = this.segments(range);
    let missing = 0;
    async function* blocks(): AsyncGenerator<StoredFrames> {
      const bins = frequencies.length;
      for (const { store, first: firstFrame, end, times } of segments) {
        if (store === undefined) {
          const values = new Float32Array(times.length * bins).fill(Number.NaN);
          yield { times: BigInt64Array.from(times), values, frames: times.length, bins };
          continue;
        }
        const { chunkFrames } = store.settings;
        for (let at = firstFrame; at < end; ) {
          const chunk = Math.floor(at / chunkFrames);
          const frames = Math.min(end, (chunk + 1) * chunkFrames) - at;
          const whole = await store.array.read(chunk);
          if (whole === undefined) missing += frames;
          const values = new Float32Array(frames * bins);
          for (let t = 0; t < frames; t++)
            for (let k = 0; k < bins; k++)
              values[t * bins + k] =
                whole?.[(at + t - chunk * chunkFrames) * store.settings.bins + first + k] ?? Number.NaN;
          yield { times: timesOf(store, at, frames), values, frames, bins };
          at += frames;
        }
      }
    }
    const inGaps = segments.filter(({ store }) => store === undefined);
    return {
      frames: segments.reduce((sum, { first, end, times }) => sum + end - first + times.length, 0),
      frequencies,
      gaps: inGaps.map(({ times }) => {
        const step = BigInt(Math.round(this.frameSeconds * 1e9));
        return { from: times[0]! - step, to: times.at(-1)! + step };
      }),
      blocks,
      missing: () => missing,
    };
  }

  private chooseBins(range: StoreRange) {
    checkBand(range);
    const { path } = this.stores[0]!;
    const [low, high] = requireBelowNyquist(this.settings.sampleRate, range, path);
    const all = binFrequencies(this.settings);
    const frequencies = all.filter((hz) => hz >= low && hz <= high);
    if (frequencies.length === 0)
      throw new UserError(
        `${path}: no bin lies between ${low} and ${high} Hz: it has ${all.length} from ${all[0]} to ${all.at(-1)} Hz`,
      );
    return { first: all.indexOf(frequencies[0]!), frequencies };
  }

  private segments({ from = this.start, to = this.lastTime + 1n }: StoreRange): Segment[] {
    if (from >= to)
      throw usageError(`--from must be before --to, got ${formatUtc(from)} and ${formatUtc(to)}`);
    const segments: Segment[] = [];
    for (const store of this.stores) {
      const [first, end] = [store.frameAtOrAfter(from), store.frameAtOrAfter(to)];
      if (first === end) continue;
      const before = segments.at(-1);
      if (before?.store !== undefined) {
        const times = this.gapTimes(before.store, store);
        if (times.length > 0) segments.push({ store: undefined, first: 0, end: 0, times });
      }
      segments.push({ store, first, end, times: [] });
    }
    if (segments.length === 0)
      throw new UserError(
        `no frame lies between ${formatUtc(from)} and ${formatUtc(to)}: the store has frames from ${formatUtc(this.start)} to ${formatUtc(this.lastTime)}`,
      );
    return segments;
  }

  /** Returns the first and the last frame position of a gap. */
  private gapTimes(before: Store, after: Store): bigint[] {
    const step = BigInt(Math.round(this.frameSeconds * 1e9));
    const [first, last] = [before.time(before.frames - 1) + step, after.start - step];
    // Between recordings that follow closely there is room for less than two frames.
    if (secondsBetween(first, after.start) < this.frameSeconds) return [];
    return last > first ? [first, last] : [first];
  }
}

function timesOf(store: Store, first: number, count: number): BigInt64Array {
  return BigInt64Array.from({ length: count }, (_, i) => store.time(first + i));
}

const alike = ["sampleRate", "nFft", "hop", "winLength", "window", "log", "firstBin", "bins"] as const;

function requireAlike(a: Store, b: Store): void {
  const different = alike.find((key) => a.settings[key] !== b.settings[key]);
  if (different !== undefined)
    throw new UserError(
      `stores of the same settings were expected, found ${different} ${a.settings[different]} in ${a.path} and ${b.settings[different]} in ${b.path}`,
    );
}

/** Clocks are not exact, so neighbours may overlap by up to the length of one transform. */
function requireAfter(before: Store, store: Store): void {
  const overlap = secondsBetween(store.start, before.end);
  const { nFft, sampleRate } = store.settings;
  if (overlap > nFft / sampleRate || store.start === before.start)
    throw new UserError(
      `consecutive recordings were expected: ${store.path} begins at ${formatUtc(store.start)}, before the end of ${before.path} at ${formatUtc(before.end)}`,
    );
}
