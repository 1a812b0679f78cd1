import type * as tf from "@tensorflow/tfjs";
import { isAsynchronous } from "../backend/start.js";
import { UserError } from "../base/errors.js";
import { writeFileAtomic } from "../base/files.js";
import type { KnownNoise } from "../data/augment/noise.js";
import { labelIndices } from "../data/batches/batches.js";
import { PrefetchedBatches } from "../data/batches/prefetch.js";
import type { Clips, Split } from "../data/clips.js";
import { computeMetrics, type Metrics } from "../eval/metrics.js";
import { curvesSvg } from "../plot/curves.js";
import { svgToPng } from "../plot/png.js";
import { type EpochRecord, hasDiverged, type RunConfig, type RunFolder } from "../run/folder.js";
import { keptEpoch } from "../run/history.js";
import { classify } from "../run/logits.js";
import { BestCheckpoint, CurvesPicture, EarlyStopping, History, LastState } from "./callbacks/callbacks.js";
import { readState } from "./callbacks/checkpoint.js";
import { type Callback, type Position, runLoop, startPosition } from "./loop.js";
import { type LossOptions, logitAdjustment, makeLoss } from "./loss.js";
import { modelVariables, type NamedVariable } from "./optimizers/adam.js";
import { WeightAverage } from "./optimizers/average.js";
import { makeOptimizer, type Optimizer } from "./optimizers/optimizer.js";
import { learningRateSchedule } from "./schedule.js";
import { freezeBody } from "./transfer.js";

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

/** A training that is ready: its data read, its model built, its run folder begun. */
export interface Training {
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
  resume: boolean;
  /** Whether it is gone on with for more epochs than before. */
  asksForMore: boolean;
}

/**
 * Runs the epochs, tells how they ended and tests the best model.
 *
 * @throws UserError when no epoch was of any use
 * @throws TrainingInterrupted when `hooks.signal` was raised
 */
export async function fitModel(training: Training, hooks: TrainHooks): Promise<TrainSummary> {
  const { run, config, clips, split, model, teacher } = training;
  const { labels, monitor } = config;
  const truth = labelIndices(clips, labels);
  const trained = Array.from(split.train, (row) => truth[row]!);
  const adjustment = logitAdjustment(trained, labels.length, config.logitAdjustment);
  const frozenSteps =
    config.from === undefined ? 0 : config.freezeEpochs * Math.ceil(split.train.length / config.batchSize);
  if (frozenSteps > 0 && config.freezeEpochs >= config.epochs)
    hooks.report?.(
      `only the new last layer is trained: --freeze-epochs ${config.freezeEpochs} leaves none of --epochs ${config.epochs} to the rest of the model`,
    );
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
  const earlyStopping = config.earlyStop > 0 ? new EarlyStopping(monitor, config.earlyStop) : undefined;
  if (earlyStopping !== undefined) callbacks.push(earlyStopping);
  callbacks.push(new CurvesPicture(() => drawCurves(run, history.records, config)));
  const stored = [
    ...modelVariables(model, "all"),
    ...optimizer.slotVariables(),
    ...(average?.slotVariables() ?? []),
  ];
  callbacks.push(new LastState({ run, variables: stored, optimizer, others: [...callbacks] }));
  const position = training.resume
    ? restore(training, stored, optimizer, callbacks, earlyStopping, hooks)
    : startPosition();

  const batches = startBatches(training, truth, hooks);
  const start = performance.now();
  const ending = await runLoop({
    model,
    variables,
    state: stored,
    optimizer,
    loss: makeLoss({ labelSmoothing: config.labelSmoothing, adjustment, teacher }),
    afterUpdate: average && ((step) => average.follow(step)),
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
  for (const model of teacher?.models ?? []) model.dispose();

  if (ending === "interrupted") throw new TrainingInterrupted(run.path);
  checkNotDiverged(config, history.records, best.best?.saved, hooks);
  if (ending === "stopped" && earlyStopping?.wantsStop)
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

/** Reads the run's newest state into the variables, the optimizer and the callbacks; says where the training stands. */
function restore(
  { run, config, asksForMore }: Training,
  stored: readonly NamedVariable[],
  optimizer: Optimizer,
  callbacks: readonly Callback[],
  earlyStopping: EarlyStopping | undefined,
  hooks: TrainHooks,
): Position {
  const { position, optimizerStep, callbacks: states } = readState(run, stored);
  optimizer.step = optimizerStep;
  for (const callback of callbacks) {
    const state = states[callback.name];
    if (state !== undefined) callback.restore?.(state);
  }
  run.updateConfig({ epochs: config.epochs }); // only now: more may have been asked for
  if (asksForMore) earlyStopping?.goOn();
  const more = "more are asked for with --epochs";
  if (position.epoch > config.epochs)
    hooks.report?.(`${run.path} has all its ${config.epochs} epochs: ${more}`);
  else if (earlyStopping?.wantsStop)
    hooks.report?.(`${run.path} ended early, after epoch ${position.epoch - 1} of ${config.epochs}: ${more}`);
  else hooks.report?.(`resuming ${run.path} at epoch ${position.epoch}, batch ${position.batch + 1}`);
  return position;
}

/** Reports a training that diverged after the epoch that is kept. @throws UserError for one that keeps none */
function checkNotDiverged(
  { learningRate, saveBestOnly }: Training["config"],
  history: readonly EpochRecord[],
  keptNumber: number | undefined,
  hooks: TrainHooks,
): void {
  const { valLoss } = history.at(-1) ?? { valLoss: Number.NaN };
  const last = Number.isFinite(valLoss) ? valLoss.toPrecision(3) : "no number";
  const smaller = `try a smaller --learning-rate than ${learningRate}`;
  if (keptNumber === undefined)
    throw new UserError(
      `the training diverged: no epoch ended with a usable validation loss, the last with ${last}; ${smaller}`,
    );
  if (hasDiverged(valLoss))
    hooks.report?.(
      `the training diverged after epoch ${keptNumber}, ${saveBestOnly ? "the best one" : "which is kept"}: the last ended with a validation loss of ${last}; ${smaller}`,
    );
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

async function drawCurves(
  run: RunFolder,
  history: readonly EpochRecord[],
  config: Training["config"],
): Promise<void> {
  const svg = await curvesSvg(history, keptEpoch(history, config));
  writeFileAtomic(run.curvesSvgPath, svg);
  writeFileAtomic(run.curvesPngPath, await svgToPng(svg));
}
