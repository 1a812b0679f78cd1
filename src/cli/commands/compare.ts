import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import type { BackendChoice } from "../../backend/names.js";
import { usageError } from "../../base/errors.js";
import { percent } from "../../base/figures.js";
import { describeIssue } from "../../base/json.js";
import type { Part } from "../../data/clips.js";
import type { CompareOptions, DetailedComparison } from "../../eval/compare.js";
import type { Table } from "../../plot/table.js";
import { flagName, type GivenSettings, settingsSchema, type TrainSettings } from "../../run/settings.js";
import type { CompareByTrainingOptions } from "../../tasks/compare-by-training.js";
import { type CommonFlags, checkWritable, commaList, command, outputFor, partOption } from "../options.js";
import { type Output, paint, wrapped } from "../output.js";
import { logBackend } from "./predict.js";
import { remarksOnConfig, settingOptions, settingsFromFlags, withProgress } from "./train.js";

interface CompareFlags extends CommonFlags, GivenSettings {
  models?: string[];
  data?: string[];
  out?: string;
  force?: boolean;
  report?: string;
  othersAs?: string;
  part?: Part | "all";
}

const defaultOut = join("checkpoints", "compare");

export function compareCommand(): Command {
  const compare = command(
    "compare",
    "compare runs on the same clips, with paired statistics and a report; or train models first",
    "kws compare checkpoints/conv1d checkpoints/spectrogram",
    "kws compare checkpoints/conv1d-1 checkpoints/conv1d-2 checkpoints/skip-1 checkpoints/skip-2",
    "kws compare --data sample --models conv1d,skip,spectrogram --width 0.125 --learning-rate 1e-3 --epochs 3",
  )
    .argument("[runs...]", "run folders, or the names of shipped models")
    .option("--models <a,b,c>", "train these, with the same split and seed, then compare them", commaList)
    .option("--out <folder>", "where --models trains to (default: checkpoints/compare)")
    .option("--force", "replace runs that the folder holds")
    .option(
      "--report <folder>",
      "where the report goes (default: report in --out, or checkpoints/comparison)",
    )
    .addOption(partOption())
    .option("--others-as <label>", "count the labels that the runs lack as this one (such as unknown)");
  return settingOptions(compare).action(async (paths: string[], flags: CompareFlags, compare: Command) => {
    const output = outputFor(flags);
    if (flags.models === undefined) checkRuns(paths, flags);
    else if (paths.length > 0) throw usageError("expected run folders or --models, found both");
    const trainings = flags.models === undefined ? [] : await settingsOfModels(flags.models, compare);
    const [{ compareRuns }, { writeComparisonReport }, { checkReportFolder }, { seenWarning }] =
      await Promise.all([
        import("../../eval/compare.js"),
        import("../../report/comparison.js"),
        import("../../report/folder.js"),
        import("../../report/tables.js"),
      ]);
    const options: CompareOptions = {
      ...{ part: flags.part, othersAs: flags.othersAs, backend: backendChoice(flags) },
      onLoading: output.progress("reading the data"),
      onReady: ([first]) => logBackend(first!, output),
      onEvaluating: (run, done, total) => progressOf(run)(done, total),
    };
    const bars = new Map<string, ReturnType<Output["progress"]>>();
    const progressOf = (run: string) => {
      if (!bars.has(run)) bars.set(run, output.progress(`evaluating ${run}`));
      return bars.get(run)!;
    };
    const folder = reportFolder(flags);
    checkWritable("folder", folder);
    checkReportFolder(folder);
    for (const remark of trainings.slice(0, 1).flatMap((settings) => remarksOnConfig(compare, settings)))
      output.log(remark);
    const detailed =
      flags.models === undefined
        ? await compareRuns(paths, { ...options, data: flags.data })
        : await trainAndCompare(trainings, flags, options, output);
    const { runs: compared, seenInTraining } = detailed.comparison;
    for (const { run, clips } of seenInTraining)
      output.warn(seenWarning(run, clips, compared.find((each) => each.run === run)!.examples));
    const report = await writeComparisonReport(folder, detailed);
    output.result(output.json ? "" : await describe(detailed, report, output), detailed.comparison);
  });
}

function checkRuns(paths: readonly string[], flags: CompareFlags): void {
  if (paths.length < 2)
    throw usageError(`expected at least two run folders, or --models, found ${paths.length}`);
  const twice = paths.find((path, i) => paths.findIndex((other) => resolve(other) === resolve(path)) !== i);
  if (twice !== undefined) throw usageError(`expected different run folders, found ${twice} twice`);
  const forTraining = ["out", "force", ...Object.keys(settingsSchema.shape)];
  const others = Object.keys(flags).filter(
    (key) => forTraining.includes(key) && key !== "data" && key !== "backend",
  );
  if (others.length > 0) {
    throw usageError(`${others.map(flagName).join(", ")}: only together with --models, which trains`);
  }
}

function backendChoice({ backend = "auto" }: CompareFlags): BackendChoice {
  const checked = settingsSchema.shape.backend.safeParse(backend);
  if (checked.success) return checked.data;
  throw usageError(`--backend: ${describeIssue(checked.error, backend)}`);
}

/** The settings of each training. All usage errors are found here, before any file is looked at. */
async function settingsOfModels(models: readonly string[], command: Command): Promise<TrainSettings[]> {
  const { checkUsage } = await import("../../train/train.js");
  if (new Set(models).size < Math.max(2, models.length)) {
    throw usageError(`--models: expected at least two different models, found ${models.join(", ")}`);
  }
  const trainings = models.map((model) => settingsFromFlags(command, { model }));
  for (const settings of trainings) checkUsage(settings);
  return trainings;
}

async function trainAndCompare(
  trainings: readonly TrainSettings[],
  { out = defaultOut, force = false }: CompareFlags,
  options: CompareOptions,
  output: Output,
): Promise<DetailedComparison> {
  const { compareByTraining } = await import("../../tasks/compare-by-training.js");
  const watch: CompareByTrainingOptions["watch"] = (model, work) => withProgress(output, work, `${model}: `);
  return compareByTraining(trainings, { ...options, out, force, watch });
}

function reportFolder(flags: CompareFlags): string {
  if (flags.report !== undefined) return flags.report;
  if (flags.models !== undefined) return join(flags.out ?? defaultOut, "report");
  const base = join("checkpoints", "comparison");
  for (let i = 1; ; i++) {
    const path = i === 1 ? base : `${base}-${i}`;
    if (!existsSync(path)) return path;
  }
}

async function describe(
  { comparison, bySpeaker }: DetailedComparison,
  report: string,
  output: Output,
): Promise<string> {
  const [{ terminalTable }, tables] = await Promise.all([
    import("../../plot/terminal/index.js"),
    import("../../report/tables.js"),
  ]);
  const { baseline, pairs } = comparison;
  const lines = (text: string) => wrapped(text, output.width, 2);
  const table = ({ headers, rows }: Table) =>
    terminalTable(headers, rows, { width: output.width, color: output.color });
  const seeds = tables.seedTable(comparison);
  return [
    ...lines(
      `${tables.describeClips(comparison)}; always answering "${baseline.label}" would get ${percent(baseline.accuracy)}`,
    ).map((line) => paint("bold", line)),
    "",
    table(tables.accuracyTable(comparison)),
    `intervals: bootstrap over ${bySpeaker ? "speakers" : "clips"}`,
    "",
    table(tables.costTable(comparison)),
    ...(seeds === undefined
      ? []
      : ["", table(seeds), ...lines("mean ± standard deviation of runs that differ in their seed alone")]),
    ...(pairs.length === 0 ? [] : ["", table(tables.pairTable(comparison))]),
    "",
    `report: ${report}`,
  ].join("\n");
}
