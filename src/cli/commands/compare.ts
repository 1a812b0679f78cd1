import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import type { BackendChoice } from "../../backend/start.js";
import { usageError } from "../../base/errors.js";
import { percent, pointsInterval, pValue } from "../../base/figures.js";
import type { Part } from "../../data/clips.js";
import type { Comparison, DetailedComparison } from "../../eval/compare.js";
import {
  describeIssue,
  flagName,
  type GivenSettings,
  settingsSchema,
  type TrainSettings,
} from "../../run/settings.js";
import { type CommonFlags, checkWritable, commaList, command, outputFor, partOption } from "../options.js";
import { count, type Output, paint, plural, wrapped } from "../output.js";
import { seenInTraining } from "./evaluate.js";
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

export function compareCommand(): Command {
  const compare = command(
    "compare",
    "runs on the same clips with paired statistics and a report; or train models, then compare them",
    "kws compare checkpoints/conv1d checkpoints/spectrogram",
    "kws compare checkpoints/conv1d-1 checkpoints/conv1d-2 checkpoints/skip-1 checkpoints/skip-2",
    "kws compare --data sample --models conv1d,skip,spectrogram --width 0.125 --learning-rate 1e-3 --epochs 3",
  )
    .argument("[runs...]", "run folders")
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
    const plans = flags.models === undefined ? [] : await planTrainings(flags.models, flags, compare);
    const [{ compareRuns }, { writeComparisonReport }, { checkReportFolder }] = await Promise.all([
      import("../../eval/compare.js"),
      import("../../report/comparison.js"),
      import("../../report/folder.js"),
    ]);
    const choice = backendChoice(flags);
    const folder = reportFolder(flags);
    checkWritable("folder", folder);
    checkReportFolder(folder);
    for (const remark of plans.slice(0, 1).flatMap(({ settings }) => remarksOnConfig(compare, settings)))
      output.log(remark);
    if (plans.length > 0) await trainModels(plans, flags, output);
    const runs = flags.models === undefined ? paths : plans.map(({ path }) => path);
    const progress = new Map(runs.map((run) => [run, output.progress(`evaluating ${run}`)]));
    const detailed = await compareRuns(runs, {
      data: flags.models === undefined ? flags.data : undefined,
      part: flags.part,
      othersAs: flags.othersAs,
      backend: choice,
      onLoading: output.progress("reading the data"),
      onReady: ([first]) => logBackend(first!, output),
      onEvaluating: (run, done, total) => progress.get(run)!(done, total),
    });
    for (const { run, clips } of detailed.comparison.seenInTraining) output.warn(seenInTraining(run, clips));
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

interface PlannedTraining {
  settings: TrainSettings;
  path: string;
}

/** All that can be wrong with the trainings' usage is found here, before any file is looked at. */
async function planTrainings(
  models: readonly string[],
  flags: CompareFlags,
  command: Command,
): Promise<PlannedTraining[]> {
  const { checkUsage } = await import("../../train/train.js");
  if (new Set(models).size < Math.max(2, models.length)) {
    throw usageError(`--models: expected at least two different models, found ${models.join(", ")}`);
  }
  const out = flags.out ?? join("checkpoints", "compare");
  const plans = models.map((model) => ({
    settings: settingsFromFlags(command, { model }),
    path: join(out, model),
  }));
  for (const { settings } of plans) checkUsage(settings);
  return plans;
}

async function trainModels(
  plans: readonly PlannedTraining[],
  flags: CompareFlags,
  output: Output,
): Promise<void> {
  const [{ train }, { RunFolder }] = await Promise.all([
    import("../../train/train.js"),
    import("../../run/folder.js"),
  ]);
  // What is in the way is found before the first of the trainings starts.
  for (const { path } of plans) new RunFolder(path).checkFree(flags.force ?? false);
  for (const { settings, path } of plans) {
    await withProgress(
      output,
      (hooks) => train(settings, { out: path, force: flags.force ?? false }, hooks),
      `${settings.model}: `,
    );
  }
}

function reportFolder(flags: CompareFlags): string {
  if (flags.report !== undefined) return flags.report;
  if (flags.models !== undefined) return join(flags.out ?? join("checkpoints", "compare"), "report");
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
  const { terminalTable } = await import("../../plot/terminal/index.js");
  const look = { width: output.width, color: output.color };
  const [{ plusMinus, shortGroupNames }, { shortNames }] = await Promise.all([
    import("../../eval/seeds.js"),
    import("../../eval/names.js"),
  ]);
  const { examples, testSets, baseline, runs, pairs, groups }: Comparison = comparison;
  const onWhich =
    testSets === 1
      ? plural(examples, "clip")
      : `${testSets} test parts of ${plural(examples, "different clip")}`;
  const names = shortNames(runs.map(({ run }) => run));
  const groupNames = shortGroupNames(groups, runs);
  const nameOf = (path: string) => names[runs.findIndex(({ run }) => run === path)]!;
  const overSeeds = groups.some((group) => group.runs.length > 1);
  return [
    ...wrapped(
      `${onWhich}; always answering "${baseline.label}" would get ${percent(baseline.accuracy)}`,
      output.width,
      2,
    ).map((line) => paint("bold", line)),
    "",
    terminalTable(
      [
        "run",
        "input",
        "accuracy",
        "95 % interval",
        "macro F1",
        "loss",
        "parameters",
        "multiply-adds",
        "ms a clip",
      ],
      runs.map((run) => [
        nameOf(run.run),
        run.input,
        percent(run.accuracy),
        `${percent(run.accuracyCi95[0], 1)} to ${percent(run.accuracyCi95[1], 1)}`,
        run.macroF1.toFixed(3),
        run.loss.toFixed(4),
        count(run.params),
        count(run.macs),
        run.msPerClip.toFixed(1),
      ]),
      look,
    ),
    `intervals: bootstrap over ${bySpeaker ? "speakers" : "clips"}`,
    ...(overSeeds
      ? [
          "",
          terminalTable(
            ["runs", "seeds", "accuracy", "range", "macro F1", "loss"],
            groups.map(({ seeds, accuracy, macroF1, loss }, i) => [
              groupNames[i]!,
              seeds.join(", "),
              plusMinus(accuracy, (value) => (100 * value).toFixed(2), " %"),
              `${percent(accuracy.min)} to ${percent(accuracy.max)}`,
              plusMinus(macroF1, (value) => value.toFixed(3)),
              plusMinus(loss, (value) => value.toFixed(4)),
            ]),
            look,
          ),
          ...wrapped("mean ± standard deviation of runs that differ in their seed alone", output.width, 2),
        ]
      : []),
    ...(pairs.length === 0
      ? []
      : [
          "",
          terminalTable(
            ["a", "b", "only a right", "only b right", "a − b, 95 %", "McNemar p"],
            pairs.map((pair) => [
              nameOf(pair.a),
              nameOf(pair.b),
              String(pair.aOnlyRight),
              String(pair.bOnlyRight),
              pointsInterval(pair.differenceCi95),
              pValue(pair.mcnemarP),
            ]),
            look,
          ),
        ]),
    "",
    `report: ${report}`,
  ].join("\n");
}
