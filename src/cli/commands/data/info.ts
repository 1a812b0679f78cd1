import type { Command } from "commander";
import { percent } from "../../../base/figures.js";
import type { DataInfo, LeakAudit, Spread } from "../../../data/info.js";
import type { SplitKind } from "../../../data/split.js";
import { defaultSettings, resolveSettings } from "../../../run/settings.js";
import { type CommonFlags, commaList, command, numberOrText, outputFor } from "../../options.js";
import { count, type Output, paint, plural, wrapped } from "../../output.js";

interface InfoFlags extends CommonFlags {
  split?: SplitKind;
  valSize?: unknown;
  testSize?: unknown;
  labels?: string[];
  sampleRate?: unknown;
  seed?: unknown;
}

export function infoCommand(): Command {
  return command(
    "info",
    "describe a data set, and find leaks between the parts of its split",
    "kws data info sample",
    "kws data info recordings.npz more.npz --split random --json",
  )
    .argument("<data...>", "an .npz, a folder of WAVs, or sample; several are joined")
    .option("--split <kind>", "split to audit: speaker, random, course or official (default: that of train)")
    .option("--val-size <share>", `share of validation (default: ${defaultSettings.valSize})`, numberOrText)
    .option("--test-size <share>", `share of the test (default: ${defaultSettings.testSize})`, numberOrText)
    .option("--labels <a,b,c>", "only these labels (default: all in the data)", commaList)
    .option("--sample-rate <hz>", "rate that folders of WAVs are resampled to (default: 8000)", numberOrText)
    .option("--seed <n>", `fixes the split (default: ${defaultSettings.seed})`, numberOrText)
    .action(async (data: string[], flags: InfoFlags) => {
      const output = outputFor(flags);
      const { split, valSize, testSize, labels, sampleRate, seed } = flags;
      // They are checked as those of train; the model's name does not matter here.
      const settings = resolveSettings({
        data,
        model: "any",
        split,
        valSize,
        testSize,
        labels,
        sampleRate,
        seed,
      });
      const [{ loadClips }, { describeClips }, { defaultSplitKind }] = await Promise.all([
        import("../../../data/load.js"),
        import("../../../data/info.js"),
        import("../../../data/split.js"),
      ]);
      const clips = await loadClips(data, {
        seed: settings.seed,
        ...(settings.sampleRate !== undefined && { sampleRate: settings.sampleRate }),
        ...(settings.labels !== undefined && { labels: settings.labels }),
        onProgress: output.progress("reading the data"),
      });
      const kind = settings.split ?? defaultSplitKind(clips);
      const info = describeClips(clips, { ...settings, kind }, output.progress("listening"));
      const { terminalTable } = await import("../../../plot/terminal/index.js");
      const table = (headers: string[], rows: string[][]) =>
        terminalTable(headers, rows, { width: output.width, color: output.color });
      output.result(describe(data.join(" + "), info, table, output), { data, ...info });
    });
}

/** Column in which facts begin, after their names. */
const factIndent = 13;

type Table = (headers: string[], rows: string[][]) => string;

function describe(name: string, info: DataInfo, table: Table, output: Output): string {
  const { speakers, lengths, levels, clipped, nearSilent, duplicates } = info;
  const by =
    speakers === null
      ? "speakers unknown"
      : `${plural(speakers.count, "speaker")} of ${speakers.clips.least} to ${speakers.clips.most} clips (median ${speakers.clips.median})`;
  const { least, median, most } = lengths.seconds;
  const what = lengths.measured === "recordings" ? "recordings of" : "sound of";
  const sides = [
    ...(lengths.padded > 0 ? [`${count(lengths.padded)} padded with zeros`] : []),
    ...(lengths.cut > 0 ? [`${count(lengths.cut)} cut to their loudest second`] : []),
  ];
  const fact = (what: string, text: string) =>
    wrapped(what.padEnd(factIndent) + text, output.width, factIndent);
  const mislabelled = duplicates.filter(({ labels }) => labels.length > 1).length;
  return [
    ...wrapped(
      `${paint("bold", name)}: ${plural(info.clips, "clip")} of one second at ${info.sampleRate} Hz, ${by}`,
      output.width,
      2,
    ),
    "",
    table(["label", "clips", "share", "speakers", "median level"], labelRows(info)),
    ...wordLines(info, output),
    "",
    ...fact(
      "lengths",
      `${what} ${least} to ${most} s (median ${median})${sides.length > 0 ? `; ${sides.join(", ")}` : ""}`,
    ),
    ...fact("levels", `RMS ${spreadText(levels.rmsDb)}`),
    ...fact("", `peak ${spreadText(levels.peakDb)}`),
    ...fact("clipped", rowsText(clipped, "clip reaches full scale", "clips reach full scale")),
    ...fact(
      "near-silent",
      rowsText(nearSilent, "clip of a word stays below -40 dB", "clips of words stay below -40 dB"),
    ),
    ...fact(
      "duplicates",
      `${duplicatesText(duplicates)}${mislabelled > 0 ? paint("yellow", `; ${plural(mislabelled, "group")} with different labels`) : ""}`,
    ),
    ...fact("leaks", info.leaks === null ? `no split to audit: ${info.noSplit}` : leaksText(info.leaks)),
  ].join("\n");
}

function labelRows({ labels, clips }: DataInfo): string[][] {
  return labels.map((each) => [
    each.label,
    count(each.clips),
    percent(each.clips / clips, 1),
    each.speakers === null ? "–" : count(each.speakers),
    `${each.rmsDb.toFixed(1)} dB`,
  ]);
}

const wordsShown = 12;

function wordLines({ labels }: DataInfo, output: Output): string[] {
  return labels
    .filter(({ words }) => words.length > 0)
    .flatMap(({ label, words }) => {
      const shown = words.slice(0, wordsShown).map(({ word, clips }) => `${word} ${clips}`);
      const rest = words.length - shown.length;
      const line = `${label} is ${shown.join(", ")}${rest > 0 ? ` and ${plural(rest, "more word")}` : ""}`;
      return wrapped(line, output.width, 2).map((each) => paint("dim", each));
    });
}

function spreadText({ least, p5, median, p95, most }: Spread): string {
  return `${least} to ${most} dB (median ${median}, 90 % from ${p5} to ${p95})`;
}

const rowsShown = 8;

function rowsText(rows: readonly number[], one: string, many: string): string {
  if (rows.length === 0) return "none";
  const shown = rows.slice(0, rowsShown).join(", ");
  return `${count(rows.length)} ${rows.length === 1 ? one : many} (row ${shown}${rows.length > rowsShown ? ", …" : ""})`;
}

function duplicatesText(groups: DataInfo["duplicates"]): string {
  if (groups.length === 0) return "none";
  const copies = groups.reduce((sum, { rows }) => sum + rows.length - 1, 0);
  const shown = groups.slice(0, 3).map(({ rows }) => rows.join(" = "));
  return `${count(copies)} ${copies === 1 ? "clip is a copy" : "clips are copies"} of another (row ${shown.join("; ")}${groups.length > 3 ? "; …" : ""})`;
}

function leaksText({ split, parts, speakers, clips }: LeakAudit): string {
  const { train, val, test } = parts;
  const found = [
    ...(speakers === null || speakers.length === 0
      ? []
      : [`${plural(speakers.length, "speaker")} in two parts (${names(speakers.map(({ name }) => name))})`]),
    ...(clips.length === 0
      ? []
      : [
          `the same clip in two parts ${plural(clips.length, "time")} (row ${names(clips.map(({ rows }) => rows.join(" = ")))})`,
        ]),
  ];
  const verdict =
    found.length > 0
      ? paint("yellow", found.join("; "))
      : speakers === null
        ? "no clip in two parts; speakers unknown"
        : "no speaker and no clip in two parts";
  return `${split} split (${count(train)} / ${count(val)} / ${count(test)}): ${verdict}`;
}

function names(values: readonly string[]): string {
  const shown = values.slice(0, 3).join(", ");
  return values.length > 3 ? `${shown}, …` : shown;
}
