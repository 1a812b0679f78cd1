import type * as tf from "@tensorflow/tfjs";

/** A weight, or a tensor of the optimizer, under a name that stays the same from one process to the next. */
export interface NamedVariable {
  readonly name: string;
  readonly variable: tf.Variable;
  /** Number of initial steps that leave this variable unchanged. */
  readonly frozenSteps?: number;
}

/** A model's weights under the names they are stored by: all of them, or the trainable ones. */
export function modelVariables(model: tf.LayersModel, which: "all" | "trainable"): NamedVariable[] {
  const weights = which === "all" ? model.weights : model.trainableWeights;
  // `read` returns the variable that holds the weight; its type promises only a tensor.
  return weights.map((weight) => ({ name: weight.originalName, variable: weight.read() as tf.Variable }));
}

/** The weights of the last layer, the head. All other layers are the body. */
export function headWeights(model: tf.LayersModel): Set<tf.Variable> {
  return new Set(model.layers.at(-1)!.weights.map((weight) => weight.read() as tf.Variable));
}

/** A model's trainable weights, those of the body marked as unchanged in the first `frozenSteps` steps. */
export function trainedVariables(model: tf.LayersModel, frozenSteps: number): NamedVariable[] {
  const head = headWeights(model);
  return modelVariables(model, "trainable").map((each) =>
    head.has(each.variable) ? each : { ...each, frozenSteps },
  );
}
