import * as tf from "@tensorflow/tfjs";

/*
 * A computation that is repeated with other numbers: a training step. TensorFlow.js runs its operations one after another
 * from JavaScript each time; a backend may have a faster way once it has seen them.
 */

/** A repeated computation. It makes one tensor and changes variables. */
export interface RepeatedStep {
  /** Runs it once and returns its tensor, which the caller disposes of. */
  run(): tf.Tensor;
  /** To be called before anybody else reads or writes the variables: they may be kept elsewhere between runs. */
  settle(): void;
  /** Whether the next run is not JavaScript's. */
  readonly hasGraph: boolean;
  dispose(): void;
}

/** Sees what a step is made of while it runs. */
export interface StepObserver {
  everyStep(make: () => tf.Tensor): tf.Tensor;
}

let observer: StepObserver | undefined;

/** Runs `body` under the eyes of an observer; nobody's, while it is undefined. */
export function observed<T>(by: StepObserver | undefined, body: () => T): T {
  const before = observer;
  observer = by;
  try {
    return body();
  } finally {
    observer = before;
  }
}

/**
 * A tensor that is made anew, on the host, for each run of a repeated step: the batch, a learning rate, a random mask. All
 * else that a step computes must follow from these and from variables. `make` is called once a run, with nothing around
 * it, and must return the same shape and type each time.
 */
export function everyStep<T extends tf.Tensor>(make: () => T): T {
  return observer === undefined ? make() : (observer.everyStep(make) as T);
}

/** Makes steps that run from JavaScript each time, as any backend can. */
export const plainStep = (step: () => tf.Tensor): RepeatedStep => ({
  run: () => tf.tidy(step),
  settle: () => {},
  hasGraph: false,
  dispose: () => {},
});
