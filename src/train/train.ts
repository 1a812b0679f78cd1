import { existsSync } from "node:fs";
import { isAbsolute, join, resolve as resolvePath } from "node:path";
import type * as tf from "@tensorflow/tfjs";
import { isAsynchronous, type StartedBackend, startBackend } from "../backend/index.js";
import { type KnownNoise, noiseFor } from "../data/augment/noise.js";
import type { AugmentSettings } from "../data/augment/settings.js";
import { labelIndices } from "../data/batches.js";
import type { Clips, Split } from "../data/clips.js";
import { type Dataset, loadDataset, loadRunDataset } from "../data/dataset.js";
import { PrefetchedBatches } from "../data/prefetch.js";
import { UserError, usageError } from "../errors.js";
import { classify } from "../eval/classify.js";
import { computeMetrics, type Metrics } from "../eval/metrics.js";
import { writeFileAtomic } from "../files.js";
import type { BuildOptions, ModelDefinition, TrainingStep } from "../models/definition.js";
import { checkFrontEnd } from "../models/front-end.js";
import { findModel } from "../models/registry.js";
import { checkModelSize } from "../models/size.js";
import { curvesSvg } from "../plot/curves.js";
import { svgToPng } from "../plot/png.js";
import { type EpochRecord, hasDiverged, type RunConfig, RunFolder } from "../run.js";
import type { TrainSettings } from "../settings.js";
import { packageVersion } from "../version.js";
import { modelVariables } from "./adam.js";
import { WeightAverage } from "./average.js";
import { BestCheckpoint, CurvesPicture, EarlyStopping, History, LastState } from "./callbacks.js";
import { readState } from "./checkpoint.js";
import { type Callback, runLoop, startPosition } from "./loop.js";
import { type LossOptions, makeLoss } from "./loss.js";
import { checkOptimizer, makeOptimizer } from "./optimizer.js";
import { learningRateSchedule } from "./schedule.js";
import { checkSource, freezeBody, takeWeights } from "./transfer.js";

/** How a caller watches a training and stops it. */
export interface TrainHooks {
  /** One line for people, as things happen. */
  report?: (line: string) => void;
  onLoading?: (done: number, total: number) => void;
  onValidating?: (done: number, total: number) => void;
  onTesting?: (done: number, total: number) => void;
  /** Run before the training's own callbacks. */
  callbacks?: readonly Callback[];
  /** Raised to stop: the newest state is stored and `TrainingInterrupted` thrown. */
  signal?: AbortSignal;
}

export interface TrainSummary {
  run: string;
  model: string;
  backend: string;
  /** Epochs that are done, those before a resume too. */
  epochs: number;
  params: number;
  best: { epoch: number; valLoss: number; valAccuracy: number };
  test: { loss: number; accuracy: number; examples: number; baseline: Metrics["baseline"] };
  secondsPerEpoch: number;
  /** Training examples a second, validation's time included. */
  examplesPerSecond: number;
  /** The share of this call's training that was spent waiting for batches that were not ready. */
  batchWaitShare: number;
}

/** A training was stopped by its signal; its state is stored in `run`, which `resumeTraining` goes on from. */
export class TrainingInterrupted extends Error {
  override name = "TrainingInterrupted";
  /** Undefined where nothing was begun yet. */
  readonly run: string | undefined;

  constructor(run?: string) {
    super(
      run === undefined
        ? "stopped before the training began: nothing was written"
        : `stopped; the state is saved in ${run}: go on with kws train --resume ${run}`,
    );
    this.run = run;
  }
}

/**
 * Finds wrong usage that the settings' own check leaves, before any file is looked at.
 *
 * @throws UserError (wrong usage)
 */
export function checkUsage(settings: TrainSettings): ModelDefinition {
  const definition = findModel(settings.model);
  checkFrontEnd(definition, settings.frontEnd);
  checkOptimizer(settings);
  checkSource(settings);
  return definition;
}

/**
 * Trains a model and writes its run folder.
 *
 * @param out the run folder; by default `checkpoints/<model>`, with a number behind it where that is taken
 * @throws UserError for data, settings or an output folder that will not do; nothing is written then
 * @throws TrainingInterrupted when `hooks.signal` was raised
 */
export async function train(
  settings: TrainSettings,
  options: { out?: string | undefined; force?: boolean } = {},
  hooks: TrainHooks = {},
): Promise<TrainSummary> {
  const definition = checkUsage(settings);
  const run = new RunFolder(options.out ?? freeRunPath(settings.model));
  run.checkFree(options.force ?? false);

  const backend = await startBackend(settings.backend, "training");
  const dataset = await loadDataset(settings, hooks.onLoading);
  if (hooks.signal?.aborted) throw new TrainingInterrupted();
  const { clips, labels, splitKind, split } = dataset;
  const { sampleRate } = clips;
  const { clipLength } = clips.samples;
  const step = { index: 0 };
  const shape = { labelCount: labels.length, sampleRate, clipLength };
  const build = () => definition.build(buildOptions(settings, shape, step));
  checkModelSize(definition, buildOptions(settings, shape, step), backend.name);
  const model = build();
  const freezeEpochs =
    settings.from === undefined || (await takeWeights(model, settings.from, labels))
      ? settings.freezeEpochs
      : 0;

  const noise = await noiseFor(settings.augment, clips, split.train);

  const config: Omit<RunConfig, "format"> = {
    ...settings,
    freezeEpochs,
    data: settings.data.map(fullPath),
    ...(settings.teacher !== undefined && { teacher: fullPath(settings.teacher) }),
    ...(settings.from !== undefined && { from: fullPath(settings.from) }),
    augment: withFullPath(settings.augment),
    labels,
    sampleRate,
    split: splitKind,
    backend: backend.name,
    keyspot: packageVersion,
    input: definition.input,
    params: model.countParams(),
    labelsChosen: settings.labels !== undefined,
    clipLength,
    sources: clips.sources.map((source) => ({ ...source, path: fullPath(source.path) })),
    ...(noise?.fingerprint !== undefined && { noiseFingerprint: noise.fingerprint }),
    examples: { train: split.train.length, val: split.val.length, test: split.test.length },
  };
  const teacher = await readTeacher(config);
  reportStart(hooks, dataset, backend);
  try {
    run.begin(config);
    const training = { run, config, clips, split, noise, teacher, model, build, step, resume: false };
    return await runTraining(training, hooks);
  } catch (error) {
    // With a stored state it can go on once the disk has room again; without one it is of no use.
    if (!existsSync(run.lastStatePath)) run.discard();
    throw error;
  }
}

/**
 * Goes on with a run from its newest state, with its own settings; one that was stopped before it had a state begins again,
 * and becomes what it would have been.
 *
 * @param epochs more epochs than the run asked for; never fewer
 */
export async function resumeTraining(
  path: string,
  options: { epochs?: number | undefined } = {},
  hooks: TrainHooks = {},
): Promise<TrainSummary> {
  const run = new RunFolder(path);
  const stored = run.readConfig();
  const epochs = options.epochs ?? stored.epochs;
  if (epochs < stored.epochs) {
    throw usageError(
      `--epochs: the run was asked for ${stored.epochs} epochs, expected at least as many, found ${epochs}`,
    );
  }
  const backend = await startBackend(stored.backend, "training");
  const dataset = await loadRunDataset(stored, hooks.onLoading);
  if (hooks.signal?.aborted) throw new TrainingInterrupted(path);
  const { clips, split } = dataset;
  const noise = await noiseFor(stored.augment, clips, split.train);
  if (stored.noiseFingerprint !== undefined && noise?.fingerprint !== stored.noiseFingerprint)
    throw new UserError(
      `the noise in ${stored.augment.noise?.folder} has changed since the run was begun with it`,
    );
  const teacher = await readTeacher(stored);
  reportStart(hooks, dataset, backend);
  const step = { index: 0 };
  const { sampleRate, clipLength } = stored;
  const shape = { labelCount: stored.labels.length, sampleRate, clipLength };
  const build = () => findModel(stored.model).build(buildOptions(stored, shape, step));
  const model = build();
  const config = { ...stored, epochs };
  const resume = !run.isAtStart();
  if (!resume) {
    hooks.report?.(`${path} was stopped before its first epoch was done: it begins again`);
    if (stored.from !== undefined) await takeWeights(model, stored.from, stored.labels);
    run.removeFiles();
    run.updateConfig({ epochs });
  }
  return runTraining({ run, config, clips, split, noise, teacher, model, build, step, resume }, hooks);
}

/** What the model is built from, at the start of a run and when it goes on. */
function buildOptions(
  { width, seed, frontEnd, augment }: TrainSettings,
  shape: Pick<BuildOptions, "labelCount" | "sampleRate" | "clipLength">,
  step: TrainingStep,
): BuildOptions {
  return { ...shape, width, seed, step, frontEnd, masking: augment.specAugment };
}

interface Training {
  run: RunFolder;
  config: Omit<RunConfig, "format">;
  clips: Clips;
  split: Split;
  /** What clips are mixed with, where the settings ask for noise. */
  noise: KnownNoise | undefined;
  teacher: LossOptions["teacher"];
  model: tf.LayersModel;
  /** Another model like it. */
  build: () => tf.LayersModel;
  step: TrainingStep;
  resume: boolean;
}

async function runTraining(training: Training, hooks: TrainHooks): Promise<TrainSummary> {
  const { run, config, clips, split, model, teacher } = training;
  const { labels, monitor } = config;
  const truth = labelIndices(clips, labels);
  const frozenSteps =
    config.from === undefined ? 0 : config.freezeEpochs * Math.ceil(split.train.length / config.batchSize);
  const variables = freezeBody(model, modelVariables(model, "trainable"), frozenSteps);
  const optimizer = makeOptimizer(config, variables);
  // What is validated and kept: the model itself, or its average.
  const kept = config.emaDecay > 0 ? training.build() : model;
  const average = kept === model ? undefined : new WeightAverage(model, kept, config.emaDecay);

  const history = new History(run);
  const best = new BestCheckpoint({
    run,
    model: kept,
    monitor,
    saveBestOnly: config.saveBestOnly,
    ...(hooks.report && { report: hooks.report }),
  });
  const callbacks: Callback[] = [...(hooks.callbacks ?? []), history, best];
  if (config.earlyStop > 0) callbacks.push(new EarlyStopping(monitor, config.earlyStop));
  callbacks.push(new CurvesPicture(() => drawCurves(run, history.records)));
  const stored = [
    ...modelVariables(model, "all"),
    ...optimizer.slotVariables(),
    ...(average?.slotVariables() ?? []),
  ];
  callbacks.push(new LastState({ run, variables: stored, optimizer, others: [...callbacks] }));

  const position = startPosition();
  if (training.resume) {
    const state = readState(run, stored);
    Object.assign(position, state.position);
    optimizer.step = state.optimizerStep;
    for (const callback of callbacks) {
      const kept = state.callbacks[callback.name];
      if (kept !== undefined) callback.restore?.(kept);
    }
    run.updateConfig({ epochs: config.epochs }); // only now: more may have been asked for
    hooks.report?.(
      position.epoch > config.epochs
        ? `${run.path} has all its ${config.epochs} epochs: more are asked for with --epochs`
        : `resuming ${run.path} at epoch ${position.epoch}, batch ${position.batch + 1}`,
    );
  }

  const batches = startBatches(training, truth, hooks);
  const start = performance.now();
  const ending = await runLoop({
    model,
    variables,
    optimizer,
    loss: makeLoss({ labelSmoothing: config.labelSmoothing, teacher }),
    afterUpdate: average && ((step) => average.follow(step)),
    step: training.step,
    batches,
    epochs: config.epochs,
    learningRate: learningRateSchedule(
      config.schedule,
      config.learningRate,
      config.epochs * batches.count,
      Math.round(config.warmupEpochs * batches.count),
    ),
    validate: () => evaluateRows(kept, clips, split.val, truth, labels, hooks.onValidating, hooks.signal),
    callbacks,
    position,
    readEvery: isAsynchronous(config.backend) ? 16 : 1,
    signal: hooks.signal,
  }).finally(() => batches.close());
  const batchWaitShare = (1000 * batches.waitedSeconds) / (performance.now() - start);
  optimizer.dispose();
  model.dispose();
  if (kept !== model) kept.dispose();
  teacher?.model.dispose();
  if (ending === "interrupted") throw new TrainingInterrupted(run.path);
  const smaller = `try a smaller --learning-rate than ${config.learningRate}`;
  const lastLoss = history.records.at(-1)!.valLoss;
  if (best.best === undefined) {
    throw new UserError(
      `the training diverged: no epoch ended with a usable validation loss, the last with ${lossInWords(lastLoss)}; ${smaller}`,
    );
  }
  if (hasDiverged(lastLoss))
    hooks.report?.(
      `the training diverged after epoch ${best.best.epoch}, the best one: the last ended with a validation loss of ${lossInWords(lastLoss)}; ${smaller}`,
    );
  if (ending === "stopped")
    hooks.report?.(
      `stopped early: ${monitor} has not improved for ${config.earlyStop} epoch${config.earlyStop === 1 ? "" : "s"}`,
    );

  const bestModel = await run.readBest();
  const test = await evaluateRows(bestModel, clips, split.test, truth, labels, hooks.onTesting, hooks.signal);
  bestModel.dispose();
  if (test === undefined) throw new TrainingInterrupted(run.path);
  const { epoch, valLoss, valAccuracy } = history.records.find(
    (record) => record.epoch === best.best!.saved,
  )!;
  const seconds = history.records.reduce((sum, record) => sum + record.seconds, 0);
  return {
    run: run.path,
    model: config.model,
    backend: config.backend,
    epochs: history.records.length,
    params: config.params,
    best: { epoch, valLoss, valAccuracy },
    test: { loss: test.loss, accuracy: test.accuracy, examples: test.examples, baseline: test.baseline },
    secondsPerEpoch: seconds / history.records.length,
    examplesPerSecond: (split.train.length * history.records.length) / seconds,
    batchWaitShare,
  };
}

/**
 * The model of the run that `--teacher` names.
 *
 * @throws UserError where it tells other labels apart, or hears other clips
 */
async function readTeacher(config: Training["config"]): Promise<LossOptions["teacher"]> {
  if (config.teacher === undefined) return undefined;
  const run = new RunFolder(config.teacher);
  const { labels, sampleRate, clipLength } = run.readConfig();
  const inWords = (of: Pick<RunConfig, "labels" | "sampleRate" | "clipLength">) =>
    `labels ${of.labels.join(", ")}; ${of.clipLength} samples at ${of.sampleRate} Hz`;
  const [found, expected] = [inWords({ labels, sampleRate, clipLength }), inWords(config)];
  if (found !== expected)
    throw new UserError(
      `--teacher ${config.teacher} is for other data: expected ${expected}; found ${found}`,
    );
  return { model: await run.readBest(), weight: config.teacherWeight, temperature: config.temperature };
}

function lossInWords(loss: number): string {
  return Number.isFinite(loss) ? loss.toPrecision(3) : "no number";
}

function startBatches(
  { config, clips, split, noise }: Training,
  labels: Int32Array,
  hooks: TrainHooks,
): PrefetchedBatches {
  const { augment, batchSize, seed } = config;
  if (augment.noise !== undefined && noise === undefined) {
    hooks.report?.(
      "augmentation: no noise is mixed in, since the training part has no clip of silence and no folder of noise is named",
    );
  }
  return new PrefetchedBatches({ clips, rows: split.train, labels, batchSize, seed, augment, noise });
}

async function evaluateRows(
  model: tf.LayersModel,
  clips: Clips,
  rows: Int32Array,
  truth: Int32Array,
  labels: readonly string[],
  onProgress?: (done: number, total: number) => void,
  signal?: AbortSignal,
): Promise<Metrics | undefined> {
  const answers = await classify(model, clips, rows, { onProgress, signal });
  return (
    answers &&
    computeMetrics(
      answers,
      rows.map((row) => truth[row]!),
      labels,
    )
  );
}

async function drawCurves(run: RunFolder, history: readonly EpochRecord[]): Promise<void> {
  const svg = await curvesSvg(history);
  writeFileAtomic(run.curvesSvgPath, svg);
  writeFileAtomic(run.curvesPngPath, await svgToPng(svg));
}

function reportStart(hooks: TrainHooks, { clips, split, splitKind }: Dataset, backend: StartedBackend): void {
  const { train, val, test } = split;
  const notes = {
    speaker: "no speaker in two parts",
    random: "clips drawn at random: where speakers recur, figures flatter",
    course:
      "the course's protocol: validation is the test part, so that the best epoch is chosen on it and figures flatter",
    official: "the data set's own lists",
  };
  hooks.report?.(
    `data: ${clips.samples.count} clips at ${clips.sampleRate} Hz; ${train.length} to train, ${val.length} to validate, ${test.length} to test`,
  );
  hooks.report?.(`split: ${splitKind} (${notes[splitKind]})`);
  hooks.report?.(`backend: ${backend.name} (${backend.device})`);
}

/** `checkpoints/<name>`, or with `-2`, `-3`, … behind it where that is taken. */
export function freeRunPath(name: string): string {
  for (let i = 1; ; i++) {
    const path = join("checkpoints", i === 1 ? name : `${name}-${i}`);
    if (!existsSync(path)) return path;
  }
}

function withFullPath(augment: AugmentSettings): AugmentSettings {
  const { noise } = augment;
  return noise?.folder === undefined
    ? augment
    : { ...augment, noise: { ...noise, folder: fullPath(noise.folder) } };
}

/** A data path that still holds when a run is used from another folder; the packaged sample keeps its name. */
function fullPath(path: string): string {
  return path === "sample" || isAbsolute(path) ? path : resolvePath(path);
}
