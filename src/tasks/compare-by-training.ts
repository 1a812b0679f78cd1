import { join } from "node:path";
import { type CompareOptions, compareRuns, type DetailedComparison } from "../eval/compare.js";
import { RunFolder } from "../run/folder.js";
import type { TrainSettings } from "../run/settings.js";
import { checkUsage, type TrainHooks, train } from "../train/train.js";

export interface CompareByTrainingOptions extends Omit<CompareOptions, "data"> {
  /** The folder of the runs, each in a folder of its model's name. */
  out: string;
  /** Replaces runs that the folder holds. */
  force?: boolean;
  /** Calls `work` for each training with the hooks to watch it by. */
  watch?: (model: string, work: (hooks: TrainHooks) => Promise<unknown>) => Promise<unknown>;
}

/**
 * Trains models one after the other, then compares them on their test parts.
 *
 * @param trainings the settings of each, of different models
 * @throws UserError when one cannot be trained; usage and occupied folders are found before the first training starts
 */
export async function compareByTraining(
  trainings: readonly TrainSettings[],
  { out, force = false, watch = (_, work) => work({}), ...options }: CompareByTrainingOptions,
): Promise<DetailedComparison> {
  const pathOf = ({ model }: TrainSettings) => join(out, model);
  for (const settings of trainings) checkUsage(settings);
  for (const settings of trainings) new RunFolder(pathOf(settings)).checkFree(force);
  for (const settings of trainings)
    await watch(settings.model, (hooks) => train(settings, { out: pathOf(settings), force }, hooks));
  return compareRuns(trainings.map(pathOf), options);
}
