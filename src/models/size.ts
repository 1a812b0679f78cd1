import * as tf from "@tensorflow/tfjs";
import { UserError } from "../base/errors.js";
import type { BuildOptions, ModelDefinition } from "./definition.js";

/**
 * The model as it would be built, but without weights in it: each has its shape and the memory of one number, so that a
 * model of any size can be asked what it costs. It cannot be run.
 */
export function planModel(definition: ModelDefinition, options: BuildOptions): tf.LayersModel {
  const layer = tf.layers.Layer.prototype as unknown as LayerInside;
  const { addWeight } = layer;
  const nothing = tf.initializers.zeros();
  layer.addWeight = function (name, shape, dtype, _initializer, ...others) {
    if (!Number.isSafeInteger(shape.reduce((product, size) => product * size, 1))) {
      throw new UserError(
        `${definition.name} cannot be so large (width ${options.width}, ${options.labelCount} labels): its ${name} would be ${shape.join(" × ")}`,
      );
    }
    const weight = addWeight.call(this, name, [], dtype, nothing, ...others);
    weight.shape = shape;
    return weight;
  };
  try {
    return definition.build(options);
  } finally {
    layer.addWeight = addWeight;
  }
}

/** What every layer makes its weights with; TensorFlow.js keeps it from types alone. */
interface LayerInside {
  addWeight(
    name: string,
    shape: number[],
    dtype: tf.DataType | undefined,
    initializer: unknown,
    ...others: unknown[]
  ): { shape: number[] };
}
