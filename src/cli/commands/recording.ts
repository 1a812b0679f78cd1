import { basename } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { usageError } from "../../base/errors.js";
import type { WindowName } from "../../dsp/windows.js";
import type { StoredRecording, StorePictureOptions, StoreSelection } from "../../sound/store/index.js";
import { parseUtc } from "../../sound/store/time.js";
import type { Output } from "../output.js";
import { count, duration, plural } from "../output.js";
import { seconds } from "../quantities.js";

/** Of `kws spectrogram`: those with which a recording is stored. */
export interface StoreFlags {
  store: string;
  chunk?: number;
  start?: bigint;
  log?: boolean;
  workers?: number;
  channel?: number | "mean" | "stack";
  nFft?: number;
  hop?: number;
  winLength?: number;
  window?: WindowName;
  minFrequency?: number;
  maxFrequency?: number;
}

/** And those with which stores are shown. */
export interface ViewFlags extends StorePictureOptions {
  from?: TimeFlag;
  to?: string[];
  energy?: boolean;
}

/** A time, or one counted from the first frame. */
export type TimeFlag = { utc: bigint } | { seconds: number };

const timeExample = "a time such as 2017-08-21T09:02:00Z";

export function utcTime(flag: string): (text: string) => bigint {
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

/** `--to` names a NetCDF file where it ends in .nc or .nc4, else the time before which to end; it may be given for both. */
export function chooseEnd(values: readonly string[] = []): { to?: TimeFlag; netcdf?: string } {
  const isFile = (text: string) => /\.nc4?$/i.test(text);
  const [files, times] = [values.filter(isFile), values.filter((text) => !isFile(text))];
  if (files.length > 1) throw usageError(`expected one file for --to, found ${files.join(" and ")}`);
  if (times.length > 1) throw usageError(`expected one time for --to, found ${times.join(" and ")}`);
  return {
    ...(times[0] !== undefined && { to: timeFlag("--to")(times[0]) }),
    ...(files[0] !== undefined && { netcdf: files[0] }),
  };
}

/** Stores the spectrogram of one recording. Ctrl-C stops it once the chunks under way are written. */
export async function storeRecording(file: string, flags: StoreFlags, output: Output): Promise<void> {
  if (file === "-")
    throw usageError(
      "a recording is stored from a file, which is read in several places at once, not from stdin",
    );
  const { store, chunk, channel, ...others } = flags;
  if (channel === "stack")
    throw usageError("a store holds one channel or the mean: --channel stack is for pictures");
  const { formatUtc, storeSpectrogram } = await import("../../sound/store/index.js");
  const stop = new AbortController();
  const onInterrupt = () => {
    output.log("stopping: chunks under way are being written");
    stop.abort();
  };
  process.once("SIGINT", onInterrupt);
  try {
    const options = defined({ ...others, chunkSeconds: chunk, channel });
    const { settings, ...stored } = await storeSpectrogram(file, store, {
      ...options,
      onProgress: output.progress(`${basename(store)}: computing`),
      signal: stop.signal,
    });
    const { sampleRate, bins } = settings;
    const kept = stored.found === 0 ? "" : `, ${count(stored.found)} of which were there`;
    output.result(
      `${store}: ${duration(stored.seconds)} at ${sampleRate} Hz, ${count(stored.frames)} frames of ${plural(bins, "value")}, ${plural(stored.chunks, "chunk")}${kept}`,
      { file, store, start: formatUtc(flags.start ?? 0n), sampleRate, bins, ...stored },
    );
  } finally {
    output.endBar();
    process.removeListener("SIGINT", onInterrupt);
  }
}

export type ViewFormat = "png" | "svg" | "csv" | "netcdf";

/** Shows a part of stores, as a picture or as numbers. No `out` is base64 on stdout. */
export async function viewStores(
  paths: readonly string[],
  flags: ViewFlags,
  target: { format: ViewFormat; out?: string },
  output: Output,
): Promise<void> {
  const { StoredRecording, bandEnergy, formatUtc } = await import("../../sound/store/index.js");
  const recording = await StoredRecording.open(paths);
  const { to } = chooseEnd(flags.to);
  const { from, energy, minFrequency, maxFrequency } = flags;
  const absolute = (time: TimeFlag | undefined) =>
    time === undefined || "utc" in time
      ? time?.utc
      : recording.start + BigInt(Math.round(time.seconds * 1e9));
  const band = recording.select(
    defined({ from: absolute(from), to: absolute(to), minFrequency, maxFrequency }),
  );
  const selection = energy ? bandEnergy(band, recording.settings) : band;
  const { out } = target;
  const gaps = band.gaps.map((gap) => ({ from: formatUtc(gap.from), to: formatUtc(gap.to) }));
  const document = { stores: paths, frames: band.frames, bins: band.frequencies.length, gaps };
  const report = (what: string, more: object = {}) => {
    if (out === "-") return;
    const between = gaps.length === 0 ? "" : `, ${plural(gaps.length, "gap")} between recordings`;
    const text = `${out}: ${count(band.frames)} frames${energy ? "" : ` of ${plural(document.bins, "value")}`}${between}${what}`;
    output.result(text, { ...document, ...more, out });
  };

  if (target.format === "netcdf") {
    const { writeNetcdf } = await import("../../sound/store/index.js");
    await writeNetcdf(out!, recording, band, output.progress(`${basename(out!)}: writing`));
    report("");
  } else if (target.format === "csv") {
    const { selectionCsv } = await import("../../sound/store/index.js");
    const title = energy ? `energy${recording.settings.log ? " dB" : ""}` : undefined;
    const numbers = Readable.from(selectionCsv(selection, title), { objectMode: false });
    const { writeStreamAtomic } = await import("../../base/files.js");
    if (out === "-" || out === undefined) await pipeline(numbers, process.stdout, { end: false });
    else await writeStreamAtomic(out, numbers);
    report("");
  } else {
    const { svg, decibels } = await drawSelection(recording, selection, paths, flags);
    const { svgToPng } = await import("../../plot/png.js");
    const picture = target.format === "svg" ? svg : await svgToPng(svg, { scale: 1 });
    const { writeFileAtomic } = await import("../../base/files.js");
    if (out === "-") process.stdout.write(picture);
    else writeFileAtomic(out!, picture);
    report(`, ${decibels.map((value) => value.toFixed(0)).join(" to ")} dB`, { decibels });
  }
  const missing = selection.missing();
  if (missing > 0)
    output.warn(
      `${plural(missing, "frame")} are missing: not all chunks are there (kws spectrogram … --store goes on from them)`,
    );
}

async function drawSelection(
  recording: StoredRecording,
  selection: StoreSelection,
  paths: readonly string[],
  flags: ViewFlags,
) {
  const { energyPicture, selectionPicture } = await import("../../sound/store/index.js");
  const title =
    paths.length === 1 ? basename(paths[0]!) : `${basename(paths[0]!)} and ${paths.length - 1} more`;
  if (!flags.energy) return selectionPicture(recording, selection, { ...flags, title });
  const [low, high] = [selection.frequencies[0]!, selection.frequencies.at(-1)!];
  const band = `${Number(low.toPrecision(6))} to ${Number(high.toPrecision(6))} Hz`;
  return energyPicture(recording, selection, { ...flags, title: `${title}: ${band}` });
}

/** Without what was not given, so that it does not stand for a default. */
function defined<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
}
