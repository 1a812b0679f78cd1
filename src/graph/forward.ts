import type * as tf from "@tensorflow/tfjs";
import type { Graph } from "./graph.js";
import { forInference } from "./passes.js";
import { trace } from "./trace.js";

/** Stands for a batch size that is left open: larger than any other dimension, and a prime. */
const openBatch = 99_991;

/**
 * Writes down the forward pass of a model in inference: one input `waveform`, its batch size left open, one output
 * a model's output. Weights are constants.
 *
 * @throws CannotTrace for a model with an operation that cannot be written down
 */
export function forwardGraph(model: tf.LayersModel): Graph {
  const [, ...shape] = model.inputs[0]!.shape as number[];
  const names = new Map(
    model.weights.map((weight) => [weight.read() as tf.Variable, weight.originalName] as const),
  );
  const graph = trace(
    ({ input }) => {
      const x = input({ shape: [openBatch, ...shape], dtype: "float32" }, "waveform");
      return [model.apply(x, { training: false })].flat() as tf.Tensor[];
    },
    { names, batch: openBatch },
  );
  return forInference(graph);
}
