import * as tf from "@tensorflow/tfjs";
import { UserError, usageError } from "../base/errors.js";
import { findModel } from "../models/registry.js";
import { RunFolder } from "../run/folder.js";
import { flagName, type TrainSettings } from "../run/settings.js";
import { headWeights, modelVariables } from "./variables.js";

/** The settings of a run that a training from its model must share. */
export function settingsOfSource(
  path: string,
): Pick<TrainSettings, "model" | "width" | "frontEnd" | "sampleRate"> {
  const { model, width, frontEnd, sampleRate } = RunFolder.open(path).readConfig();
  return { model, width, sampleRate, ...(frontEnd && { frontEnd }) };
}

/** @throws UserError (wrong usage) for settings that give another model than that of the run `from` */
export function checkSource(settings: TrainSettings): void {
  if (settings.from === undefined) return;
  const source = settingsOfSource(settings.from);
  const [ownFrontEnd] = findModel(settings.model).frontEnds; // that of a run whose config names none
  const expected = { frontEnd: ownFrontEnd, ...source };
  const found = { ...settings, frontEnd: settings.frontEnd ?? ownFrontEnd };
  for (const key of ["model", "width", "frontEnd", "sampleRate"] as const) {
    if (found[key] !== expected[key]) {
      throw usageError(
        `${flagName(key)}: the model of --from ${settings.from} cannot be changed; expected ${expected[key]}, found ${found[key] ?? "none"}`,
      );
    }
  }
}

/**
 * Sets the model's weights to those of the run at `from`. The head, its last layer, keeps its initial weights
 * where the labels differ.
 *
 * @returns whether the head is new
 * @throws UserError where the run has no model, or one of another shape
 */
export async function takeWeights(
  model: tf.LayersModel,
  from: string,
  labels: readonly string[],
): Promise<boolean> {
  const run = RunFolder.open(from);
  const known = run.readConfig().labels;
  const newHead = known.length !== labels.length || known.some((label, i) => label !== labels[i]);
  const head = headWeights(model);
  const source = await run.readBest();
  const found = new Map(modelVariables(source, "all").map(({ name, variable }) => [name, variable]));
  for (const { name, variable } of modelVariables(model, "all")) {
    if (newHead && head.has(variable)) continue;
    const weight = found.get(name);
    if (weight === undefined || !tf.util.arraysEqual(weight.shape, variable.shape)) {
      throw new UserError(
        `--from ${from}: expected weights ${name} [${variable.shape}], found ${weight === undefined ? "none" : `[${weight.shape}]`}`,
      );
    }
    tf.tidy(() => variable.assign(weight.clone()));
  }
  source.dispose();
  return newHead;
}
