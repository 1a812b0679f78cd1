import * as tf from "@tensorflow/tfjs";
import { hash32 } from "../random.js";

/** What the files with models have in common. */
export function apply(
  layer: tf.layers.Layer,
  input: tf.SymbolicTensor | tf.SymbolicTensor[],
): tf.SymbolicTensor {
  return layer.apply(input) as tf.SymbolicTensor;
}

/**
 * PyTorch's initial weights of convolutions and dense layers, with which most of the papers' models were trained: uniform
 * up to the inverse root of how many inputs a unit sees. Drawn by the seed and the layer's name.
 */
export function uniformByFanIn(fanIn: number, seed: number, layer: string) {
  const most = 1 / Math.sqrt(fanIn);
  return tf.initializers.randomUniform({ minval: -most, maxval: most, seed: hash32(`${seed}|${layer}`) });
}
