import { type Command, Option } from "commander";
import { usageError } from "../../../base/errors.js";
import { type WindowName, windowNames } from "../../../dsp/windows.js";
import type { Colormap } from "../../../sound/picture/colormaps.js";
import type { FrequencyScale } from "../../../sound/picture/frequency-axis.js";
import { parseUtc } from "../../../sound/store/time.js";
import { type CommonFlags, collect, mostNumbers, numberAbove, wholeNumber } from "../../options.js";
import { frequency, seconds } from "../../quantities.js";

// Written out, since the modules that know them take time to load.
const scales = ["linear", "log", "mel"] satisfies FrequencyScale[];
const colormaps = ["viridis", "magma", "plasma", "jet"] satisfies Colormap[];

export const formats = ["png", "svg", "csv", "npy"] as const;
export type Format = (typeof formats)[number];

/** A time in UTC (nanoseconds since 1970), or one since the first frame. */
export type TimeFlag = { utc: bigint } | { seconds: number };

export interface SpectrogramFlags extends CommonFlags {
  index?: number | "random";
  seed: number;
  out?: string;
  format?: Format;
  csv?: boolean;
  npy?: boolean;
  base64?: boolean;
  channel?: number | "mean" | "stack";
  nFft?: number;
  hop?: number;
  winLength?: number;
  window?: WindowName;
  minFrequency?: number;
  maxFrequency?: number;
  frameSize?: number;
  factor?: number;
  scale?: FrequencyScale;
  colormap?: Colormap;
  topDb?: number;
  size?: [number, number];
  wave?: boolean;
  plain?: boolean;
  store?: string;
  chunk?: number;
  start?: bigint;
  log?: boolean;
  workers?: number;
  from?: TimeFlag;
  to?: string[];
  energy?: boolean;
}

export function addFlags(command: Command): Command {
  return command
    .option("--index <row>", "a clip of a data set, by its row or random", (text) =>
      text === "random" ? text : wholeNumber("--index", 0)(text),
    )
    .option("--seed <n>", "fixes the random choice", wholeNumber("--seed", 0), 42)
    .option("-o, --out <file>", "output file (.png, .svg, .csv or .npy), or - for stdout")
    .addOption(
      new Option("--format <format>", "output format, if the file's name does not tell").choices(formats),
    )
    .option("--csv", "the numbers as CSV, one line per frame")
    .option("--npy", "the numbers as a NumPy file, frames x frequencies")
    .option("--base64", "print the PNG as base64")
    .option(
      "--channel <which>",
      "a channel by its number from 0, mean, or stack: each in its own panel (default: mean)",
      channel,
    )
    .option(
      "--n-fft <n>",
      "points of the transform (default: the largest power of two within 32 ms)",
      wholeNumber("--n-fft", 1, mostNumbers),
    )
    .option(
      "--hop <n>",
      "hop length in samples (default: an eighth of the window)",
      wholeNumber("--hop", 1, mostNumbers),
    )
    .option(
      "--win-length <n>",
      "window length in samples (default: as --n-fft)",
      wholeNumber("--win-length", 1, mostNumbers),
    )
    .addOption(new Option("--window <name>", "window function (default: hann)").choices(windowNames))
    .option("--min-frequency <hz>", "lower end of the frequency band", frequency("--min-frequency"))
    .option("--max-frequency <hz>", "upper end of the frequency band", frequency("--max-frequency"))
    .option(
      "--frame-size <n>",
      "use the bare picture function, with half-overlapping frames of n samples (default: 1024)",
      wholeNumber("--frame-size", 2, mostNumbers),
    )
    .option(
      "--factor <n>",
      "use the bare picture function, with bins grouped by linspace(0,1)^factor (default: 1)",
      numberAbove("--factor", 0),
    )
    .addOption(new Option("--scale <name>", "frequency axis (default: linear)").choices(scales))
    .addOption(new Option("--colormap <name>", "colours (default: viridis)").choices(colormaps))
    .option(
      "--top-db <n>",
      "dB from the brightest to the darkest colour (default: 80)",
      numberAbove("--top-db", 0),
    )
    .option("--size <WxH>", "size of the picture in px (default: 1600x800)", size)
    .option("--wave", "draw the waveform below")
    .option("--plain", "no axes, no text, no margins")
    .option(
      "--store <folder>",
      "store the spectrogram of a recording of any length as Zarr; continues an unfinished store",
    )
    .option("--chunk <time>", "with --store: duration of a chunk (default: 10s)", seconds("--chunk"))
    .option(
      "--start <time>",
      "with --store: time at which the recording begins, in UTC (default: 1970)",
      utcTime("--start"),
    )
    .option("--log", "with --store: dB instead of power")
    .option(
      "--workers <n>",
      "with --store: number of threads, 60 MB each (default: 2)",
      wholeNumber("--workers", 1),
    )
    .option(
      "--from <time>",
      "of a store: from this time in UTC, or this long after its start",
      timeFlag("--from"),
    )
    .option(
      "--to <time-or-file>",
      "of a store: up to this time; or a .nc file to export to as NetCDF-4",
      collect,
    )
    .option("--energy", "of a store: the band's energy, one value per frame");
}

const stft = ["nFft", "hop", "winLength", "window", "channel", "minFrequency", "maxFrequency"];
const picture = ["out", "format", "csv", "scale", "colormap", "topDb", "size", "plain"];
/** What a call does, and the flags that apply to it. */
const flagsOf = {
  "a recording is stored": [...stft, "store", "chunk", "start", "log", "workers"],
  "a store is shown": [...picture, "minFrequency", "maxFrequency", "from", "to", "energy"],
  "a sound is shown": [
    ...[...stft, ...picture, "index", "seed", "npy", "base64"],
    ...["frameSize", "factor", "wave"],
  ],
};

/** @throws UserError (exit 2) for a flag that does not apply to what the call does */
export function checkFlags(command: Command, kind: keyof typeof flagsOf): void {
  const known = new Set([...flagsOf[kind], "json", "quiet", "color", "config", "debug"]);
  const wrong = command.options.find((option) => {
    const source = command.getOptionValueSource(option.attributeName());
    return (source === "cli" || source === "config") && !known.has(option.attributeName());
  });
  if (wrong === undefined) return;
  const right = Object.entries(flagsOf).find(([, flags]) => flags.includes(wrong.attributeName()))![0];
  throw usageError(`${wrong.long} is for when ${right}, here ${kind}`);
}

/** Removes undefined values, so that they do not replace defaults. */
export function defined<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
}

function channel(text: string): number | "mean" | "stack" {
  return text === "mean" || text === "stack" ? text : wholeNumber("--channel", 0)(text);
}

const largestSide = 10_000;

function size(text: string): [number, number] {
  const [, width, height] = /^(\d+)x(\d+)$/i.exec(text) ?? [];
  const sides = [Number(width), Number(height)] as [number, number];
  if (sides.every((side) => side >= 1 && side <= largestSide)) return sides;
  throw usageError(
    `--size: expected a width and a height of 1 to ${largestSide} px such as 1600x800, found ${JSON.stringify(text)}`,
  );
}

const timeExample = "a time such as 2017-08-21T09:02:00Z";

function utcTime(flag: string): (text: string) => bigint {
  return (text) => {
    const time = parseUtc(text);
    if (time !== undefined) return time;
    throw usageError(`${flag}: expected ${timeExample}, found ${JSON.stringify(text)}`);
  };
}

export function timeFlag(flag: string): (text: string) => TimeFlag {
  return (text) => {
    const utc = parseUtc(text);
    if (utc !== undefined) return { utc };
    try {
      return { seconds: seconds(flag)(text) };
    } catch {
      const expected = `${timeExample} or a time from the beginning such as 90s or 1.5h`;
      throw usageError(`${flag}: expected ${expected}, found ${JSON.stringify(text)}`);
    }
  };
}
