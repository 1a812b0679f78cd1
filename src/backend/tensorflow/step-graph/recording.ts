import type * as tf from "@tensorflow/tfjs";
import { observed, type StepObserver } from "../../step.js";
import type { Binding, NativeTensor, NodeBackend, OperationAttribute } from "../node-backend.js";

/** Where a tensor of a step comes from. */
export type Source =
  | { readonly kind: "operation"; readonly operation: number; readonly output: number }
  /** Uploaded during the step, or made before it and unchanged since. */
  | { readonly kind: "constant"; readonly constant: number }
  | { readonly kind: "input"; readonly input: number }
  /** A variable's value at the start of the step. */
  | { readonly kind: "variable"; readonly variable: number };

export interface RecordedOperation {
  readonly name: string;
  readonly attributes: readonly OperationAttribute[];
  readonly inputs: readonly Source[];
  /** Indices of the variables that the operation changes in place, and whose new values it outputs. */
  readonly changes?: readonly number[];
}

export interface RecordedTensor {
  readonly shape: readonly number[];
  /** TensorFlow's number for the type. */
  readonly dtype: number;
}

export interface RecordedConstant extends RecordedTensor {
  readonly values: ArrayBufferView;
}

export interface RecordedInput extends RecordedTensor {
  readonly make: () => tf.Tensor;
}

/**
 * The operations that TensorFlow ran for a step, with their inputs, and the source of each variable's final
 * value.
 */
export class Recording implements StepObserver {
  readonly operations: RecordedOperation[] = [];
  readonly constants: RecordedConstant[] = [];
  readonly inputs: RecordedInput[] = [];
  readonly variables: RecordedTensor[] = [];
  /** Source of each variable's value after the step. */
  readonly ends: Source[] = [];
  result!: Source;
  /** The recording under way. */
  static current: Recording | undefined;
  /** What a graph cannot repeat, if anything: the recording is of no use then. */
  obstacle: string | undefined;

  private readonly backend: NodeBackend;
  private readonly state: readonly tf.Variable[];
  /** By the addon's number of a tensor, which is never used twice. */
  private readonly sources = new Map<number, Source>();
  private readonly known = new Map<number, RecordedTensor>();
  private paused = false;

  /** @param state all variables that the step changes; none may share its values with another */
  constructor(backend: NodeBackend, state: readonly tf.Variable[]) {
    this.backend = backend;
    this.state = state;
  }

  /** Runs the step as usual and records its operations. */
  record(step: () => tf.Tensor): tf.Tensor {
    const { backend } = this;
    const { binding, getInputTensorIds } = backend;
    this.state.forEach((variable, i) => {
      const id = this.idOf(variable);
      if (this.sources.has(id)) this.obstacle ??= "two variables share their values";
      this.sources.set(id, { kind: "variable", variable: i });
      const { shape, dtype } = backend.tensorMap.get(variable.dataId);
      this.variables.push({ shape, dtype });
    });
    backend.getInputTensorIds = (tensors) => {
      const ids = getInputTensorIds.call(backend, tensors);
      tensors.forEach((tensor, i) => {
        const { shape, dtype } = backend.tensorMap.get(tensor.dataId);
        this.known.set(ids[i]!, { shape, dtype });
      });
      return ids;
    };
    backend.binding = overlay(binding, {
      createTensor: (shape, dtype, values) => {
        const id = binding.createTensor(shape, dtype, values);
        if (!this.paused) this.addConstant(id, { shape, dtype, values: this.copyOf(values) });
        return id;
      },
      executeOp: (name, attributes, ids, outputs) => {
        const inputs = this.paused ? [] : ids.map((id) => this.sourceOf(id));
        const results = binding.executeOp(name, attributes, ids, outputs);
        if (!this.paused)
          this.addOperation({ name, attributes: this.complete(name, attributes, ids), inputs }, results);
        return results;
      },
      tensorDataSync: (id) => {
        if (!this.paused) this.obstacle ??= "the step reads its own values";
        return binding.tensorDataSync(id);
      },
    });
    Recording.current = this;
    try {
      const result = observed(this, step);
      this.result = this.sourceOf(this.idOf(result));
      for (const variable of this.state) this.ends.push(this.sourceOf(this.idOf(variable)));
      return result;
    } finally {
      Recording.current = undefined;
      backend.binding = binding;
      backend.getInputTensorIds = getInputTensorIds;
    }
  }

  everyStep(make: () => tf.Tensor): tf.Tensor {
    return this.withoutRecording(() => {
      const tensor = make();
      const id = this.idOf(tensor);
      const { shape, dtype } = this.backend.tensorMap.get(tensor.dataId);
      this.sources.set(id, { kind: "input", input: this.inputs.length });
      this.inputs.push({ shape, dtype, make });
      return tensor;
    });
  }

  /**
   * Records an operation that changes variables in place, whose values are now in the tensors `variables`.
   * `run` computes their new values by any operations and returns them.
   */
  changeInPlace(
    operation: { name: string; attributes: OperationAttribute[] },
    variables: readonly tf.TensorInfo[],
    others: readonly tf.TensorInfo[],
    run: () => NativeTensor[],
  ): NativeTensor[] {
    const holders = new Map(this.state.map((variable, i) => [this.idOf(variable), i]));
    const changes = variables.map((tensor) => holders.get(this.idOf(tensor)) ?? -1);
    if (changes.includes(-1)) this.obstacle ??= `${operation.name} of what is not a variable`;
    if (new Set(changes).size < changes.length)
      this.obstacle ??= `${operation.name} of values that are shared`;
    const inputs = [...variables, ...others].map((tensor) => this.sourceOf(this.idOf(tensor)));
    const values = this.withoutRecording(run);
    this.addOperation({ ...operation, inputs, changes }, values);
    return values;
  }

  /** Text of all that must be the same from step to step, but for the constants' values. */
  describe(): string {
    const { operations, inputs, ends, result } = this;
    const shapes = [this.constants, inputs].map((list) => list.map(({ shape, dtype }) => ({ shape, dtype })));
    return JSON.stringify({ operations, shapes, ends, result });
  }

  private withoutRecording<T>(body: () => T): T {
    this.paused = true;
    try {
      return observed(undefined, body);
    } finally {
      this.paused = false;
    }
  }

  /** Adds the type that tfjs-node leaves out for one operation: TensorFlow infers it, but not in a graph. */
  private complete(name: string, attributes: OperationAttribute[], ids: number[]): OperationAttribute[] {
    if (name !== "ExpandDims" || attributes.length > 0) return attributes;
    return [{ name: "T", type: this.backend.binding.TF_ATTR_TYPE, value: this.known.get(ids[0]!)?.dtype }];
  }

  private idOf(tensor: tf.TensorInfo): number {
    return this.backend.getInputTensorIds([tensor])[0]!;
  }

  private addOperation(operation: RecordedOperation, results: readonly NativeTensor[]): void {
    const number = this.operations.push(operation) - 1;
    results.forEach(({ id }, output) => {
      this.sources.set(id, { kind: "operation", operation: number, output });
    });
  }

  private addConstant(id: number, constant: RecordedConstant): Source {
    const source: Source = { kind: "constant", constant: this.constants.push(constant) - 1 };
    this.sources.set(id, source);
    return source;
  }

  private copyOf(values: ArrayBufferView): ArrayBufferView {
    if (ArrayBuffer.isView(values)) return Uint8Array.from(bytesOf(values));
    this.obstacle ??= "values that are not numbers";
    return new Uint8Array();
  }

  private sourceOf(id: number): Source {
    const source = this.sources.get(id);
    if (source !== undefined) return source;
    const tensor = this.known.get(id);
    if (tensor === undefined) {
      this.obstacle ??= "a tensor of unknown shape";
      return { kind: "constant", constant: -1 };
    }
    const values = this.withoutRecording(() => this.backend.binding.tensorDataSync(id));
    return this.addConstant(id, { ...tensor, values });
  }
}

/** The addon with some functions replaced; its own properties cannot be set. */
function overlay(binding: Binding, functions: Partial<Binding>): Binding {
  const properties = Object.entries(functions).map(([name, value]) => [name, { value }]);
  return Object.create(binding, Object.fromEntries(properties)) as Binding;
}

/** Whether the constants of two recordings have the same values. */
export function sameConstants(a: Recording, b: Recording): boolean {
  return a.constants.every(({ values }, i) => {
    const other = b.constants[i]!.values;
    return bytesOf(values).equals(bytesOf(other));
  });
}

export function bytesOf(values: ArrayBufferView): Buffer {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength);
}
