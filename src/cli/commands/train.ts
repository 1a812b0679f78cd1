import type { Command } from "commander";
import { usageError } from "../../base/errors.js";
import { percent } from "../../base/figures.js";
import {
  checkEachSetting,
  defaultSettings,
  flagName,
  type GivenSettings,
  idleSettings,
  resolveSettings,
  settingsSchema,
  type TrainSettings,
} from "../../run/settings.js";
import type { TrainHooks, TrainSummary } from "../../train/train.js";
import {
  type CommonFlags,
  checkFlagsFirst,
  checkWritable,
  choiceOrText,
  collect,
  commaList,
  command,
  numberOrText,
  outputFor,
  recipeOrStrengths,
  wholeNumber,
} from "../options.js";
import { count, duration, type Output, paint, plural, wrapped } from "../output.js";

interface TrainFlags extends CommonFlags, GivenSettings {
  out?: string;
  force?: boolean;
  resume?: string;
}

export function trainCommand(): Command {
  const train = command(
    "train",
    "train a model and write its run folder",
    "kws train --data sample --model spectrogram --width 0.25 --learning-rate 1e-3 --epochs 3",
    "kws train --from checkpoints/spectrogram --data sample --labels yes,no,silence --learning-rate 1e-3 --freeze-epochs 2 --epochs 4",
    "kws train --resume checkpoints/spectrogram --epochs 5",
  )
    .option("--model <name>", "the architecture (kws models lists them)")
    .option("--out <folder>", "the run folder (default: checkpoints/<model>)")
    .option("--force", "replace the run that the folder holds")
    .option("--from <run>", "start from a run's model: new labels get a new last layer")
    .option(
      "--freeze-epochs <n>",
      `epochs that train only the new layer, before the whole model (default: ${defaultSettings.freezeEpochs})`,
      numberOrText,
    )
    .option("--resume <run>", "go on with a stopped run from its last state");
  return settingOptions(train).action(async (flags: TrainFlags, train: Command) => {
    const output = outputFor(flags);
    const start =
      flags.resume === undefined ? await newTraining(flags, train) : resumedTraining(flags.resume, flags);
    const summary = await withProgress(output, start);
    output.result(output.json ? "" : await describeTraining(summary, output), summary);
  });
}

type Start = (hooks: TrainHooks) => Promise<TrainSummary>;

async function newTraining({ out, force = false }: TrainFlags, command: Command): Promise<Start> {
  const from: unknown = command.getOptionValue("from");
  const defaults =
    typeof from === "string" ? (await import("../../train/transfer.js")).settingsOfSource(from) : {};
  const settings = settingsFromFlags(command, {}, defaults);
  return async (hooks) => {
    const { checkUsage, train } = await import("../../train/train.js");
    checkUsage(settings);
    if (out !== undefined) checkWritable("folder", out);
    for (const remark of remarksOnConfig(command, settings)) hooks.report?.(remark);
    return train(settings, { out, force }, hooks);
  };
}

function resumedTraining(run: string, flags: TrainFlags): Start {
  checkResumeFlags(flags);
  const epochs = flags.epochs === undefined ? undefined : wholeNumber("--epochs", 1)(String(flags.epochs));
  return async (hooks) => {
    const { resumeTraining } = await import("../../train/train.js");
    return resumeTraining(run, { epochs }, hooks);
  };
}

function checkResumeFlags(flags: TrainFlags): void {
  const others = Object.keys(flags).filter(
    (key) => (key in settingsSchema.shape && key !== "epochs") || ["out", "force", "config"].includes(key),
  );
  if (others.length > 0) {
    throw usageError(
      `--resume goes on with the run's own settings: expected only --epochs beside it, found ${others.map(flagName).join(", ")}`,
    );
  }
}

/** The flags that are settings of a training, each named as its key, but for `--model`. */
export function settingOptions(train: Command): Command {
  checkFlagsFirst(train, checkSettingFlags);
  const shown = (key: keyof typeof defaultSettings) => `(default: ${defaultSettings[key]})`;
  return train
    .option("--data <path>", "an .npz, a folder of WAVs, or sample; repeatable, several are joined", collect)
    .option("--epochs <n>", `passes over the training part ${shown("epochs")}`, numberOrText)
    .option("--batch-size <n>", `clips an update ${shown("batchSize")}`, numberOrText)
    .option("--learning-rate <rate>", `the optimizer's step size ${shown("learningRate")}`, numberOrText)
    .option("--schedule <kind>", `constant, or cosine down to zero ${shown("schedule")}`)
    .option(
      "--warmup-epochs <n>",
      `epochs of a rising learning rate first ${shown("warmupEpochs")}`,
      numberOrText,
    )
    .option("--optimizer <name>", `adam, adamw or sgd ${shown("optimizer")}`)
    .option("--momentum <share>", `of sgd ${shown("momentum")}`, numberOrText)
    .option("--weight-decay <rate>", `of adamw and sgd, on kernels ${shown("weightDecay")}`, numberOrText)
    .option(
      "--label-smoothing <share>",
      `of each target, spread over all labels ${shown("labelSmoothing")}`,
      numberOrText,
    )
    .option(
      "--logit-adjustment <strength>",
      `make up for labels with few clips; 1 as theory has it ${shown("logitAdjustment")}`,
      numberOrText,
    )
    .option(
      "--ema-decay <decay>",
      `keep a moving average of the weights, as 0.999; 0 does not ${shown("emaDecay")}`,
      numberOrText,
    )
    .option(
      "--teacher <run>",
      "distil from a trained run: match its answers too; repeatable, the mean of several",
      collect,
    )
    .option(
      "--teacher-weight <share>",
      `of these answers in the loss ${shown("teacherWeight")}`,
      numberOrText,
    )
    .option("--temperature <value>", `at which they are compared ${shown("temperature")}`, numberOrText)
    .option(
      "--front-end <kind>",
      "raw, stft, log-mel, mfcc or gabor, where the model allows it (default: the model's)",
    )
    .option("--width <factor>", `width multiplier on every layer's channels ${shown("width")}`, numberOrText)
    .option(
      "--augment <recipe>",
      "none, standard, or strengths as JSON: random changes to the training clips (default: none)",
      recipeOrStrengths,
    )
    .option(
      "--early-stop <n>",
      "stop after n epochs without improvement; 0 never does (default: 0)",
      numberOrText,
    )
    .option(
      "--save-best-only <choice>",
      "true, or false to keep the newest epoch's model (default: true)",
      choiceOrText,
    )
    .option("--monitor <figure>", `valLoss or valAccuracy: decides the best epoch ${shown("monitor")}`)
    .option(
      "--split <kind>",
      "speaker, random, course or official (default: speaker, where speakers are known)",
    )
    .option(
      "--val-size <share>",
      `validation's share of the speakers or clips ${shown("valSize")}`,
      numberOrText,
    )
    .option("--test-size <share>", `the test's share ${shown("testSize")}`, numberOrText)
    .option("--labels <a,b,c>", "only these labels (default: all that the data has)", commaList)
    .option("--limit <n>", "take a sample of n clips, the same share of each label", numberOrText)
    .option("--sample-rate <hz>", "what folders of WAVs are resampled to (default: 8000)", numberOrText)
    .option("--seed <n>", `fixes every random choice ${shown("seed")}`, numberOrText)
    .option("--backend <name>", `auto, tensorflow, webgpu, wasm or cpu ${shown("backend")}`);
}

/** Each flag for itself: what is missing may be in the config file. */
async function checkSettingFlags(command: Command): Promise<void> {
  if (command.getOptionValue("resume") !== undefined) checkResumeFlags(command.opts<TrainFlags>());
  const flags = givenSettings(command, "cli");
  checkEachSetting(flags);
  const models: unknown[] = [flags.model ?? [], command.getOptionValue("models") ?? []].flat();
  if (models.length === 0) return;
  const { findModel } = await import("../../models/registry.js");
  for (const model of models) findModel(String(model));
}

function givenSettings(command: Command, source: "cli" | "config"): GivenSettings {
  return Object.fromEntries(
    Object.keys(settingsSchema.shape)
      .filter((key) => command.getOptionValueSource(key) === source)
      .map((key) => [key, command.getOptionValue(key)]),
  );
}

/** The settings of a training from a command's flags and the file that --config names: flag over file over default. */
export function settingsFromFlags(
  command: Command,
  others: GivenSettings = {},
  defaults: GivenSettings = {},
): TrainSettings {
  const from = (source: "cli" | "config") => givenSettings(command, source);
  const { config } = command.opts<CommonFlags>();
  const file = config === undefined ? undefined : { path: config, settings: from("config") };
  return resolveSettings({ ...from("cli"), ...others }, file, defaults);
}

/** What the file that --config names asks for in vain: a recipe may need more than its file can say. */
export function remarksOnConfig(command: Command, settings: TrainSettings): string[] {
  const { config } = command.opts<CommonFlags>();
  return idleSettings(settings, givenSettings(command, "config")).map(
    ({ key, partner }) => `${config}: ${key} counts for nothing without ${flagName(partner)}`,
  );
}

/** Runs a training with its progress shown, and Ctrl-C turned into a stop that saves the state. */
export async function withProgress<T>(
  output: Output,
  work: (hooks: TrainHooks) => Promise<T>,
  label = "",
): Promise<T> {
  const { TrainingProgress } = await import("../training-progress.js");
  const stop = new AbortController();
  const onInterrupt = () => {
    output.log("stopping: the state is being saved (Ctrl-C again to stop at once, without saving)");
    stop.abort();
  };
  process.once("SIGINT", onInterrupt);
  try {
    return await work({
      report: (line) => output.log(`${label}${line}`),
      onLoading: output.progress(`${label}reading the data`),
      onValidating: process.stderr.isTTY ? output.progress(`${label}validating`) : () => {},
      onTesting: output.progress(`${label}testing`),
      callbacks: [new TrainingProgress(output, label)],
      signal: stop.signal,
    });
  } finally {
    output.endBar();
    process.removeListener("SIGINT", onInterrupt);
  }
}

async function describeTraining(summary: TrainSummary, output: Output): Promise<string> {
  const { RunFolder } = await import("../../run/folder.js");
  const { keptEpoch } = await import("../../run/history.js");
  const { terminalCurves } = await import("../../plot/terminal/index.js");
  const { best, test } = summary;
  const run = new RunFolder(summary.run);
  const { saveBestOnly, monitor } = run.readConfig();
  const history = run.readHistory();
  const kept = keptEpoch(history, { monitor, saveBestOnly });
  const lines = (text: string) => wrapped(text, output.width, 2);
  return [
    terminalCurves(history, { kept, width: output.width, color: output.color }),
    "",
    ...lines(
      `${summary.model}: ${count(summary.params)} parameters, ${plural(summary.epochs, "epoch")} of ${duration(summary.secondsPerEpoch)} (${summary.examplesPerSecond.toFixed(0)} examples/s, ${summary.backend})`,
    ),
    `  (${percent(summary.batchWaitShare, 1)} of the time waiting for batches)`,
    `${saveBestOnly ? `best epoch ${best.epoch}` : `kept epoch ${best.epoch}, the newest`}: validation accuracy ${percent(best.valAccuracy)}, loss ${best.valLoss.toFixed(4)}`,
    paint(
      "bold",
      `test accuracy ${percent(test.accuracy)} of ${test.examples} clips, loss ${test.loss.toFixed(4)}`,
    ),
    `  (always answering "${test.baseline.label}" would get ${percent(test.baseline.accuracy)})`,
    ...lines(`saved to ${summary.run}; curves in ${run.curvesPngPath}`),
  ].join("\n");
}
