import { existsSync } from "node:fs";
import type * as tf from "@tensorflow/tfjs";
import { UserError, usageError } from "../base/errors.js";
import { labelIndices } from "../data/batches/batches.js";
import { PrefetchedBatches } from "../data/batches/prefetch.js";
import { computeMetrics, type Metrics } from "../eval/metrics.js";
import { checkFrontEnd, checkMasking } from "../models/front-ends/front-end.js";
import { findModel } from "../models/registry.js";
import { type EpochRecord, hasDiverged, RunFolder } from "../run/folder.js";
import { computeLogits, forwardPass } from "../run/logits.js";
import type { TrainSettings } from "../run/settings.js";
import { BestCheckpoint } from "./callbacks/best-checkpoint.js";
import { CurvesPicture } from "./callbacks/curves-picture.js";
import { EarlyStopping } from "./callbacks/early-stopping.js";
import { History } from "./callbacks/history.js";
import { LastState } from "./callbacks/last-state.js";
import { readState } from "./callbacks/state.js";
import { type Callback, type Position, runLoop, startPosition } from "./loop.js";
import { logitAdjustment } from "./loss.js";
import { checkOptimizer } from "./optimizers/make.js";
import { freeRunPath, prepare, type TrainHooks, type Training, TrainingInterrupted } from "./prepare.js";
import { learningRateSchedule } from "./schedule.js";
import { checkTeachers } from "./teacher.js";
import { Trainer } from "./trainer.js";
import { checkSource } from "./transfer.js";

export { type TrainHooks, TrainingInterrupted };

export interface TrainSummary {
  run: string;
  model: string;
  backend: string;
  /** Number of epochs done, including those before a resume. */
  epochs: number;
  params: number;
  best: { epoch: number; valLoss: number; valAccuracy: number };
  test: { loss: number; accuracy: number; examples: number; baseline: Metrics["baseline"] };
  secondsPerEpoch: number;
  /** Training examples per second; the time includes validation. */
  examplesPerSecond: number;
  /** Share of this call's training time that was spent waiting for batches. */
  batchWaitShare: number;
}

/**
 * Trains a model and writes its run folder.
 *
 * @param out the run folder; by default `checkpoints/<model>`, followed by a number where that is taken
 * @throws UserError for data, settings or an output folder that cannot be used; nothing is written then
 * @throws TrainingInterrupted when `hooks.signal` was raised
 */
export async function train(
  settings: TrainSettings,
  { out, force = false }: { out?: string | undefined; force?: boolean } = {},
  hooks: TrainHooks = {},
): Promise<TrainSummary> {
  checkUsage(settings);
  const path = out ?? freeRunPath(settings.model);
  new RunFolder(path).checkFree(force);
  checkTeachers(settings.teacher ?? [], path);

  const training = await prepare({ settings, out, force }, hooks);
  const { run } = training;
  try {
    return await runTraining(training, hooks);
  } catch (error) {
    // With a stored state it can be resumed, for example once the disk has room again; without one it is of
    // no use.
    if (!existsSync(run.lastStatePath)) run.discard();
    throw error;
  } finally {
    run.unlock();
  }
}

/**
 * Continues a run from its newest state, with its own settings. A run that was stopped before it had a state
 * begins again and gives the same result as if it had not been stopped.
 *
 * @param epochs the new total number of epochs; at least the run's own
 * @throws TrainingInterrupted when `hooks.signal` was raised
 */
export async function resumeTraining(
  path: string,
  options: { epochs?: number | undefined } = {},
  hooks: TrainHooks = {},
): Promise<TrainSummary> {
  const run = RunFolder.open(path);
  const stored = run.readConfig();
  const epochs = options.epochs ?? stored.epochs;
  if (epochs < stored.epochs)
    throw usageError(
      `--epochs: expected at least the ${stored.epochs} epochs that the run was begun with, found ${epochs}`,
    );
  run.lock();
  try {
    return await runTraining(await prepare({ run, config: { ...stored, epochs } }, hooks), hooks);
  } finally {
    run.unlock();
  }
}

/**
 * Finds wrong usage that the settings' own checks leave, before any data is read.
 *
 * @throws UserError (wrong usage)
 */
export function checkUsage(settings: TrainSettings): void {
  const definition = findModel(settings.model);
  checkFrontEnd(definition, settings.frontEnd);
  checkMasking(definition, settings.augment.specAugment);
  checkOptimizer(settings);
  checkSource(settings);
}

/**
 * Runs the epochs, reports how they ended and tests the best model.
 *
 * @throws UserError when no epoch was usable
 * @throws TrainingInterrupted when `hooks.signal` was raised
 */
async function runTraining(training: Training, hooks: TrainHooks): Promise<TrainSummary> {
  const { run, config, clips, split, noise } = training;
  const { labels, monitor, saveBestOnly, batchSize, seed, augment } = config;
  const truth = labelIndices(clips, labels);
  if (augment.noise !== undefined && noise === undefined)
    hooks.report?.(
      "augmentation: no noise is mixed in: the training part has no clip of silence, and no folder of noise is named",
    );

  const trainer = makeTrainer(training, truth, hooks);
  const history = new History(run);
  const best = new BestCheckpoint({ run, model: trainer.kept, monitor, saveBestOnly, report: hooks.report });
  const earlyStopping = config.earlyStop > 0 ? new EarlyStopping(monitor, config.earlyStop) : undefined;
  const callbacks: Callback[] = [...(hooks.callbacks ?? []), history, best];
  if (earlyStopping !== undefined) callbacks.push(earlyStopping);
  callbacks.push(new CurvesPicture(run, history.records, config));
  callbacks.push(new LastState({ run, trainer, others: [...callbacks] }));
  const position = training.resumes
    ? restore(training, trainer, callbacks, earlyStopping, hooks)
    : startPosition();

  const rows = split.train;
  const batches = new PrefetchedBatches({ clips, rows, labels: truth, batchSize, seed, augment, noise });
  const start = performance.now();
  const ending = await runLoop({
    trainer,
    batches,
    epochs: config.epochs,
    validate: () => evaluate(trainer.kept, split.val, hooks.onValidating),
    callbacks,
    position,
    signal: hooks.signal,
  }).finally(() => batches.close());
  const batchWaitShare = (1000 * batches.waitedSeconds) / (performance.now() - start);
  trainer.dispose();

  if (ending === "interrupted") throw new TrainingInterrupted(run.path);
  reportDivergence(config, history.records, best.best?.saved, hooks);
  if (ending === "stopped" && earlyStopping?.wantsStop)
    hooks.report?.(
      `stopped early: ${monitor} has not improved for ${config.earlyStop} epoch${config.earlyStop === 1 ? "" : "s"}`,
    );
  const bestModel = await run.readBest();
  const test = await evaluate(bestModel, split.test, hooks.onTesting);
  bestModel.dispose();
  if (test === undefined) throw new TrainingInterrupted(run.path);
  return summarize(training, history.records, best.best!.saved, test, batchWaitShare);

  /** Metrics on some rows; undefined when the signal was raised. */
  async function evaluate(
    model: tf.LayersModel,
    rows: Int32Array,
    onProgress?: (done: number, total: number) => void,
  ): Promise<Metrics | undefined> {
    const options = { onProgress, signal: hooks.signal };
    const logits = await computeLogits(forwardPass(model), labels.length, clips, rows, options);
    const expected = rows.map((row) => truth[row]!);
    return logits && computeMetrics(logits, expected, labels);
  }
}

function makeTrainer(
  { config, split, teacher, model, build }: Training,
  truth: Int32Array,
  hooks: TrainHooks,
): Trainer {
  const { epochs, batchSize, labels, learningRate, labelSmoothing, emaDecay } = config;
  const stepsPerEpoch = Math.ceil(split.train.length / batchSize);
  const frozenEpochs = config.from === undefined ? 0 : config.freezeEpochs;
  if (frozenEpochs >= epochs)
    hooks.report?.(
      `only the new last layer is trained: --freeze-epochs ${frozenEpochs} leaves none of --epochs ${epochs} to the rest of the model`,
    );
  const trained = Array.from(split.train, (row) => truth[row]!);
  const adjustment = logitAdjustment(trained, labels.length, config.logitAdjustment);
  return new Trainer({
    model,
    learningRate: learningRateSchedule(
      config.schedule,
      learningRate,
      epochs * stepsPerEpoch,
      Math.round(config.warmupEpochs * stepsPerEpoch),
    ),
    optimizer: config,
    loss: { labelSmoothing, adjustment, teacher },
    average: emaDecay > 0 ? { model: build(), decay: emaDecay } : undefined,
    frozenSteps: frozenEpochs * stepsPerEpoch,
  });
}

/** Reads the run's newest state into the trainer and the callbacks. Returns where the training stands. */
function restore(
  { run, config }: Training,
  trainer: Trainer,
  callbacks: readonly Callback[],
  earlyStopping: EarlyStopping | undefined,
  hooks: TrainHooks,
): Position {
  const { position, optimizerStep, callbacks: states } = readState(run, trainer.state);
  trainer.steps = optimizerStep;
  for (const callback of callbacks) {
    const state = states[callback.name];
    if (state !== undefined) callback.restore?.(state);
  }
  if (config.epochs > run.readConfig().epochs) earlyStopping?.resetPatience();
  run.updateConfig({ epochs: config.epochs }); // only now that the state has been read
  const more = "ask for more with --epochs";
  if (position.epoch > config.epochs)
    hooks.report?.(`${run.path} has all its ${config.epochs} epochs: ${more}`);
  else if (earlyStopping?.wantsStop)
    hooks.report?.(`${run.path} ended early, after epoch ${position.epoch - 1} of ${config.epochs}: ${more}`);
  else hooks.report?.(`resuming ${run.path} at epoch ${position.epoch}, batch ${position.batch + 1}`);
  return position;
}

/** Reports a training that diverged after its kept epoch. @throws UserError where no epoch is kept */
function reportDivergence(
  { learningRate, saveBestOnly }: Training["config"],
  history: readonly EpochRecord[],
  kept: number | undefined,
  hooks: TrainHooks,
): void {
  const { valLoss } = history.at(-1) ?? { valLoss: Number.NaN };
  const last = Number.isFinite(valLoss) ? valLoss.toPrecision(3) : "not a number";
  const smaller = `try a smaller --learning-rate than ${learningRate}`;
  if (kept === undefined)
    throw new UserError(
      `the training diverged: no epoch ended with a usable validation loss, the last with ${last}; ${smaller}`,
    );
  if (hasDiverged(valLoss))
    hooks.report?.(
      `the training diverged after epoch ${kept}, ${saveBestOnly ? "the best one" : "which is kept"}: the last ended with a validation loss of ${last}; ${smaller}`,
    );
}

function summarize(
  { run, config, split }: Training,
  history: readonly EpochRecord[],
  kept: number,
  test: Metrics,
  batchWaitShare: number,
): TrainSummary {
  const { epoch, valLoss, valAccuracy } = history.find((record) => record.epoch === kept)!;
  const seconds = history.reduce((sum, record) => sum + record.seconds, 0);
  return {
    run: run.path,
    model: config.model,
    backend: config.backend,
    epochs: history.length,
    params: config.params,
    best: { epoch, valLoss, valAccuracy },
    test: { loss: test.loss, accuracy: test.accuracy, examples: test.examples, baseline: test.baseline },
    secondsPerEpoch: seconds / history.length,
    examplesPerSecond: (split.train.length * history.length) / seconds,
    batchWaitShare,
  };
}
