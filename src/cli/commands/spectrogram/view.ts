import { basename } from "node:path";
import { usageError } from "../../../base/errors.js";
import type { StoredSpectrogram, StoreSelection } from "../../../sound/store/read.js";
import type { Output } from "../../output.js";
import { count, plural } from "../../output.js";
import { defined, type SpectrogramFlags, type TimeFlag, timeFlag } from "./flags.js";
import { chooseOutput, rangeText, writeNumbers, writePicture } from "./output.js";

/** Shows a part of stores, as a picture, as numbers, or as a NetCDF file. */
export async function viewStores(
  paths: readonly string[],
  flags: SpectrogramFlags,
  output: Output,
): Promise<void> {
  const { format, out, to } = chooseView(flags);
  const { StoredSpectrogram } = await import("../../../sound/store/read.js");
  const { formatUtc } = await import("../../../sound/store/time.js");
  const stored = await StoredSpectrogram.open(paths);
  const { from, energy, minFrequency, maxFrequency } = flags;
  const absolute = (time: TimeFlag | undefined) =>
    time === undefined || "utc" in time ? time?.utc : stored.start + BigInt(Math.round(time.seconds * 1e9));
  const band = stored.select(defined({ from: absolute(from), to: absolute(to), minFrequency, maxFrequency }));
  let selection = band;
  if (energy) {
    const { bandEnergy } = await import("../../../sound/store/energy.js");
    selection = bandEnergy(band, stored.settings);
  }
  const more: { decibels?: [number, number] } = {};
  if (format === "netcdf") {
    const { writeNetcdf } = await import("../../../sound/store/output/netcdf.js");
    await writeNetcdf(out, stored, band, output.progress(`${basename(out)}: writing`));
  } else if (format === "csv") {
    const { selectionCsv } = await import("../../../sound/store/output/csv.js");
    const title = energy ? `energy${stored.settings.log ? " dB" : ""}` : undefined;
    await writeNumbers(selectionCsv(selection, title), out);
  } else {
    const { svg, decibels } = await draw(stored, selection, paths, flags);
    await writePicture(svg, format, out);
    more.decibels = decibels;
  }
  if (out !== "-") {
    const gaps = band.gaps.map((gap) => ({ from: formatUtc(gap.from), to: formatUtc(gap.to) }));
    const bins = band.frequencies.length;
    const text = [
      `${count(band.frames)} frames${energy ? "" : ` of ${plural(bins, "value")}`}`,
      ...(gaps.length === 0 ? [] : [`${plural(gaps.length, "gap")} between recordings`]),
      ...(more.decibels === undefined ? [] : [rangeText(more.decibels)]),
    ];
    const document = { stores: paths, frames: band.frames, bins, gaps, ...more, out };
    output.result(`${out}: ${text.join(", ")}`, document);
  }
  const missing = selection.missing();
  if (missing > 0)
    output.warn(
      `${plural(missing, "frame")} are missing, since not all chunks are there: kws spectrogram … --store continues the store`,
    );
}

/** Decides the format and the file of the result, and the time before which it ends. */
function chooseView(flags: SpectrogramFlags): {
  format: "png" | "svg" | "csv" | "netcdf";
  out: string;
  to?: TimeFlag;
} {
  const { to = [], energy, plain, scale, colormap, topDb } = flags;
  const isFile = (text: string) => /\.nc4?$/i.test(text);
  const [files, times] = [to.filter(isFile), to.filter((text) => !isFile(text))];
  if (files.length > 1) throw usageError(`expected one file for --to, found ${files.join(" and ")}`);
  if (times.length > 1) throw usageError(`expected one time for --to, found ${times.join(" and ")}`);
  const end = times[0] === undefined ? {} : { to: timeFlag("--to")(times[0]) };
  const [netcdf] = files;
  if (netcdf === undefined) {
    if (energy && (plain || scale || colormap || topDb))
      throw usageError("--energy draws a line: it has no --plain, --scale, --colormap or --top-db");
    const { format, out = "-" } = chooseOutput(flags);
    if (format !== "npy") return { format, out, ...end };
    throw usageError("expected a .png, .svg or .csv file or --to with a .nc file, found .npy");
  }
  const other = [
    flags.out && "--out",
    flags.format && "--format",
    flags.csv && "--csv",
    energy && "--energy",
  ].find(Boolean);
  if (other) throw usageError(`--to ${netcdf} writes NetCDF: expected no ${other} with it`);
  return { format: "netcdf", out: netcdf, ...end };
}

async function draw(
  stored: StoredSpectrogram,
  selection: StoreSelection,
  paths: readonly string[],
  flags: SpectrogramFlags,
) {
  const { energyPicture, selectionPicture } = await import("../../../sound/store/output/picture.js");
  const title =
    paths.length === 1 ? basename(paths[0]!) : `${basename(paths[0]!)} and ${paths.length - 1} more`;
  if (!flags.energy) return selectionPicture(stored, selection, { ...flags, title });
  const [low, high] = [selection.frequencies[0]!, selection.frequencies.at(-1)!];
  const band = `${Number(low.toPrecision(6))} to ${Number(high.toPrecision(6))} Hz`;
  return energyPicture(stored, selection, { ...flags, title: `${title}: ${band}` });
}
