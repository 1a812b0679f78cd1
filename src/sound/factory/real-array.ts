import * as tf from "@tensorflow/tfjs";
import { UserError } from "../../base/errors.js";

/** Real numbers in C order, the last index running fastest: `data` has as many as the sizes in `shape` multiply to. */
export interface RealArray {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

/** @throws UserError where the array has not the dimensions that are named, or not as many numbers as its shape says */
export function requireArray({ data, shape }: RealArray, what: string, dimensions: readonly string[]): void {
  const expected = `[${dimensions.join(", ")}]`;
  const isShape = shape.length === dimensions.length && shape.every((n) => Number.isSafeInteger(n) && n > 0);
  if (!isShape) throw new UserError(`${what} must have the shape ${expected}, got [${shape.join(", ")}]`);
  const size = shape.reduce((product, length) => product * length, 1);
  if (data.length !== size)
    throw new UserError(
      `${what}: its shape [${shape.join(", ")}] means ${size} numbers, got ${data.length} of them`,
    );
}

/** Item `index` along the first dimension, as a view: what is written to it is written to `array`. */
export function arrayItem({ data, shape }: RealArray, index: number): RealArray {
  const [count = 0, ...rest] = shape;
  if (!Number.isSafeInteger(index) || index < 0 || index >= count)
    throw new UserError(`item ${index} was asked for of an array of ${count}`);
  const size = data.length / count;
  return { data: data.subarray(index * size, (index + 1) * size), shape: rest };
}

/** A tensor of the same shape on TensorFlow.js's current backend. Whoever asked for it disposes it. */
export function toTensor({ data, shape }: RealArray): tf.Tensor {
  return tf.tensor(data, [...shape], "float32");
}

/** The numbers of a tensor, which is left as it is. */
export async function fromTensor(tensor: tf.Tensor): Promise<RealArray> {
  return { data: Float32Array.from(await tensor.data()), shape: tensor.shape };
}
