/*
 * A computation written down: values, and the operations that make values of others. Tensors are channels-last, as in
 * TensorFlow.js. `kernels.ts` lists the operations with their attributes.
 */

export type DataType = "float32" | "int32" | "bool";
export type Values = Float32Array | Int32Array | Uint8Array;

export interface TensorType {
  readonly shape: readonly number[];
  readonly dtype: DataType;
}

/** Known when the computation is written down. */
export interface Constant extends TensorType {
  readonly kind: "constant";
  readonly values: Values;
  /** Of a weight: the name of its variable. */
  readonly name?: string | undefined;
}

/** Given anew at each run. */
export interface Input extends TensorType {
  readonly kind: "input";
  readonly name: string;
}

/** The value of a variable when a run begins. */
export interface VariableValue extends TensorType {
  readonly kind: "variable";
  readonly name: string;
}

/** What an operation makes. */
export interface Result extends TensorType {
  readonly kind: "result";
  readonly operation: Operation;
}

export type Value = Constant | Input | VariableValue | Result;
export type Attribute = number | boolean | string | readonly number[];

export interface Operation {
  readonly name: string;
  readonly inputs: readonly Value[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

export interface Graph {
  readonly inputs: readonly Input[];
  readonly variables: readonly VariableValue[];
  readonly outputs: readonly Value[];
  /** New values of the variables, in their order. */
  readonly updates: readonly Value[];
  /**
   * Where the batch size is left open: a prime that stands for it. A dimension that is a multiple of it is that many
   * times the batch size.
   */
  readonly batch: number | undefined;
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((size, each) => size * each, 1);

export const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((size, i) => size === b[i]);

/** The shape of an element-wise operation's output, by NumPy's rules of broadcasting. */
export function broadcastShape(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const [left, right] = [a[a.length - rank + i] ?? 1, b[b.length - rank + i] ?? 1];
    if (left !== right && left !== 1 && right !== 1)
      throw new Error(`shapes [${a}] and [${b}] do not broadcast`);
    return left === 1 ? right : left;
  });
}

export function operation(
  name: string,
  inputs: readonly Value[],
  type: TensorType,
  attributes: Operation["attributes"] = {},
): Result {
  return {
    kind: "result",
    operation: { name, inputs, attributes },
    shape: type.shape,
    dtype: type.dtype,
  };
}

/** The value read in another shape of the same size. Reshapes of reshapes become one. */
export function reshape(value: Value, shape: readonly number[]): Value {
  if (sameShape(value.shape, shape)) return value;
  if (value.kind === "constant") return { ...value, shape };
  if (value.kind === "result" && value.operation.name === "Reshape")
    return reshape(value.operation.inputs[0]!, shape);
  return operation("Reshape", [value], { shape, dtype: value.dtype });
}

export const constant = (
  values: Values,
  shape: readonly number[],
  dtype: DataType = "float32",
): Constant => ({
  kind: "constant",
  values,
  shape,
  dtype,
});

export const scalar = (value: number): Constant => constant(Float32Array.of(value), []);

/** The values that `ends` follow from, each after those that it is made of. Constants and inputs are among them. */
export function sorted(ends: readonly Value[]): Value[] {
  const seen = new Set<Value>();
  const order: Value[] = [];
  const stack: [value: Value, next: number][] = [];
  for (const end of ends) {
    if (seen.has(end)) continue;
    seen.add(end);
    stack.push([end, 0]);
    while (stack.length > 0) {
      const top = stack.at(-1)!;
      const inputs = top[0].kind === "result" ? top[0].operation.inputs : [];
      const input = inputs[top[1]++];
      if (input === undefined) order.push(stack.pop()![0]);
      else if (!seen.has(input)) {
        seen.add(input);
        stack.push([input, 0]);
      }
    }
  }
  return order;
}

/**
 * The same graph with some values in the place of others.
 *
 * @param change is given each result with its inputs changed, and as it was
 */
export function rewrite(graph: Graph, change: (value: Result, original: Result) => Value): Graph {
  const changed = new Map<Value, Value>();
  const now = (value: Value) => changed.get(value) ?? value;
  for (const value of sorted([...graph.outputs, ...graph.updates])) {
    if (value.kind !== "result") continue;
    const { name, inputs, attributes } = value.operation;
    const inputsNow = inputs.map(now);
    const same = inputsNow.every((input, i) => input === inputs[i]);
    const copy = same
      ? value
      : name === "Reshape"
        ? reshape(inputsNow[0]!, value.shape)
        : operation(name, inputsNow, value, attributes);
    changed.set(value, copy.kind === "result" ? change(copy, value) : copy);
  }
  return { ...graph, outputs: graph.outputs.map(now), updates: graph.updates.map(now) };
}

/** Whether two graphs compute the same, constants included. Inputs and variables are told apart by their place. */
export function sameGraph(a: Graph, b: Graph): boolean {
  const [left, right] = [a, b].map(({ inputs, variables, outputs, updates }) => ({
    order: sorted([...inputs, ...variables, ...outputs, ...updates]),
    ends: [...outputs, ...updates],
  }));
  if (left!.order.length !== right!.order.length || left!.ends.length !== right!.ends.length) return false;
  const number = (values: readonly Value[]) => new Map(values.map((value, i) => [value, i]));
  const [leftNumber, rightNumber] = [number(left!.order), number(right!.order)];
  const same = (x: Value, y: Value): boolean => {
    if (x.kind !== y.kind || x.dtype !== y.dtype || !sameShape(x.shape, y.shape)) return false;
    if (x.kind === "constant") return sameValues(x.values, (y as Constant).values);
    if (x.kind !== "result") return true;
    const [p, q] = [x.operation, (y as Result).operation];
    return (
      p.name === q.name &&
      p.inputs.length === q.inputs.length &&
      JSON.stringify(p.attributes) === JSON.stringify(q.attributes) &&
      p.inputs.every((input, i) => leftNumber.get(input) === rightNumber.get(q.inputs[i]!))
    );
  };
  return (
    left!.order.every((value, i) => same(value, right!.order[i]!)) &&
    left!.ends.every((value, i) => leftNumber.get(value) === rightNumber.get(right!.ends[i]!))
  );
}

function sameValues(a: Values, b: Values): boolean {
  return a === b || (a.length === b.length && a.every((value, i) => Object.is(value, b[i])));
}
