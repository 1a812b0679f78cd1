import * as tf from "@tensorflow/tfjs";

export interface ModelCost {
  /** Weights, non-trainable ones too. */
  readonly params: number;
  /** Those that training changes by gradients: what papers count. */
  readonly trainableParams: number;
  /** Multiply-adds for one clip, the front end left out. */
  readonly macs: number;
  /** Multiply-adds of the front end for one clip. */
  readonly frontEndMacs: number;
}

/**
 * Counts a model's parameters and the multiply-adds of one clip. Counted are the layers with a kernel (convolutions and
 * dense layers), as is usual in the field: a kernel's weights times the places where it is applied.
 */
export function modelCost(model: tf.LayersModel): ModelCost {
  let macs = 0;
  let frontEndMacs = 0;
  for (const layer of model.layers) {
    if (isFrontEnd(layer)) {
      frontEndMacs += layer.multiplyAdds((layer.input as tf.SymbolicTensor).shape[1]!);
      continue;
    }
    const kernel = layer.weights.find((weight) => /(^|\/)(depthwise_)?kernel$/.test(weight.originalName));
    if (kernel === undefined) continue;
    const output = layer.outputShape as tf.Shape; // [batch, …places, channels]
    const places = output.slice(1, -1).reduce<number>((product, size) => product * size!, 1);
    macs += places * kernel.shape.reduce<number>((product, size) => product * size!, 1);
  }
  const trainable = model.trainableWeights.reduce(
    (sum, weight) => sum + tf.util.sizeFromShape(weight.shape as number[]),
    0,
  );
  return { params: model.countParams(), trainableParams: trainable, macs, frontEndMacs };
}

function isFrontEnd(
  layer: tf.layers.Layer,
): layer is tf.layers.Layer & { multiplyAdds(samples: number): number } {
  return "multiplyAdds" in layer;
}

/** One row of `summarizeLayers`. */
export interface LayerSummary {
  name: string;
  /** The layer's class, such as `Conv1D`. */
  type: string;
  /** Output shape; the batch dimension is null. */
  output: tf.Shape;
  /** Number of weights, non-trainable ones too. */
  params: number;
}

/** Lists a model's layers from input to output, as Keras's `summary()` does. */
export function summarizeLayers(model: tf.LayersModel): LayerSummary[] {
  return model.layers.map((layer) => ({
    name: layer.name,
    type: layer.getClassName(),
    output: layer.outputShape as tf.Shape,
    params: layer.countParams(),
  }));
}
