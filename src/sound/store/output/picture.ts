import { usageError } from "../../../base/errors.js";
import { type LevelCurvePoint, levelCurveSvg } from "../../picture/level-curve.js";
import { decibelRange, type LevelPictureOptions } from "../../picture/sound-picture.js";
import { spectrogramSvg } from "../../picture/spectrogram-svg.js";
import { powerToLevel } from "../../spectrogram/power.js";
import type { StoredSpectrogram, StoreSelection } from "../read.js";

/**
 * Draws a selection as SVG, in dB over UTC. Missing values are grey. `decibels` are the values of the lowest
 * and the highest colour.
 */
export async function selectionPicture(
  recording: StoredSpectrogram,
  selection: StoreSelection,
  options: LevelPictureOptions = {},
): Promise<{ svg: string; decibels: [number, number] }> {
  const { scale = "linear", topDb = 80, size = [1600, 800], ...look } = options;
  const { sampleRate } = recording.settings;
  const columns = await poolColumns(recording, selection, size[0]);
  const { frequencies } = selection;
  const decibels = decibelRange([columns.values], topDb);
  const lowestBin = frequencies.find((hz) => hz > 0);
  if (scale === "log" && lowestBin === undefined)
    throw usageError("a logarithmic frequency axis begins above 0 Hz");
  const lowest = options.minFrequency ?? (scale === "log" ? lowestBin! : frequencies[0]!);
  const svg = spectrogramSvg({
    ...look,
    panels: [{ spectrogram: { ...columns, bins: frequencies.length, frequencies } }],
    ...{ timeRange: columns.timeRange, utcOrigin: columns.origin, valueRange: decibels },
    ...{ valueTitle: "dB of full scale", scale, size },
    frequencyRange: [lowest, options.maxFrequency ?? Math.min(sampleRate / 2, frequencies.at(-1)! + 1e-9)],
  });
  return { svg, decibels };
}

/**
 * Draws one value per frame, as `bandEnergy` returns, as a line in dB over UTC, interrupted where frames are
 * missing.
 */
export async function energyPicture(
  recording: StoredSpectrogram,
  energy: StoreSelection,
  options: Pick<LevelPictureOptions, "size" | "title"> = {},
): Promise<{ svg: string; decibels: [number, number] }> {
  const { size = [1600, 800] } = options;
  const { times, values, origin } = await poolColumns(recording, energy, size[0], 1);
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
 * Pools neighbouring frames to little more than `atLeast` columns in dB, each the maximum of its frames.
 * Times are seconds after `origin`, a whole second since 1970.
 */
async function poolColumns(
  recording: StoredSpectrogram,
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
      // A column holds either present or missing frames, and ends where a gap begins or ends.
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
        const level = log ? value : powerToLevel(value);
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
