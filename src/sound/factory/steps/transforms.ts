import type { RealArray } from "../real-array.js";

/** An invertible step on the real arrays of one recording, `[arrays, bins, frames]`. */
export interface Transform {
  /** Name in a saved factory. */
  readonly name: string;
  /**
   * Settings as JSON can hold them. They are saved, and passed to the function that restores the transform.
   */
  readonly settings?: unknown;
  /** Returns new arrays, whose shape may differ. The argument must not be changed. */
  forward(arrays: RealArray): RealArray;
  backward(arrays: RealArray): RealArray;
}

/** A transform that learns from data before it can be used. */
export interface LearningTransform extends Transform {
  /** Whether `fit` or `load` was called. Before that, `forward`, `backward` and `save` throw. */
  readonly fitted: boolean;
  /** Learns from examples and forgets what it learnt before. */
  fit(examples: Iterable<RealArray> | AsyncIterable<RealArray>): Promise<void>;
  /** Writes its state to one file. */
  save(path: string): void | Promise<void>;
  load(path: string): void | Promise<void>;
}

export function learns(transform: Transform): transform is LearningTransform {
  return "fit" in transform;
}
