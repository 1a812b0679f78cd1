import * as tf from "@tensorflow/tfjs";
import type { NodeBackend } from "../node-backend.js";
import { Graph } from "./graph.js";
import type { RecordedInput, Recording } from "./recording.js";
import { type GraphNames, StepBuilder } from "./step-builder.js";

/** A recorded step as a TensorFlow graph with its own variables, loaded and ready to run. */
export class StepGraph {
  private readonly backend: NodeBackend;
  private readonly model: number;
  private readonly inputs: readonly RecordedInput[];
  private readonly state: readonly tf.Variable[];
  private readonly names: GraphNames;
  private ahead = false;

  /** @throws TensorFlow's error where it rejects the graph */
  constructor(backend: NodeBackend, recording: Recording, state: readonly tf.Variable[]) {
    this.backend = backend;
    this.inputs = recording.inputs;
    this.state = state;
    const graph = new Graph(backend.binding);
    this.names = new StepBuilder(graph, backend.binding, recording).build();
    this.model = graph.load();
  }

  /** Whether the graph's variables are newer than those of TensorFlow.js. */
  get isAhead(): boolean {
    return this.ahead;
  }

  run(): tf.Tensor {
    const { backend, names } = this;
    if (!this.ahead) this.upload();
    const result = tf.tidy(() => {
      const ids = backend.getInputTensorIds(this.inputs.map((input) => this.makeInput(input)));
      return this.call(ids, names.inputs, [names.result])[0]!;
    });
    this.ahead = true;
    return result;
  }

  /** Copies the graph's variables to those of TensorFlow.js. */
  download(): void {
    if (!this.ahead) return;
    tf.tidy(() => {
      this.call([], [], this.names.reads).forEach((value, i) => {
        this.state[i]!.assign(value);
      });
    });
    this.ahead = false;
  }

  dispose(): void {
    try {
      this.download();
    } finally {
      this.backend.binding.deleteSavedModel(this.model);
    }
  }

  private makeInput({ make, shape, dtype }: RecordedInput): tf.Tensor {
    const tensor = make();
    const made = this.backend.tensorMap.get(tensor.dataId);
    if (made.dtype !== dtype || !tf.util.arraysEqual(made.shape, [...shape]))
      throw new Error(`a step's input changed its shape or type: expected [${shape}], found [${made.shape}]`);
    return tensor;
  }

  private upload(): void {
    const ids = this.backend.getInputTensorIds([...this.state]);
    tf.dispose(this.call(ids, this.names.values, [this.names.assigned]));
  }

  private call(ids: number[], inputs: readonly string[], outputs: readonly string[]): tf.Tensor[] {
    const { backend, names, model } = this;
    // The addon reads an empty list of names as one empty name.
    const nothing = ids.length === 0 ? backend.getInputTensorIds([tf.scalar(0)]) : [];
    return backend.binding
      .runSavedModel(
        model,
        [...ids, ...nothing],
        [...inputs, ...nothing.map(() => names.nothing)].join(),
        outputs.join(),
      )
      .map((tensor) => backend.createOutputTensor(tensor));
  }
}
