import {
  type Constant,
  type Graph,
  type Result,
  reshape,
  sizeOf,
  sorted,
  type Value,
  type Values,
} from "../graph/graph.js";
import type { OnnxModel } from "./model.js";

/**
 * How a tensor of three or more axes is stored: channels last, as TensorFlow.js has it, or the channels moved to the
 * second place, as ONNX's convolutions and pools want it.
 */
export type Form = "last" | "first";

/** Adds the nodes of an operation's output, and states their form with `emitter.set`. */
export type Emit = (emitter: Emitter, value: Result) => void;

/**
 * Turns the values of a graph into nodes of an ONNX model. Each value has the form that costs nothing; it is transposed
 * where an operation needs the other, once. Reshapes and transpositions become nodes only where they move data.
 */
export class Emitter {
  readonly model: OnnxModel;
  private readonly batch: number | undefined;
  private readonly operators: ReadonlyMap<string, Emit>;
  private readonly forms = new Map<Value, { native: Form; last?: string; first?: string }>();
  private readonly permutations = new Map<Value, Map<string, string>>();
  private batchSize: string | undefined;
  /** An input whose first axis is the batch. */
  private readonly batched: Value | undefined;

  constructor(model: OnnxModel, graph: Graph, operators: ReadonlyMap<string, Emit>) {
    this.model = model;
    this.batch = graph.batch;
    this.operators = operators;
    this.batched = graph.inputs[0];
  }

  /** Names the tensor of an input or a variable. */
  place(value: Value, name: string): void {
    this.set(value, "last", name);
  }

  /** Adds the nodes of all that `ends` follow from. */
  emit(ends: readonly Value[]): void {
    for (const value of sorted(ends)) {
      if (value.kind !== "result" || moves.has(value.operation.name)) continue;
      const operator = this.operators.get(value.operation.name);
      if (operator === undefined)
        throw new Error(`ONNX has no form of the operation ${value.operation.name} yet`);
      operator(this, value);
    }
  }

  set(value: Value, form: Form, name: string): void {
    this.forms.set(value, { native: form, [form]: name });
  }

  /** The form in which a value is at hand. */
  native(value: Value): Form {
    const known = this.forms.get(value);
    if (known !== undefined) return known.native;
    if (value.kind !== "result") return "last";
    const native = this.nativeOfMove(value);
    this.forms.set(value, { native });
    return native;
  }

  private nativeOfMove({ operation: { name, inputs, attributes }, shape }: Result): Form {
    const input = inputs[0]!;
    const from = this.native(input);
    if (name === "Reshape") return from === "first" && keepsChannels(input.shape, shape) ? "first" : "last";
    const stored = order(from, input.shape.length);
    const free = (form: Form) => {
      const wanted = order(form, shape.length).map((axis) => (attributes.perm as number[])[axis]!);
      return stored.every((axis, i) => axis === wanted[i]);
    };
    return !free("last") && free("first") ? "first" : "last";
  }

  /** The name of the tensor that holds the value in a form. */
  use(value: Value, form: Form = "last"): string {
    const rank = value.shape.length;
    const wanted = rank < 3 ? "last" : form;
    const known = this.forms.get(value) ?? { native: this.native(value) };
    this.forms.set(value, known);
    known[wanted] ??= this.make(value, wanted, known);
    return known[wanted]!;
  }

  private make(value: Value, form: Form, known: { last?: string; first?: string }): string {
    const rank = value.shape.length;
    if (value.kind === "constant") return this.constant(value, order(form, rank));
    if (value.kind === "result" && known.last === undefined && known.first === undefined) {
      const { name, inputs, attributes } = value.operation;
      const input = inputs[0]!;
      if (name === "Reshape") {
        const native = this.native(value);
        if (native === form) return this.reshaped(this.use(input, native), forShape(native, value.shape));
        return this.transposed(this.use(value, native), order(native, rank), order(form, rank));
      }
      if (name === "Transpose") {
        const from = this.native(input);
        const wanted = order(form, rank).map((axis) => (attributes.perm as number[])[axis]!);
        return this.transposed(this.use(input, from), order(from, rank), wanted);
      }
    }
    const other = form === "last" ? "first" : "last";
    return this.transposed(known[other]!, order(other, rank), order(form, rank));
  }

  /** The value with its axes in another order, whatever form it has. Of a constant it is computed here. */
  permuted(value: Value, permutation: readonly number[]): string {
    const known = this.permutations.get(value) ?? new Map<string, string>();
    this.permutations.set(value, known);
    const key = permutation.join();
    const name =
      known.get(key) ??
      (value.kind === "constant"
        ? this.constant(value, permutation)
        : this.transposed(this.use(value), order("last", value.shape.length), permutation));
    known.set(key, name);
    return name;
  }

  /** A tensor whose axes are those of `from`, in the order of `to`. */
  transposed(name: string, from: readonly number[], to: readonly number[]): string {
    const perm = to.map((axis) => from.indexOf(axis));
    return perm.every((axis, i) => axis === i) ? name : this.model.node("Transpose", [name], { perm });
  }

  reshaped(name: string, shape: readonly number[]): string {
    const open = shape.filter((size) => this.isBatch(size));
    if (open.length > 1) return this.model.node("Reshape", [name, this.shape(shape)]);
    return this.model.node("Reshape", [
      name,
      this.model.integers(shape.map((size) => (this.isBatch(size) ? -1 : size))),
    ]);
  }

  /** A list of sizes, in which the batch may be open. */
  shape(sizes: readonly number[]): string {
    const { model } = this;
    if (!sizes.some((size) => this.isBatch(size))) return model.integers(sizes);
    this.batchSize ??= model.node("Slice", [
      model.node("Shape", [this.use(this.batched!)]),
      model.integers([0]),
      model.integers([1]),
    ]);
    const parts = sizes.map((size) => {
      if (!this.isBatch(size)) return model.integers([size]);
      const times = size / this.batch!;
      return times === 1 ? this.batchSize! : model.node("Mul", [this.batchSize!, model.integers([times])]);
    });
    return parts.length === 1 ? parts[0]! : model.node("Concat", parts, { axis: 0 });
  }

  isBatch(size: number): boolean {
    return this.batch !== undefined && size > 0 && size % this.batch === 0;
  }

  private constant({ values, shape, dtype, name }: Constant, permutation: readonly number[]): string {
    if (shape.some((size) => this.isBatch(size))) {
      if (!values.every((value) => value === values[0]))
        throw new Error("a constant depends on the batch size");
      const one = this.constant(
        { kind: "constant", values: values.slice(0, 1) as Values, shape: [], dtype },
        [],
      );
      return this.model.node("Expand", [one, this.shape(permutation.map((axis) => shape[axis]!))]);
    }
    if (shape.length === 0 && dtype === "float32") return this.model.scalar(values[0]!);
    const moved = permutation.every((axis, i) => axis === i);
    return this.model.tensor(
      moved ? values : permute(values, shape, permutation),
      permutation.map((axis) => shape[axis]!),
      dtype,
      name,
    );
  }
}

/** Operations that are nodes only where another needs them. */
const moves = new Set(["Reshape", "Transpose"]);

/** The axes of a tensor in the order in which they are stored. */
export function order(form: Form, rank: number): number[] {
  const axes = Array.from({ length: rank }, (_, i) => i);
  return form === "last" || rank < 3 ? axes : [0, rank - 1, ...axes.slice(1, -1)];
}

/** A shape, or anything else that has a value an axis, in the order in which the axes are stored. */
export function forShape<T>(form: Form, shape: readonly T[]): T[] {
  return order(form, shape.length).map((axis) => shape[axis]!);
}

function keepsChannels(a: readonly number[], b: readonly number[]): boolean {
  return a.length > 2 && b.length > 2 && a[0] === b[0] && a.at(-1) === b.at(-1);
}

/** The value with as many leading axes of size 1 as the rank asks for. */
export function withRank(value: Value, rank: number): Value {
  return reshape(value, [...new Array<number>(rank - value.shape.length).fill(1), ...value.shape]);
}

export function permute(values: Values, shape: readonly number[], permutation: readonly number[]): Values {
  const strides = shape.map((_, i) => sizeOf(shape.slice(i + 1)));
  const sizes = permutation.map((axis) => shape[axis]!);
  const steps = permutation.map((axis) => strides[axis]!);
  const moved = new (values.constructor as new (size: number) => Values)(values.length);
  const at = new Array<number>(sizes.length).fill(0);
  let from = 0;
  for (let to = 0; to < moved.length; to++) {
    moved[to] = values[from]!;
    for (let axis = sizes.length - 1; axis >= 0; axis--) {
      from += steps[axis]!;
      if (++at[axis]! < sizes[axis]!) break;
      from -= steps[axis]! * sizes[axis]!;
      at[axis] = 0;
    }
  }
  return moved;
}
