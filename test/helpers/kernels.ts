import * as tf from "@tensorflow/tfjs";
import type { BackendName } from "../../src/backend/names.js";
import { Random } from "../../src/base/random.js";

/** A tensor that belongs to no backend. */
export interface Values {
  shape: number[];
  values: Float32Array;
}

/** Standard normal numbers, the same for the same arguments. */
export function noise(shape: number[], ...stream: (string | number)[]): Values {
  const random = new Random(1, "noise", ...stream);
  return {
    shape,
    values: Float32Array.from({ length: tf.util.sizeFromShape(shape) }, () => random.normal()),
  };
}

/** Runs operations on one of the backends that were started. */
export async function on(
  backend: BackendName,
  inputs: Record<string, Values>,
  run: (tensors: Record<string, tf.Tensor>) => tf.Tensor,
): Promise<Values> {
  await tf.setBackend(backend);
  const result = tf.tidy(() => {
    const tensors = Object.entries(inputs).map(([name, { shape, values }]) => [
      name,
      tf.tensor(values, shape),
    ]);
    return run(Object.fromEntries(tensors));
  });
  const { shape } = result;
  const values = await result.data<"float32">();
  result.dispose();
  return { shape, values };
}

/** Runs one kernel by its name, as the gradients of TensorFlow.js do. */
export function runKernel(
  backend: BackendName,
  name: string,
  inputs: Record<string, Values>,
  attributes: object,
): Promise<Values> {
  return on(
    backend,
    inputs,
    (tensors) => tf.engine().runKernel(name, tensors, attributes as tf.NamedAttrMap) as tf.Tensor,
  );
}
