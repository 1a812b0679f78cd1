import { existsSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import type * as tf from "@tensorflow/tfjs";
import { type StartedBackend, startBackend } from "../backend/start.js";
import { UserError } from "../base/errors.js";
import { packageVersion } from "../base/version.js";
import { type KnownNoise, noiseFor } from "../data/augment/noise.js";
import type { AugmentSettings } from "../data/augment/settings.js";
import type { Clips, Split } from "../data/clips.js";
import type { ModelDefinition } from "../models/definition.js";
import { checkMaskSize, inputOf } from "../models/front-ends/front-end.js";
import { findModel } from "../models/registry.js";
import { type Dataset, loadDataset, loadRunDataset } from "../run/dataset.js";
import { type RunConfig, RunFolder } from "../run/folder.js";
import type { TrainSettings } from "../run/settings.js";
import { storedRunPath } from "../run/shipped.js";
import type { Callback } from "./loop.js";
import type { LossOptions } from "./loss.js";
import { checkMemory } from "./memory.js";
import { readTeacher, teacherFingerprints } from "./teacher.js";
import { takeWeights } from "./transfer.js";

/** How a caller watches a training and stops it. */
export interface TrainHooks {
  /** Receives one line for people as things happen. */
  report?: (line: string) => void;
  onLoading?: (done: number, total: number) => void;
  onValidating?: (done: number, total: number) => void;
  onTesting?: (done: number, total: number) => void;
  /** Run before the training's own callbacks. */
  callbacks?: readonly Callback[];
  /** Raised to stop: the newest state is stored and `TrainingInterrupted` thrown. */
  signal?: AbortSignal;
}

/** A training was stopped by its signal. Its state is stored in `run`, which `resumeTraining` continues. */
export class TrainingInterrupted extends Error {
  override name = "TrainingInterrupted";
  /** Undefined where the training had not begun. */
  readonly run: string | undefined;

  constructor(run?: string) {
    super(
      run === undefined
        ? "stopped before the training began: nothing was written"
        : `stopped; the state is saved in ${run}: continue with kws train --resume ${run}`,
    );
    this.run = run;
  }
}

/**
 * A training that is ready: data loaded, model built with its initial weights, run folder begun and locked.
 */
export interface Training {
  run: RunFolder;
  config: Omit<RunConfig, "format">;
  clips: Clips;
  split: Split;
  /** The noise that clips are mixed with, where the settings ask for it. */
  noise: KnownNoise | undefined;
  teacher: LossOptions["teacher"];
  model: tf.LayersModel;
  /** Builds another model like `model`. */
  build: () => tf.LayersModel;
  /** Whether the run's newest state is to be read into the model, the optimizer and the callbacks. */
  resumes: boolean;
}

/** A new run's settings and folder, or a run that was begun, with the config to continue it with. */
export type Source =
  | { settings: TrainSettings; out: string | undefined; force: boolean }
  | { run: RunFolder; config: RunConfig };

/**
 * Loads the data, builds the model with its initial weights and begins the run folder.
 *
 * @throws UserError for data, settings or an output folder that cannot be used; nothing is written then
 * @throws TrainingInterrupted when `hooks.signal` was raised
 */
export async function prepare(source: Source, hooks: TrainHooks): Promise<Training> {
  const begun = "run" in source ? source : undefined;
  const settings = "run" in source ? source.config : source.settings;
  const definition = begun === undefined ? findModel(settings.model) : modelOfRun(begun.run, begun.config);

  const backend = await startBackend(settings.backend, "training");
  const dataset = begun
    ? await loadRunDataset(begun.config, hooks.onLoading)
    : await loadDataset(settings, hooks.onLoading);
  if (hooks.signal?.aborted) throw new TrainingInterrupted(begun?.run.path);
  const { clips, split } = dataset;
  const noise = await noiseFor(settings.augment, clips, split.train);
  if (begun?.config.noiseFingerprint !== undefined && noise?.fingerprint !== begun.config.noiseFingerprint)
    throw new UserError(
      `the noise in ${settings.augment.noise?.folder} has changed since the run was begun with it`,
    );

  const { labels, sampleRate, clipLength } = begun?.config ?? {
    labels: dataset.labels,
    sampleRate: clips.sampleRate,
    clipLength: clips.samples.clipLength,
  };
  const { width, seed, frontEnd, augment } = settings;
  const shape = { labelCount: labels.length, sampleRate, clipLength };
  const options = { ...shape, width, seed, frontEnd, masking: augment.specAugment };
  if (begun === undefined) checkMemory(definition, options, backend.name, settings.emaDecay > 0);
  const build = () => definition.build(options);
  const model = build();
  if (begun === undefined) checkMaskSize(model);

  // Initial weights. Resumed: the trainer reads the run's own state. Transferred: another run's. New: as they
  // were drawn.
  const resumes = begun !== undefined && !begun.run.isAtStart();
  let newHead = true;
  if (!resumes && settings.from !== undefined) newHead = await takeWeights(model, settings.from, labels);

  const config =
    begun?.config ?? newConfig(settings, { definition, dataset, backend, noise, model, newHead });
  const teacher = await readTeacher(config);
  reportStart(hooks, dataset, backend);
  const run = "run" in source ? source.run : beginRun(config, source.out, source.force);
  if (begun !== undefined && !resumes) {
    hooks.report?.(`${run.path} was stopped before its first epoch was done: it begins again`);
    run.removeFiles();
    run.updateConfig({ epochs: config.epochs });
  }
  return { run, config, clips, split, noise, teacher, model, build, resumes };
}

/** @throws UserError for a model that this version does not know: the run is at fault, not its user */
function modelOfRun({ path }: RunFolder, { model }: RunConfig): ModelDefinition {
  try {
    return findModel(model);
  } catch (error) {
    throw error instanceof UserError ? new UserError(`${path}: ${error.message}`, { cause: error }) : error;
  }
}

interface Prepared {
  definition: ModelDefinition;
  dataset: Dataset;
  backend: StartedBackend;
  noise: KnownNoise | undefined;
  model: tf.LayersModel;
  newHead: boolean;
}

function newConfig(
  settings: TrainSettings,
  { definition, dataset, backend, noise, model, newHead }: Prepared,
): Omit<RunConfig, "format"> {
  const { clips, labels, splitKind, split } = dataset;
  return {
    ...settings,
    freezeEpochs: newHead ? settings.freezeEpochs : 0,
    // A model's only front end is not a setting: the run equals one that does not name it.
    frontEnd: definition.frontEnds.length > 1 ? settings.frontEnd : undefined,
    data: settings.data.map(fullPath),
    ...(settings.teacher !== undefined && {
      teacher: settings.teacher.map(storedRunPath),
      teacherFingerprints: teacherFingerprints(settings.teacher),
    }),
    ...(settings.from !== undefined && { from: storedRunPath(settings.from) }),
    augment: withFullPath(settings.augment),
    labels,
    sampleRate: clips.sampleRate,
    split: splitKind,
    backend: backend.name,
    keyspot: packageVersion,
    input: inputOf(definition, settings.frontEnd),
    params: model.countParams(),
    labelsChosen: settings.labels !== undefined,
    clipLength: clips.samples.clipLength,
    sources: clips.sources.map((source) => ({ ...source, path: fullPath(source.path) })),
    ...(noise?.fingerprint !== undefined && { noiseFingerprint: noise.fingerprint }),
    examples: { train: split.train.length, val: split.val.length, test: split.test.length },
  };
}

/** A path that holds in any working folder; `sample`, the packaged data, keeps its name. */
function fullPath(path: string): string {
  return path === "sample" || isAbsolute(path) ? path : resolve(path);
}

function withFullPath(augment: AugmentSettings): AugmentSettings {
  const { noise } = augment;
  return noise?.folder === undefined
    ? augment
    : { ...augment, noise: { ...noise, folder: fullPath(noise.folder) } };
}

/** Begins the run at `out`, or under the first free name: another training may have taken one meanwhile. */
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

/** `checkpoints/<name>`, followed by `-2`, `-3`, … where that is taken. */
export function freeRunPath(name: string): string {
  for (let i = 1; ; i++) {
    const path = join("checkpoints", i === 1 ? name : `${name}-${i}`);
    if (!existsSync(path)) return path;
  }
}

function reportStart(hooks: TrainHooks, { clips, split, splitKind }: Dataset, backend: StartedBackend): void {
  const { train, val, test } = split;
  const notes = {
    speaker: "no speaker in two parts",
    random: "clips drawn at random: where speakers recur, figures are optimistic",
    course:
      "the course's protocol: validation is the test part, so the best epoch is chosen on it and figures are optimistic",
    official: "the data set's own lists",
  };
  hooks.report?.(
    `data: ${clips.samples.count} clips at ${clips.sampleRate} Hz; ${train.length} to train, ${val.length} to validate, ${test.length} to test`,
  );
  hooks.report?.(`split: ${splitKind} (${notes[splitKind]})`);
  if (splitKind === "official") for (const note of clips.officialNotes ?? []) hooks.report?.(note);
  hooks.report?.(`backend: ${backend.name} (${backend.device})`);
}
