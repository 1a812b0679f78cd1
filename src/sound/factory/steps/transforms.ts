import type { RealArray } from "../real-array.js";

/** A step on the real arrays of one recording, `[arrays, bins, frames]`, that can be undone. */
export interface Transform {
  /** What a saved factory calls it. */
  readonly name: string;
  /** What it was made with, as JSON can hold it; it is saved, and given back to what makes it again. */
  readonly settings?: unknown;
  /** Its argument stays as it is; the result may have another shape. */
  forward(arrays: RealArray): RealArray;
  backward(arrays: RealArray): RealArray;
}

/** A step that learns something of the data before it can be used. */
export interface LearningTransform extends Transform {
  /** Whether `fit` or `load` was called. Before, `forward`, `backward` and `save` throw. */
  readonly fitted: boolean;
  /** Learns from examples, one after the other; what it learnt before is forgotten. */
  fit(examples: Iterable<RealArray> | AsyncIterable<RealArray>): Promise<void>;
  /** Writes what it learnt to one file. */
  save(path: string): void | Promise<void>;
  load(path: string): void | Promise<void>;
}

export function learns(transform: Transform): transform is LearningTransform {
  return "fit" in transform;
}
