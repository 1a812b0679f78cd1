import { usageError } from "../../base/errors.js";
import { defaultSettings, type TrainSettings } from "../../run/settings.js";
import type { LearningRateSchedule } from "../schedule.js";
import type { NamedVariable } from "../variables.js";
import { Adam } from "./adam.js";
import type { Optimizer } from "./optimizer.js";
import { Sgd } from "./sgd.js";

export type OptimizerSettings = Pick<TrainSettings, "optimizer" | "momentum" | "weightDecay">;

/** The optimizer that the settings name. */
export function makeOptimizer(
  { optimizer, momentum, weightDecay }: OptimizerSettings,
  variables: readonly NamedVariable[],
  learningRate: LearningRateSchedule,
): Optimizer {
  if (optimizer === "sgd") return new Sgd(variables, { learningRate, momentum, weightDecay });
  return new Adam(variables, { learningRate, weightDecay });
}

/** @throws UserError (wrong usage) for a weight decay or a momentum that the optimizer does not have */
export function checkOptimizer({ optimizer, weightDecay, momentum }: OptimizerSettings): void {
  if (optimizer !== "sgd" && momentum !== defaultSettings.momentum)
    throw usageError(`--momentum: ${optimizer} takes none, expected --optimizer sgd beside it`);
  if (optimizer === "adam" && weightDecay > 0)
    throw usageError("--weight-decay: Adam takes none, expected --optimizer adamw or sgd beside it");
}
