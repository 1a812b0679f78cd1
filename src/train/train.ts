import { existsSync } from "node:fs";
import { isAbsolute, join, resolve as resolvePath } from "node:path";
import { type StartedBackend, startBackend } from "../backend/start.js";
import { UserError, usageError } from "../base/errors.js";
import { packageVersion } from "../base/version.js";
import { noiseFor } from "../data/augment/noise.js";
import type { AugmentSettings } from "../data/augment/settings.js";
import type { BuildOptions, ModelDefinition } from "../models/definition.js";
import { checkFrontEnd, checkMasking, checkMaskSize, inputOf } from "../models/front-ends/front-end.js";
import { findModel } from "../models/registry.js";
import { type Dataset, loadDataset, loadRunDataset } from "../run/dataset.js";
import { type RunConfig, RunFolder } from "../run/folder.js";
import type { TrainSettings } from "../run/settings.js";
import { fitModel, type TrainHooks, TrainingInterrupted, type TrainSummary } from "./fit.js";
import { checkMemory } from "./memory.js";
import { checkOptimizer } from "./optimizers/optimizer.js";
import { checkTeachers, readTeacher, teacherFingerprints } from "./teacher.js";
import { checkSource, takeWeights } from "./transfer.js";

export { type TrainHooks, TrainingInterrupted, type TrainSummary };

/**
 * Finds wrong usage that the settings' own check leaves, before any file is looked at.
 *
 * @throws UserError (wrong usage)
 */
export function checkUsage(settings: TrainSettings): ModelDefinition {
  const definition = findModel(settings.model);
  checkFrontEnd(definition, settings.frontEnd);
  checkMasking(definition, settings.augment.specAugment);
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
  const { force = false } = options;
  const out = options.out ?? freeRunPath(settings.model);
  new RunFolder(out).checkFree(force);
  checkTeachers(settings.teacher ?? [], out);

  const backend = await startBackend(settings.backend, "training");
  const dataset = await loadDataset(settings, hooks.onLoading);
  if (hooks.signal?.aborted) throw new TrainingInterrupted();
  const { clips, labels, splitKind, split } = dataset;
  const { sampleRate } = clips;
  const { clipLength } = clips.samples;
  const shape = { labelCount: labels.length, sampleRate, clipLength };
  const build = () => definition.build(buildOptions(settings, shape));
  checkMemory(definition, buildOptions(settings, shape), backend.name, settings.emaDecay > 0);
  const model = build();
  checkMaskSize(model);
  const freezeEpochs =
    settings.from === undefined || (await takeWeights(model, settings.from, labels))
      ? settings.freezeEpochs
      : 0;

  const noise = await noiseFor(settings.augment, clips, split.train);

  const config: Omit<RunConfig, "format"> = {
    ...settings,
    freezeEpochs,
    // The only one that a model has is no setting: the run is one with those that did not name it.
    frontEnd: definition.frontEnds.length > 1 ? settings.frontEnd : undefined,
    data: settings.data.map(fullPath),
    ...(settings.teacher !== undefined && {
      teacher: settings.teacher.map(fullPath),
      teacherFingerprints: teacherFingerprints(settings.teacher),
    }),
    ...(settings.from !== undefined && { from: fullPath(settings.from) }),
    augment: withFullPath(settings.augment),
    labels,
    sampleRate,
    split: splitKind,
    backend: backend.name,
    keyspot: packageVersion,
    input: inputOf(definition, settings.frontEnd),
    params: model.countParams(),
    labelsChosen: settings.labels !== undefined,
    clipLength,
    sources: clips.sources.map((source) => ({ ...source, path: fullPath(source.path) })),
    ...(noise?.fingerprint !== undefined && { noiseFingerprint: noise.fingerprint }),
    examples: { train: split.train.length, val: split.val.length, test: split.test.length },
  };
  const teacher = await readTeacher(config);
  reportStart(hooks, dataset, backend);
  const run = beginRun(config, options.out, force);
  try {
    const stage = { resume: false, asksForMore: false };
    return await fitModel({ run, config, clips, split, noise, teacher, model, build, ...stage }, hooks);
  } catch (error) {
    // With a stored state it can go on once the disk has room again; without one it is of no use.
    if (!existsSync(run.lastStatePath)) run.discard();
    throw error;
  } finally {
    run.unlock();
  }
}

/** Begins it where it was asked for, or under the first name that is free now: another training may have taken one meanwhile. */
function beginRun(config: Omit<RunConfig, "format">, out: string | undefined, force: boolean): RunFolder {
  for (;;) {
    const run = new RunFolder(out ?? freeRunPath(config.model));
    try {
      run.begin(config, force);
      return run;
    } catch (error) {
      if (out !== undefined || !existsSync(run.path)) throw error;
    }
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
  const definition = modelOfRun(path, stored);
  run.lock();
  try {
    return await resumeLocked(run, definition, { ...stored, epochs }, epochs > stored.epochs, hooks);
  } finally {
    run.unlock();
  }
}

/** @throws UserError for a model that this version does not know: the run's fault, not its user's */
function modelOfRun(path: string, { model }: RunConfig): ModelDefinition {
  try {
    return findModel(model);
  } catch (error) {
    throw error instanceof UserError ? new UserError(`${path}: ${error.message}`, { cause: error }) : error;
  }
}

async function resumeLocked(
  run: RunFolder,
  definition: ModelDefinition,
  config: RunConfig,
  asksForMore: boolean,
  hooks: TrainHooks,
): Promise<TrainSummary> {
  const { path } = run;
  const backend = await startBackend(config.backend, "training");
  const dataset = await loadRunDataset(config, hooks.onLoading);
  if (hooks.signal?.aborted) throw new TrainingInterrupted(path);
  const { clips, split } = dataset;
  const noise = await noiseFor(config.augment, clips, split.train);
  if (config.noiseFingerprint !== undefined && noise?.fingerprint !== config.noiseFingerprint)
    throw new UserError(
      `the noise in ${config.augment.noise?.folder} has changed since the run was begun with it`,
    );
  const teacher = await readTeacher(config);
  reportStart(hooks, dataset, backend);
  const { sampleRate, clipLength, epochs } = config;
  const shape = { labelCount: config.labels.length, sampleRate, clipLength };
  const build = () => definition.build(buildOptions(config, shape));
  const model = build();
  const resume = !run.isAtStart();
  if (!resume) {
    hooks.report?.(`${path} was stopped before its first epoch was done: it begins again`);
    if (config.from !== undefined) await takeWeights(model, config.from, config.labels);
    run.removeFiles();
    run.updateConfig({ epochs });
  }
  const training = { run, config, clips, split, noise, teacher, model, build, resume, asksForMore };
  return fitModel(training, hooks);
}

/** What the model is built from, at the start of a run and when it goes on. */
function buildOptions(
  { width, seed, frontEnd, augment }: TrainSettings,
  shape: Pick<BuildOptions, "labelCount" | "sampleRate" | "clipLength">,
): BuildOptions {
  return { ...shape, width, seed, frontEnd, masking: augment.specAugment };
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
  if (splitKind === "official") for (const note of clips.officialNotes ?? []) hooks.report?.(note);
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
