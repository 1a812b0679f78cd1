import * as tf from "@tensorflow/tfjs";
import { UserError } from "../../../base/errors.js";
import type { StepRunner } from "../../step.js";
import type { NodeBackend } from "../node-backend.js";
import { Recording, sameConstants } from "./recording.js";
import { StepGraph } from "./step-graph.js";

/** Runs before the first recording: values that are made once and then kept are made there. */
const runsBefore = 1;

/**
 * Runs a training step as one TensorFlow graph, as `tf.function` does for Keras. TensorFlow then fuses
 * operations, runs independent ones in parallel, frees tensors as early as it can and updates variables in
 * place, without JavaScript in between. The operations of two runs are recorded. If they agree in all but the
 * values of `everyStep`, later runs use the graph; otherwise all runs stay in JavaScript.
 */
export class GraphRunner implements StepRunner {
  /** Why there is no graph; undefined while one is still possible. */
  obstacle: string | undefined;
  private readonly backend: NodeBackend;
  readonly step: () => tf.Tensor;
  private readonly state: readonly tf.Variable[];
  private runs = 0;
  private first: Recording | undefined;
  private graph: StepGraph | undefined;

  constructor(backend: NodeBackend, step: () => tf.Tensor, state: readonly tf.Variable[]) {
    this.backend = backend;
    this.step = step;
    this.state = state;
    if (state.length === 0) this.obstacle = "the step changes no variables";
  }

  run(): tf.Tensor {
    try {
      return this.graph === undefined ? this.runStepwise() : this.runGraph(this.graph);
    } catch (error) {
      throw explained(error as Error);
    }
  }

  private runGraph(graph: StepGraph): tf.Tensor {
    try {
      return graph.run();
    } catch (error) {
      if (graph.isAhead) throw error;
      // It has not run since it was settled: TensorFlow.js's variables still hold this run's initial values.
      this.dispose();
      this.obstacle = (error as Error).message;
      return this.runStepwise();
    }
  }

  private runStepwise(): tf.Tensor {
    if (this.obstacle !== undefined || this.runs++ < runsBefore) return tf.tidy(this.step);
    unshare(this.state);
    const recording = new Recording(this.backend, this.state);
    const result = tf.tidy(() => recording.record(this.step));
    this.obstacle = recording.obstacle;
    if (this.obstacle !== undefined) this.first = undefined;
    else if (this.first === undefined) this.first = recording;
    else this.compile(this.first, recording);
    return result;
  }

  get hasGraph(): boolean {
    return this.graph !== undefined;
  }

  settle(): void {
    this.graph?.download();
  }

  dispose(): void {
    this.graph?.dispose();
    this.graph = undefined;
    this.obstacle = "the step was disposed of";
  }

  private compile(first: Recording, second: Recording): void {
    this.first = undefined;
    if (first.describe() !== second.describe() || !sameConstants(first, second)) {
      this.obstacle = "the step is not the same each time";
      return;
    }
    try {
      this.graph = new StepGraph(this.backend, second, this.state);
    } catch (error) {
      this.obstacle = (error as Error).message;
    }
  }
}

/**
 * Turns an error of TensorFlow that found no memory into one that says what to do. Returns any other as it
 * is.
 */
function explained(error: Error): Error {
  const [reason] = /OOM when allocating .*/.exec(error.message) ?? [];
  if (reason === undefined) return error;
  return new UserError(
    `the tensorflow backend's memory is full: ${reason}; use a smaller --batch-size or --width`,
    { cause: error },
  );
}

/** Gives each variable values of its own, where one shares those of another that was assigned to it. */
function unshare(variables: readonly tf.Variable[]): void {
  const seen = new Set<object>();
  for (const variable of variables) {
    if (seen.has(variable.dataId))
      tf.tidy(() => variable.assign(tf.tensor(variable.dataSync().slice(), variable.shape, variable.dtype)));
    seen.add(variable.dataId);
  }
}
