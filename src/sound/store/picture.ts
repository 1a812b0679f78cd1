import { usageError } from "../../base/errors.js";
import { silenceDb } from "../frames.js";
import { type LevelCurvePoint, levelCurveSvg } from "../picture/level-curve.js";
import { type Colormap, type FrequencyScale, spectrogramSvg } from "../picture/spectrogram.js";
import type { StoredRecording, StoreSelection } from "./read.js";

export interface StorePictureOptions {
  /** Of the frequency axis. Default: linear. */
  scale?: FrequencyScale;
  minFrequency?: number;
  maxFrequency?: number;
  /** The lowest colour is that many dB below the loudest value. Default: 80. */
  topDb?: number;
  colormap?: Colormap;
  /** px. Default: 1600x800. */
  size?: readonly [number, number];
  plain?: boolean;
  title?: string;
}

/** The picture of a selection as SVG, in dB over UTC, and the values of its lowest and highest colour. What is missing has no colour. */
export async function selectionPicture(
  recording: StoredRecording,
  selection: StoreSelection,
  options: StorePictureOptions = {},
): Promise<{ svg: string; decibels: [number, number] }> {
  const { scale = "linear", topDb = 80, size = [1600, 800], title, colormap, plain } = options;
  const { sampleRate } = recording.settings;
  const columns = await poolFrames(recording, selection, size[0]);
  const { frequencies } = selection;
  let loudest = Number.NEGATIVE_INFINITY;
  for (const value of columns.values) if (value > loudest) loudest = value;
  const high = loudest > silenceDb ? loudest : 0;
  const decibels: [number, number] = [high - topDb, high];
  const lowestBin = frequencies.find((hz) => hz > 0);
  if (scale === "log" && lowestBin === undefined)
    throw usageError("a logarithmic frequency axis begins above 0 Hz");
  const lowest = options.minFrequency ?? (scale === "log" ? lowestBin! : frequencies[0]!);
  const svg = spectrogramSvg({
    panels: [{ spectrogram: { ...columns, bins: frequencies.length, frequencies } }],
    ...{ timeRange: columns.timeRange, utcOrigin: columns.origin, valueRange: decibels },
    ...{ valueTitle: "dB of full scale", scale, size },
    frequencyRange: [lowest, options.maxFrequency ?? Math.min(sampleRate / 2, frequencies.at(-1)! + 1e-9)],
    ...(title !== undefined && { title }),
    ...(colormap !== undefined && { colormap }),
    ...(plain !== undefined && { plain }),
  });
  return { svg, decibels };
}

/** The picture of one value a frame, as `bandEnergy` gives: a line in dB over UTC, interrupted where frames are missing. */
export async function energyPicture(
  recording: StoredRecording,
  energy: StoreSelection,
  options: Pick<StorePictureOptions, "size" | "title"> = {},
): Promise<{ svg: string; decibels: [number, number] }> {
  const { size = [1600, 800] } = options;
  const { times, values, origin } = await poolFrames(recording, energy, size[0], 1);
  const points: LevelCurvePoint[] = Array.from(times, (seconds, i) => ({
    milliseconds: 1000 * (origin + seconds),
    decibels: values[i]!,
  }));
  const there = points.map(({ decibels }) => decibels).filter((value) => !Number.isNaN(value));
  const decibels = there.reduce<[number, number]>(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  );
  return { svg: await levelCurveSvg(points, { ...options, size }), decibels };
}

/**
 * Not many more than `atLeast` columns in dB, each the largest values of so many neighbours: what a picture needs of a long
 * recording. Times are seconds behind `origin`, a whole second since 1970.
 */
async function poolFrames(
  recording: StoredRecording,
  selection: StoreSelection,
  atLeast: number,
  bins = selection.frequencies.length,
) {
  const { log } = recording.settings;
  const each = Math.max(1, Math.floor(selection.frames / atLeast));
  const values: Float64Array[] = [];
  const times: number[] = [];
  let origin: bigint | undefined;
  let [inColumn, sum] = [0, 0];
  let [first, last] = [Number.NaN, 0];
  let wasMissing = false;
  for await (const block of selection.blocks()) {
    origin ??= block.times[0]! / 1_000_000_000n;
    for (let t = 0; t < block.frames; t++) {
      const seconds = Number(block.times[t]! - origin * 1_000_000_000n) / 1e9;
      // A column is of frames that are there or of missing ones, and ends where a gap begins or ends.
      const isMissing = Number.isNaN(block.values[t * bins]!);
      const isApart = isMissing !== wasMissing || Math.abs(seconds - last) > 1.5 * recording.frameSeconds;
      wasMissing = isMissing;
      if (inColumn === 0 || inColumn === each || isApart) {
        values.push(new Float64Array(bins).fill(Number.NaN));
        times.push(0);
        [inColumn, sum] = [0, 0];
      }
      const column = values.at(-1)!;
      for (let k = 0; k < bins; k++) {
        const value = block.values[t * bins + k]!;
        const level = log ? value : Math.max(silenceDb, 10 * Math.log10(value)); // of NaN it is NaN
        if (level > column[k]! || Number.isNaN(column[k]!)) column[k] = level;
      }
      if (Number.isNaN(first)) first = seconds;
      sum += seconds;
      times[times.length - 1] = sum / ++inColumn;
      last = seconds;
    }
  }
  const all = new Float64Array(values.length * bins);
  for (const [i, column] of values.entries()) all.set(column, i * bins);
  const timeRange: [number, number] = [first, Math.max(last, first + recording.frameSeconds)];
  return {
    values: all,
    frames: values.length,
    times: Float64Array.from(times),
    origin: Number(origin),
    timeRange,
  };
}
