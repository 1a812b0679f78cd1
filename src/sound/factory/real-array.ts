import * as tf from "@tensorflow/tfjs";
import { UserError } from "../../base/errors.js";

/** Real numbers in C order, the last index varying fastest. `data` has as many as the product of `shape`. */
export interface RealArray {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

/** @throws UserError for an array without the named dimensions, or whose shape and number of values differ */
export function requireArray({ data, shape }: RealArray, what: string, dimensions: readonly string[]): void {
  const expected = `[${dimensions.join(", ")}]`;
  const isShape = shape.length === dimensions.length && shape.every((n) => Number.isSafeInteger(n) && n > 0);
  if (!isShape) throw new UserError(`${what} must have the shape ${expected}, got [${shape.join(", ")}]`);
  const size = shape.reduce((product, length) => product * length, 1);
  if (data.length !== size)
    throw new UserError(
      `${what} must have ${size} values for its shape [${shape.join(", ")}], got ${data.length}`,
    );
}

/** Returns item `index` along the first dimension, as a view on the array's memory. */
export function arrayItem({ data, shape }: RealArray, index: number): RealArray {
  const [count = 0, ...rest] = shape;
  if (!Number.isSafeInteger(index) || index < 0 || index >= count)
    throw new UserError(`an item from 0 to ${count - 1} was expected, got ${index}`);
  const size = data.length / count;
  return { data: data.subarray(index * size, (index + 1) * size), shape: rest };
}

/** Returns a tensor of the same shape on TensorFlow.js's current backend. The caller disposes it. */
export function toTensor({ data, shape }: RealArray): tf.Tensor {
  return tf.tensor(data, [...shape], "float32");
}

/** Returns the values of a tensor, which is not disposed. */
export async function fromTensor(tensor: tf.Tensor): Promise<RealArray> {
  return { data: Float32Array.from(await tensor.data()), shape: tensor.shape };
}
