import * as tf from "@tensorflow/tfjs";

/*
 * The training step under way. A step is one update of the weights: forward pass, backward pass, optimizer.
 * The same computation runs at every step; what differs between steps is made by `everyStep` or held by
 * variables.
 *
 * - The trainer runs each step within `inStep(index, body)`; steps are counted from 0.
 * - Layers, losses and optimizers make values that are new at every step (batch, targets, learning rate,
 *   random masks) in `everyStep(make)`, which passes the step's index to `make`. They keep no counter of
 *   their own.
 * - A recorder that turns the step into a graph runs it within `observed(observer, body)`. It sees each
 *   `make`, which it calls again at every later step; two recordings of a step agree in all but these values.
 */

/** Sees the values that a step makes anew while it runs. */
export interface StepObserver {
  /**
   * Called in place of `make`, whose tensor it must return. `make` reads the index of the step that is under
   * way when it is called, so that it can be kept and called again within later steps.
   */
  everyStep(make: () => tf.Tensor): tf.Tensor;
}

interface StepContext {
  readonly index: number;
  readonly observer: StepObserver | undefined;
}

let current: StepContext = { index: 0, observer: undefined };

/** Runs `body` as the step `index`, counted from 0. Outside of any step the index is 0. */
export function inStep<T>(index: number, body: () => T): T {
  return withContext({ ...current, index }, body);
}

/** Runs `body` with `observer` as the active observer, if any. */
export function observed<T>(observer: StepObserver | undefined, body: () => T): T {
  return withContext({ ...current, observer }, body);
}

function withContext<T>(context: StepContext, body: () => T): T {
  const before = current;
  current = context;
  try {
    return body();
  } finally {
    current = before;
  }
}

/**
 * Returns a tensor that is made anew on the host at each step: the batch, a learning rate, a random mask.
 * Everything else that a step computes must follow from these tensors and from variables.
 *
 * @param make called once a step with the step's index; returns the same shape and type each time
 */
export function everyStep<T extends tf.Tensor>(make: (index: number) => T): T {
  const makeNow = () => make(current.index);
  return current.observer === undefined ? makeNow() : (current.observer.everyStep(makeNow) as T);
}

/** Runs one computation once a step, in the fastest way that the backend has for it. */
export interface StepRunner {
  /** Runs it once and returns its tensor, which the caller disposes of. */
  run(): tf.Tensor;
  /**
   * Must be called before other code reads or writes the variables, which may be kept elsewhere between runs.
   */
  settle(): void;
  /** Whether the next run is that of a graph, not of TensorFlow.js. */
  readonly hasGraph: boolean;
  dispose(): void;
}

/** Runs the computation from JavaScript each time, which works on any backend. */
export const plainRunner = (step: () => tf.Tensor): StepRunner => ({
  run: () => tf.tidy(step),
  settle: () => {},
  hasGraph: false,
  dispose: () => {},
});
