import * as tf from "@tensorflow/tfjs";
import type { LearningRateSchedule } from "../schedule.js";
import type { NamedVariable } from "../variables.js";

/** Changes weights by their gradients. All that an optimizer remembers is in its slot variables. */
export interface Optimizer {
  /**
   * Updates each variable that has a gradient, within the step under way (see `inStep`). The others stay as
   * they are.
   *
   * @param gradients by the variables' own names
   */
  update(gradients: tf.NamedTensorMap): void;
  /** Tensors that must be stored to resume exactly. */
  slotVariables(): NamedVariable[];
  dispose(): void;
}

export interface OptimizerOptions {
  learningRate: LearningRateSchedule;
  weightDecay?: number;
}

/** Whether weight decay applies to a variable: it shrinks kernels, but not biases, scales and shifts. */
export function decays(variable: tf.Variable): boolean {
  return variable.rank > 1;
}

/** A slot variable of zeros in the shape of a weight. */
export function zeroSlot(weight: tf.Variable): tf.Variable {
  return tf.tidy(() => tf.variable(tf.zerosLike(weight), false)); // `tidy` frees the tensor that it is copied from
}
