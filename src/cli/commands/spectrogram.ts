import { statSync } from "node:fs";
import { basename, extname } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { type Command, Option } from "commander";
import type { Audio } from "../../audio/clip.js";
import { describeSystemError, usageError } from "../../base/errors.js";
import type { WindowName } from "../../dsp/windows.js";
import type { SoundFrames, SoundOptions, SoundPictureOptions } from "../../sound/picture/sound-picture.js";
import type { Colormap, FrequencyScale } from "../../sound/picture/spectrogram.js";
import {
  type CommonFlags,
  collect,
  command,
  mostNumbers,
  numberAbove,
  outputFor,
  wholeNumber,
} from "../options.js";
import type { Output } from "../output.js";
import { frequency, seconds } from "../quantities.js";
import { chooseEnd, storeRecording, type TimeFlag, timeFlag, utcTime, viewStores } from "./recording.js";

const formats = ["png", "svg", "csv", "npy"] as const;
type Format = (typeof formats)[number];

interface SpectrogramFlags extends CommonFlags {
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

/** What a call is about, and the flags that have a meaning there. */
const stft = ["nFft", "hop", "winLength", "window", "channel", "minFrequency", "maxFrequency"];
const picture = ["out", "format", "csv", "scale", "colormap", "topDb", "size", "plain"];
const flagsOf = {
  "a recording is stored": [...stft, "store", "chunk", "start", "log", "workers"],
  "a store is shown": [...picture, "minFrequency", "maxFrequency", "from", "to", "energy"],
  "a sound is shown": [
    ...[...stft, ...picture, "index", "seed", "npy", "base64"],
    ...["frameSize", "factor", "wave"],
  ],
};

export function spectrogramCommand(): Command {
  return command(
    "spectrogram",
    "a recording's frequencies over time, as a picture or as numbers",
    "kws spectrogram recording.wav -o recording.png --wave",
    "kws spectrogram sample --index random -o clip.svg --scale mel --colormap magma",
    "kws spectrogram recording.wav --csv --max-frequency 1000 | head",
    "kws spectrogram day.wav --store day.zarr --start 2017-08-21T09:02:00Z --log",
    "kws spectrogram day.zarr --from 2017-08-21T12:00Z --to 2017-08-21T13:00Z --max-frequency 500 -o noon.png",
    "kws spectrogram monday.zarr tuesday.zarr --max-frequency 500 --energy --csv",
  )
    .argument("<file...>", "a WAV file, - for one from stdin, with --index a data set, or stores (.zarr)")
    .option("--index <row>", "a clip of a data set: its row, or random", (text) =>
      text === "random" ? text : wholeNumber("--index", 0)(text),
    )
    .option("--seed <n>", "fixes the random choice", wholeNumber("--seed", 0), 42)
    .option("-o, --out <file>", "where to: a .png, .svg, .csv or .npy file, or - for stdout")
    .addOption(
      new Option("--format <format>", "the format where the file's name does not say it").choices(formats),
    )
    .option("--csv", "the numbers as CSV, a line a frame")
    .option("--npy", "the numbers as a NumPy file, frames x frequencies")
    .option("--base64", "print the PNG as base64")
    .option(
      "--channel <which>",
      "a channel by its number from 0, mean, or stack: each (default: mean)",
      channel,
    )
    .option(
      "--n-fft <n>",
      "points of the transform (default: the power of two within 32 ms)",
      wholeNumber("--n-fft", 1, mostNumbers),
    )
    .option(
      "--hop <n>",
      "samples from frame to frame (default: an eighth of the window)",
      wholeNumber("--hop", 1, mostNumbers),
    )
    .option(
      "--win-length <n>",
      "samples of the window (default: as --n-fft)",
      wholeNumber("--win-length", 1, mostNumbers),
    )
    .addOption(
      new Option("--window <name>", "the window (default: hann)").choices([
        "hann",
        "hamming",
        "blackman",
        "tukey",
        "rectangular",
      ] satisfies WindowName[]),
    )
    .option("--min-frequency <hz>", "leave out what is below", frequency("--min-frequency"))
    .option("--max-frequency <hz>", "leave out what is above", frequency("--max-frequency"))
    .option(
      "--frame-size <n>",
      "the bare picture function instead: frames of so many samples, half overlapped (default: 1024)",
      wholeNumber("--frame-size", 2, mostNumbers),
    )
    .option(
      "--factor <n>",
      "the same, its bins grouped by linspace(0,1)^factor (default: 1)",
      numberAbove("--factor", 0),
    )
    .addOption(
      new Option("--scale <name>", "the frequency axis (default: linear)").choices([
        "linear",
        "log",
        "mel",
      ] satisfies FrequencyScale[]),
    )
    .addOption(
      new Option("--colormap <name>", "the colours (default: viridis)").choices([
        "viridis",
        "magma",
        "plasma",
        "jet",
      ] satisfies Colormap[]),
    )
    .option(
      "--top-db <n>",
      "how far the colours reach below the loudest (default: 80)",
      numberAbove("--top-db", 0),
    )
    .option("--size <WxH>", "of the picture in px (default: 1600x800)", size)
    .option("--wave", "the waveform below it")
    .option("--plain", "no axes, no words, no margins")
    .option(
      "--store <folder>",
      "store the spectrogram of a recording of any length, as Zarr; goes on with one that was begun",
    )
    .option("--chunk <time>", "of the store: a piece that is read at once (default: 10s)", seconds("--chunk"))
    .option(
      "--start <time>",
      "of the store: when the recording begins, in UTC (default: 1970)",
      utcTime("--start"),
    )
    .option("--log", "of the store: dB instead of power")
    .option(
      "--workers <n>",
      "threads that compute the store, 60 MB each (default: 2)",
      wholeNumber("--workers", 1),
    )
    .option(
      "--from <time>",
      "of a store: from this time (UTC) or so long after its beginning",
      timeFlag("--from"),
    )
    .option(
      "--to <time-or-file>",
      "of a store: up to before this time; a .nc file: export as NetCDF-4",
      collect,
    )
    .option("--energy", "of a store: the band's energy, one value a frame")
    .action(async (files: string[], flags: SpectrogramFlags, command: Command) => {
      const [file] = files as [string];
      const kind =
        flags.store !== undefined
          ? "a recording is stored"
          : flags.index === undefined && files.every(isFolder)
            ? "a store is shown"
            : "a sound is shown";
      checkFlags(command, kind);
      if (kind === "a store is shown") return viewStores(files, flags, chooseView(flags), outputFor(flags));
      if (files.length > 1) throw usageError(`expected one file, found ${files.join(" and ")}`);
      if (kind === "a recording is stored")
        return storeRecording(file, { ...flags, store: flags.store! }, outputFor(flags));
      const { format, out } = chooseOutput(flags);
      const [{ checkSoundOptions, soundFrames }, output] = [
        await import("../../sound/picture/sound-picture.js"),
        outputFor(flags),
      ];
      checkSoundOptions(soundOptions(flags));
      if (flags.index === undefined && (file === "sample" || extname(file) === ".npz"))
        throw usageError(`${file} is a data set: expected --index with a row of it`);
      const source =
        flags.index === undefined
          ? await readSound(file)
          : await readRow(file, flags.index, flags.seed, output);
      const sound = soundFrames(source.audio, soundOptions(flags), file === "-" ? "stdin" : file);
      const document = { file, ...source.about, ...describe(source.audio, sound) };
      if (format === "csv" || format === "npy") await writeNumbers(sound, format, out, document, output);
      else await writePicture(sound, format, out, { ...flags, title: source.title }, document, output);
    });
}

/** Stores are folders; data sets that are folders come with --index. */
function isFolder(path: string): boolean {
  if (extname(path) === ".zarr") return true;
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  } catch (error) {
    throw describeSystemError(error, "read", path);
  }
}

function checkFlags(command: Command, kind: keyof typeof flagsOf): void {
  const known = new Set([...flagsOf[kind], "json", "quiet", "color", "config", "debug"]);
  const wrong = command.options.find((option) => {
    const source = command.getOptionValueSource(option.attributeName());
    return (source === "cli" || source === "config") && !known.has(option.attributeName());
  });
  if (wrong === undefined) return;
  const right = Object.entries(flagsOf).find(([, flags]) => flags.includes(wrong.attributeName()))![0];
  throw usageError(`${wrong.long} is for when ${right}, here ${kind}`);
}

/** What is made of stores: as `chooseOutput`, and NetCDF files. */
function chooseView(flags: SpectrogramFlags): { format: "png" | "svg" | "csv" | "netcdf"; out: string } {
  const { netcdf } = chooseEnd(flags.to);
  if (netcdf === undefined) {
    if (flags.energy && (flags.plain || flags.scale || flags.colormap || flags.topDb))
      throw usageError("--energy draws a line: it has no --plain, --scale, --colormap or --top-db");
    const { format, out = "-" } = chooseOutput(flags);
    if (format !== "npy") return { format, out };
    throw usageError("expected a .png, .svg or .csv file or --to with a .nc file, found .npy");
  }
  const other = [
    flags.out && "--out",
    flags.format && "--format",
    flags.csv && "--csv",
    flags.energy && "--energy",
  ].find(Boolean);
  if (other) throw usageError(`--to ${netcdf} writes NetCDF: expected no ${other} with it`);
  return { format: "netcdf", out: netcdf };
}

/** What is written where; no `out` is base64 on stdout. */
function chooseOutput({ out, format, csv, npy, base64, json }: SpectrogramFlags): {
  format: Format;
  out?: string;
} {
  const wishes = [format, csv && "csv", npy && "npy", base64 && "png"].filter(
    (wish) => typeof wish === "string",
  );
  const suffix = formats.find((known) => out?.toLowerCase().endsWith(`.${known}`));
  const chosen = (wishes[0] ?? suffix) as Format | undefined;
  if (new Set(wishes).size > 1) throw usageError(`expected one format, found ${wishes.join(" and ")}`);
  if (suffix !== undefined && chosen !== suffix) throw usageError(`--out ${out} is no place for ${chosen}`);
  if (base64) {
    if (out !== undefined) throw usageError("expected --base64 or --out, found both");
    return { format: "png" };
  }
  if (out === undefined && chosen !== "csv" && chosen !== "npy")
    throw usageError("expected --out with a .png or .svg file, --base64, --csv or --npy, found none of them");
  if (chosen === undefined)
    throw usageError(
      out === "-"
        ? "--out - needs --format png or svg, --csv or --npy"
        : `--out ${out}: expected a name that ends in .png, .svg, .csv or .npy, or --format`,
    );
  if (json && (out ?? "-") === "-")
    throw usageError("--json and the result both go to stdout: give --out a file");
  return { format: chosen, out: out ?? "-" };
}

/** Options that were not given are left out, so that they do not stand for defaults. */
function soundOptions(flags: SpectrogramFlags): SoundOptions & { scale?: FrequencyScale } {
  const { channel, nFft, hop, winLength, window, minFrequency, maxFrequency, frameSize, factor, scale } =
    flags;
  const all = { channel, nFft, hop, winLength, window, minFrequency, maxFrequency, frameSize, factor, scale };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

interface Source {
  audio: Audio;
  title: string;
  /** What the JSON document tells of it beside its file. */
  about: { index?: number; label?: string };
}

async function readSound(file: string): Promise<Source> {
  const { decodeWav, readWavFile } = await import("../../audio/wav/decode.js");
  if (file !== "-") return { audio: await readWavFile(file), title: basename(file), about: {} };
  const audio = decodeWav(await buffer(process.stdin), "stdin", { streamed: true });
  return { audio, title: "stdin", about: {} };
}

async function readRow(
  data: string,
  index: number | "random",
  seed: number,
  output: Output,
): Promise<Source> {
  const [{ loadClips }, { chooseClip, readClip }] = await Promise.all([
    import("../../data/load.js"),
    import("../../data/choose.js"),
  ]);
  const clips = await loadClips([data], { seed, onProgress: output.progress("reading the data") });
  const at = chooseClip(clips, index, seed);
  const samples = readClip(clips, at);
  const [row, label] = [clips.rows[at]!, clips.labels[at]!];
  return {
    audio: { sampleRate: clips.sampleRate, channels: [samples] },
    title: `${basename(data)} row ${row}: ${label}`,
    about: { index: row, label },
  };
}

function describe({ channels }: Audio, { sampleRate, seconds, channels: shown }: SoundFrames) {
  const { count, frequencies } = shown[0]!.frames;
  return { sampleRate, seconds, channels: channels.length, frames: count, bins: frequencies.length };
}

type Description = ReturnType<typeof describe> & { file: string };

async function writeNumbers(
  sound: SoundFrames,
  format: "csv" | "npy",
  out: string | undefined,
  document: Description,
  output: Output,
): Promise<void> {
  const { soundCsv, soundNpy } = await import("../../sound/picture/sound-picture.js");
  const numbers = Readable.from(format === "csv" ? soundCsv(sound) : soundNpy(sound), { objectMode: false });
  if (out === undefined || out === "-") {
    await pipeline(numbers, process.stdout, { end: false });
    return;
  }
  const { writeStreamAtomic } = await import("../../base/files.js");
  await writeStreamAtomic(out, numbers);
  output.result(`${out}: ${document.frames} frames of ${document.bins} values`, { ...document, out });
}

async function writePicture(
  sound: SoundFrames,
  format: "png" | "svg",
  out: string | undefined,
  options: SoundPictureOptions,
  document: Description,
  output: Output,
): Promise<void> {
  const { soundPicture } = await import("../../sound/picture/sound-picture.js");
  const { svg, decibels } = soundPicture(sound, options);
  const { svgToPng } = await import("../../plot/png.js");
  const picture = format === "svg" ? svg : await svgToPng(svg, { scale: 1 });
  if (out === "-") {
    process.stdout.write(picture);
    return;
  }
  const full = { ...document, decibels };
  if (out === undefined) {
    const png = Buffer.from(picture).toString("base64");
    output.result(png, { ...full, png });
    return;
  }
  const { writeFileAtomic } = await import("../../base/files.js");
  writeFileAtomic(out, picture);
  const range = decibels.map((value) => value.toFixed(0)).join(" to ");
  const text = `${out}: ${document.seconds.toFixed(2)} s at ${document.sampleRate} Hz, ${range} dB`;
  output.result(text, { ...full, out });
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
