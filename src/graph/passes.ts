import {
  type Constant,
  constant,
  type Graph,
  operation,
  type Result,
  reshape,
  rewrite,
  sameShape,
  sizeOf,
  sorted,
  type Value,
  type Values,
} from "./graph.js";
import { binary, comparisons, unary } from "./kernels.js";

/* Rewritings of a graph that leave what it computes as it is, up to rounding. */

/**
 * For inference: reshapes go behind element-wise operations, products with the channels of a feature map become 1 × 1
 * convolutions, and factors and summands of channels, as of batch normalisation, go into the weights before them.
 */
export const forInference = (graph: Graph): Graph =>
  foldIntoWeights(pointwiseConvolutions(delayReshapes(graph)));

/** For training: the same without what needs constant weights. */
export const forTraining = (graph: Graph): Graph => delayReshapes(graph);

const elementwise = new Set([...unary, ...binary, ...comparisons, "Select", "ReluGrad", "Cast"]);

/**
 * Moves reshapes from the inputs of element-wise operations to their output, so that what is computed of feature maps
 * `[batch, height, width, channels]` stays in that shape.
 */
export function delayReshapes(graph: Graph): Graph {
  return rewrite(graph, (value) => {
    const { name, inputs, attributes } = value.operation;
    if (!elementwise.has(name)) return value;
    const source = inputs
      .filter((input) => sameShape(input.shape, value.shape))
      .map((input) => (isResult(input, "Reshape") ? input.operation.inputs[0]! : undefined))
      .filter((input) => input !== undefined)
      .toSorted((a, b) => b.shape.length - a.shape.length)[0];
    if (source === undefined) return value;
    const moved = inputs.map((input) => reshapedOperand(input, value.shape, source.shape));
    if (moved.includes(undefined)) return value;
    const type = { shape: source.shape, dtype: value.dtype };
    return reshape(operation(name, moved as Value[], type, attributes), value.shape);
  });
}

/** An operand of an operation of shape `from`, for one of shape `to`; undefined where a reshape cannot be that. */
function reshapedOperand(operand: Value, from: readonly number[], to: readonly number[]): Value | undefined {
  const size = sizeOf(operand.shape);
  if (size === 1) return reshape(operand, []);
  if (sameShape(operand.shape, from)) return reshape(operand, to);
  const shape = operand.shape.slice(operand.shape.findIndex((each) => each !== 1));
  if (sameShape(shape, from.slice(from.length - shape.length))) {
    // It is spread over the first axes.
    for (let axis = to.length - 1; axis >= 0; axis--)
      if (sizeOf(to.slice(axis)) === size) return compact(reshape(operand, to.slice(axis)));
    return undefined;
  }
  const rank = operand.shape.length;
  const end = operand.shape.findLastIndex((each) => each !== 1) + 1;
  if (rank === from.length && sameShape(operand.shape.slice(0, end), from.slice(0, end))) {
    // It is spread over the last axes.
    for (let axis = 1; axis <= to.length; axis++)
      if (sizeOf(to.slice(0, axis)) === size)
        return reshape(
          operand,
          to.map((each, i) => (i < axis ? each : 1)),
        );
  }
  return undefined;
}

/** A constant with axes along which it does not change cut to 1, and then left out at the front. */
function compact(value: Value): Value {
  if (value.kind !== "constant") return value;
  let { values } = value;
  const shape = [...value.shape];
  shape.forEach((size, axis) => {
    const inner = sizeOf(shape.slice(axis + 1));
    const period = size * inner;
    if (size === 1 || !values.every((each, i) => i % period < inner || each === values[i - inner])) return;
    values = values.filter((_, i) => i % period < inner) as Values;
    shape[axis] = 1;
  });
  const first = shape.findIndex((each) => each !== 1);
  return { ...value, values, shape: first < 0 ? [] : shape.slice(first) };
}

/** Turns products of flattened feature maps `[batch · height · width, channels]` with a matrix into 1 × 1 convolutions. */
export function pointwiseConvolutions(graph: Graph): Graph {
  return delayReshapes(
    rewrite(graph, (value) => {
      const { name, inputs, attributes } = value.operation;
      const [flat, matrix] = inputs as [Value, Value];
      if (name !== "MatMul" || attributes.transposeA || attributes.transposeB || value.shape.length !== 2)
        return value;
      if (!isResult(flat, "Reshape")) return value;
      const map = flat.operation.inputs[0]!;
      if (map.shape.length !== 4 || map.shape[3] !== flat.shape[1]) return value;
      const filter = reshape(matrix, [1, 1, ...matrix.shape]);
      const shape = [...map.shape.slice(0, 3), value.shape[1]!];
      const attributesOf1x1 = { strides: [1, 1], dilations: [1, 1], pads: [0, 0, 0, 0] };
      const product = operation("Conv2D", [map, filter], { shape, dtype: "float32" }, attributesOf1x1);
      return reshape(product, value.shape);
    }),
  );
}

/** Operations with a filter whose last axes are the channels of the output. */
const weighted = new Set(["Conv2D", "DepthwiseConv2D", "MatMul"]);

/** Multiplies and adds constants of channels in the weights and the bias of what they come after. */
export function foldIntoWeights(graph: Graph): Graph {
  const users = new Map<Value, number>();
  const count = (value: Value) => users.set(value, (users.get(value) ?? 0) + 1);
  for (const value of sorted([...graph.outputs, ...graph.updates]))
    if (value.kind === "result") value.operation.inputs.forEach(count);
  [...graph.outputs, ...graph.updates].forEach(count);

  return rewrite(graph, (value, original) => {
    const { name, inputs } = value.operation;
    if (name !== "Multiply" && name !== "Add" && name !== "Sub" && name !== "RealDiv") return value;
    const commutes = name === "Multiply" || name === "Add";
    const [left, right] = inputs as [Value, Value];
    const [before, factors] = right.kind === "constant" || !commutes ? [left, right] : [right, left];
    if (factors.kind !== "constant" || before.kind !== "result") return value;
    if (!weighted.has(before.operation.name) || !sameShape(before.shape, value.shape)) return value;
    if (before.operation.attributes.transposeB || value.shape.length < 2) return value;
    const [x, filter, bias] = before.operation.inputs as [Value, Value, Value | undefined];
    const channels = value.shape.at(-1)!;
    const each = compact(factors) as Constant;
    if (filter.kind !== "constant" || filter.dtype !== "float32" || (bias && bias.kind !== "constant"))
      return value;
    if (each.shape.length > 1 || (each.values.length !== 1 && each.values.length !== channels)) return value;
    if (users.get(original.operation.inputs[inputs.indexOf(before)]!) !== 1) return value;
    const at = (channel: number) => each.values[each.values.length === 1 ? 0 : channel]!;
    const factor = (channel: number) =>
      name === "Multiply" ? at(channel) : name === "RealDiv" ? 1 / at(channel) : 1;
    const summand = (channel: number) => (name === "Add" ? at(channel) : name === "Sub" ? -at(channel) : 0);
    const scales = name === "Multiply" || name === "RealDiv";
    const weights = scales
      ? constant(
          (filter.values as Float32Array).map((weight, i) => weight * factor(i % channels)),
          filter.shape,
        )
      : filter;
    const oldBias = bias as Constant | undefined;
    const newBias = Float32Array.from({ length: channels }, (_, channel) =>
      scales
        ? (oldBias?.values[channel] ?? 0) * factor(channel)
        : (oldBias?.values[channel] ?? 0) + summand(channel),
    );
    const withBias = oldBias !== undefined || !scales;
    const named = { ...weights, name: filter.name };
    return operation(
      before.operation.name,
      [x, named, ...(withBias ? [{ ...constant(newBias, [channels]), name: oldBias?.name }] : [])],
      value,
      before.operation.attributes,
    );
  });
}

function isResult(value: Value, name: string): value is Result {
  return value.kind === "result" && value.operation.name === name;
}
