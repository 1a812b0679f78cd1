import * as tf from "@tensorflow/tfjs";
import { UserError } from "../../../base/errors.js";
import type { StepRunner } from "../../step.js";
import type { NodeBackend } from "../node-backend.js";
import { Recording, sameConstants } from "./recording.js";
import { StepGraph } from "./step-graph.js";

/** Runs before the recordings: what is made at the first run only, and then kept, is made there. */
const runsBefore = 1;

/**
 * A training step as one TensorFlow graph, as `tf.function` makes it for Keras: TensorFlow fuses operations, runs
 * independent ones at a time, frees tensors as early as it can and updates variables in place, and JavaScript has
 * nothing to do between them. The operations of two runs are written down; if they agree in all but what `everyStep`
 * makes, the next runs are the graph's. Else all stay as they were.
 */
export class GraphRunner implements StepRunner {
  /** Why there is no graph, once that is clear. */
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
      // It never ran, or not since it was settled: TensorFlow.js's variables hold what this run began with.
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

/** Says what to do where TensorFlow found no memory. Anything else is returned as it is. */
function explained(error: Error): Error {
  const [reason] = /OOM when allocating .*/.exec(error.message) ?? [];
  if (reason === undefined) return error;
  return new UserError(
    `the tensorflow backend's memory is full: ${reason}; use a smaller --batch-size or --width`,
    { cause: error },
  );
}

/** Gives each variable values of its own, where one was set to another as it is. */
function unshare(variables: readonly tf.Variable[]): void {
  const seen = new Set<object>();
  for (const variable of variables) {
    if (seen.has(variable.dataId))
      tf.tidy(() => variable.assign(tf.tensor(variable.dataSync().slice(), variable.shape, variable.dtype)));
    seen.add(variable.dataId);
  }
}
