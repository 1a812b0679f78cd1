import type * as tf from "@tensorflow/tfjs";
import { usageError } from "../../base/errors.js";
import { defaultSettings, type TrainSettings } from "../../run/settings.js";
import { Adam, type NamedVariable } from "./adam.js";
import { Sgd } from "./sgd.js";

/** What changes the weights by their gradients. */
export interface Optimizer {
  /** Updates begun so far. */
  step: number;
  /** Begins the next update. */
  next(learningRate: number): void;
  /** Updates every variable from its gradient, found by the variable's own name: the part that is made of tensors. */
  update(gradients: tf.NamedTensorMap): void;
  /** What must be stored, beside `step`, to go on exactly. */
  slotVariables(): NamedVariable[];
  dispose(): void;
}

/** Whether weight decay shrinks the variable: kernels, but not biases, scales and shifts. */
export function decays(variable: tf.Variable): boolean {
  return variable.rank > 1;
}

type OptimizerSettings = Pick<TrainSettings, "optimizer" | "momentum" | "weightDecay">;

/** The optimizer that the settings name. */
export function makeOptimizer(settings: OptimizerSettings, variables: readonly NamedVariable[]): Optimizer {
  const { optimizer, momentum, weightDecay } = settings;
  if (optimizer === "sgd") return new Sgd(variables, { momentum, weightDecay });
  return new Adam(variables, weightDecay);
}

/** @throws UserError (wrong usage) for a weight decay or a momentum that the optimizer would not heed */
export function checkOptimizer({ optimizer, weightDecay, momentum }: OptimizerSettings): void {
  if (optimizer !== "sgd" && momentum !== defaultSettings.momentum)
    throw usageError(`--momentum: ${optimizer} takes none, expected --optimizer sgd beside it`);
  if (optimizer === "adam" && weightDecay > 0)
    throw usageError("--weight-decay: Adam takes none, expected --optimizer adamw or sgd beside it");
}
