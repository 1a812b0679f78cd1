import * as tf from "@tensorflow/tfjs";
import {
  broadcastShape,
  constant,
  type DataType,
  type Operation,
  operation,
  reshape,
  sizeOf,
  type Value,
  type Values,
} from "./graph.js";

/*
 * The kernels of TensorFlow.js (and of this project) that can be written down, each as one operation or a few. The
 * operations, with their inputs and attributes:
 *
 * - element by element, with broadcasting: the names in `unary`, `binary` and `comparisons`; `Select(condition, a, b)`; `Cast`;
 *   `ReluGrad(dy, y)`
 * - `Sum`, `Mean`, `Max`, `Min`, `Prod` {axes, keepDims}; `ArgMax` {axis}
 * - `MatMul(a, b)` {transposeA, transposeB}: matrices in the last two axes, the others broadcast
 * - `Conv2D(x, filter)`, `Conv2DBackpropInput(dy, filter)`, `Conv2DBackpropFilter(x, dy)` and the same with `Depthwise` before
 *   them {strides, dilations, pads}: x is `[batch, height, width, channels]`; pads are top, left, bottom, right
 * - `MaxPool(x)`, `AvgPool(x)`, `MaxPoolGrad(dy, x, y)`, `AvgPoolGrad(dy)` {window, strides, pads}
 * - `Reshape`, `Transpose` {perm}, `Concat` {axis}, `Slice` {begin}, `Pad` {before, after, value}, `Reverse` {axes}, `Tile` {reps},
 *   `OneHot` {depth, on, off}, `Softmax`, `LogSoftmax` (over the last axis)
 */

type Inputs = Readonly<Record<string, Value>>;
// Attributes of TensorFlow.js's kernels, each with a type of its own.
// biome-ignore lint/suspicious/noExplicitAny: the kernels' attributes have no common type
type Attributes = any;
type Lowering = (inputs: Inputs, attributes: Attributes) => Value | Value[];

export const unary = [
  ..."Abs Acos Asin Atan Ceil Cos Elu Erf Exp Floor LeakyRelu Log Neg Relu Relu6 Round Rsqrt Selu Sigmoid Sign".split(
    " ",
  ),
  ..."Sin Softplus Sqrt Square Step Tan Tanh".split(" "),
];
export const binary = ["Add", "Maximum", "Minimum", "Multiply", "Pow", "RealDiv", "Sub"];
export const comparisons = [
  "Equal",
  "Greater",
  "GreaterEqual",
  "Less",
  "LessEqual",
  "LogicalAnd",
  "LogicalOr",
];
const reductions = ["Sum", "Mean", "Max", "Min", "Prod"];

/** By kernel name. A kernel that is not here cannot be written down. */
export const lowerings: ReadonlyMap<string, Lowering> = new Map<string, Lowering>([
  ...unary.map((name): [string, Lowering] => [
    name,
    ({ x }, attributes) => operation(name, [x!], x!, unaryAttributes(name, attributes)),
  ]),
  ...binary.map((name): [string, Lowering] => [name, ({ a, b }) => elementwise(name, a!, b!)]),
  ...comparisons.map((name): [string, Lowering] => [name, ({ a, b }) => elementwise(name, a!, b!, "bool")]),
  ...reductions.map((name): [string, Lowering] => [
    name,
    ({ x }, { axis, reductionIndices, keepDims }) =>
      reduce(name, x!, axis ?? reductionIndices, keepDims ?? false),
  ]),
  ["AddN", (inputs) => Object.values(inputs).reduce(add)],
  [
    "Cast",
    ({ x }, { dtype }) => (x!.dtype === dtype ? x! : operation("Cast", [x!], { shape: x!.shape, dtype })),
  ],
  [
    "SquaredDifference",
    ({ a, b }) => {
      const difference = elementwise("Sub", a!, b!);
      return operation("Square", [difference], difference);
    },
  ],
  ["LogicalNot", ({ x }) => operation("LogicalNot", [x!], x!)],
  ["Identity", ({ x }) => x!],
  ["StopGradient", ({ x }) => x!],
  ["Reshape", ({ x }, { shape }) => reshape(x!, tf.util.inferFromImplicitShape(shape, sizeOf(x!.shape)))],
  ["ExpandDims", ({ input }, { dim }) => reshape(input!, inserted(input!.shape, dim))],
  [
    "Pack",
    (inputs, { axis }) =>
      concat(
        Object.values(inputs).map((each) => reshape(each, inserted(each.shape, axis))),
        axis,
      ),
  ],
  [
    "Unpack",
    ({ value }, { axis }) => {
      const at = axisOf(axis, value!.shape.length);
      const without = value!.shape.filter((_, i) => i !== at);
      return slices(value!, at, new Array<number>(value!.shape[at]!).fill(1)).map((each) =>
        reshape(each, without),
      );
    },
  ],
  ["Concat", (inputs, { axis }) => concat(Object.values(inputs), axis)],
  [
    "SplitV",
    ({ x }, { numOrSizeSplits, axis }) => {
      const at = axisOf(axis, x!.shape.length);
      return slices(x!, at, tf.backend_util.prepareSplitSize(x as unknown as tf.Tensor, numOrSizeSplits, at));
    },
  ],
  [
    "Slice",
    ({ x }, { begin, size }) => {
      const [from, sizes] = tf.slice_util.parseSliceParams(x as unknown as tf.Tensor, begin, size);
      return slice(x!, from!, sizes!);
    },
  ],
  [
    "Transpose",
    ({ x }, { perm }) =>
      operation(
        "Transpose",
        [x!],
        { shape: perm.map((axis: number) => x!.shape[axis]!), dtype: x!.dtype },
        { perm },
      ),
  ],
  [
    "Tile",
    ({ x }, { reps }) =>
      operation(
        "Tile",
        [x!],
        { shape: x!.shape.map((size, i) => size * reps[i]), dtype: x!.dtype },
        { reps },
      ),
  ],
  [
    "Reverse",
    ({ x }, { dims }) =>
      operation("Reverse", [x!], x!, { axes: tf.util.parseAxisParam(dims, [...x!.shape]) }),
  ],
  [
    "PadV2",
    ({ x }, { paddings, constantValue }) => {
      const [before, after] = [0, 1].map((side) =>
        paddings.map((padding: [number, number]) => padding[side]),
      );
      const shape = x!.shape.map((size, i) => before[i]! + size + after[i]!);
      return operation("Pad", [x!], { shape, dtype: x!.dtype }, { before, after, value: constantValue });
    },
  ],
  [
    "OneHot",
    ({ indices }, { dtype, depth, onValue, offValue }) =>
      operation(
        "OneHot",
        [indices!],
        { shape: [...indices!.shape, depth], dtype },
        { depth, on: onValue, off: offValue },
      ),
  ],
  [
    "Select",
    ({ condition, t, e }) => {
      const rank = t!.shape.length;
      const shaped =
        condition!.shape.length === rank
          ? condition!
          : reshape(condition!, [
              ...condition!.shape,
              ...new Array<number>(rank - condition!.shape.length).fill(1),
            ]);
      return operation("Select", [shaped, t!, e!], t!);
    },
  ],
  ["Softmax", ({ logits }) => operation("Softmax", [logits!], logits!)],
  ["LogSoftmax", ({ logits }) => operation("LogSoftmax", [logits!], logits!)],
  [
    "ArgMax",
    ({ x }, { axis }) => {
      const at = axisOf(axis, x!.shape.length);
      return operation(
        "ArgMax",
        [x!],
        { shape: x!.shape.filter((_, i) => i !== at), dtype: "int32" },
        { axis: at },
      );
    },
  ],

  ["BatchMatMul", ({ a, b }, { transposeA, transposeB }) => matMul(a!, b!, transposeA, transposeB)],
  [
    "_FusedMatMul",
    (inputs, attributes) =>
      finished(
        matMul(inputs.a!, inputs.b!, attributes.transposeA, attributes.transposeB),
        inputs,
        attributes,
      ),
  ],
  ["Conv2D", ({ x, filter }, attributes) => convolve("Conv2D", x!, filter!, attributes)],
  [
    "FusedConv2D",
    (inputs, attributes) =>
      finished(convolve("Conv2D", inputs.x!, inputs.filter!, attributes), inputs, attributes),
  ],
  [
    "DepthwiseConv2dNative",
    ({ x, filter }, attributes) => convolve("DepthwiseConv2D", x!, filter!, attributes),
  ],
  [
    "FusedDepthwiseConv2D",
    (inputs, attributes) =>
      finished(convolve("DepthwiseConv2D", inputs.x!, inputs.filter!, attributes), inputs, attributes),
  ],
  ["Conv2DBackpropInput", ({ dy, filter }, attributes) => inputGradient("Conv2D", dy!, filter!, attributes)],
  ["Conv2DBackpropFilter", ({ x, dy }, attributes) => filterGradient("Conv2D", x!, dy!, attributes)],
  [
    "DepthwiseConv2dNativeBackpropInput",
    ({ dy, filter }, attributes) => inputGradient("DepthwiseConv2D", dy!, filter!, attributes),
  ],
  [
    "DepthwiseConv2dNativeBackpropFilter",
    ({ x, dy }, attributes) => filterGradient("DepthwiseConv2D", x!, dy!, attributes),
  ],
  ["MaxPool", ({ x }, attributes) => pool("MaxPool", x!, attributes)],
  ["AvgPool", ({ x }, attributes) => pool("AvgPool", x!, attributes)],
  [
    "MaxPoolGrad",
    ({ dy, input, output }, attributes) =>
      operation("MaxPoolGrad", [dy!, input!, output!], input!, poolAttributes(input!, attributes).attributes),
  ],
  [
    "AvgPoolGrad",
    ({ dy, input }, attributes) =>
      operation("AvgPoolGrad", [dy!], input!, poolAttributes(input!, attributes).attributes),
  ],

  ["ReluGrad", ({ dy, y }) => operation("ReluGrad", [dy!, y!], dy!)],
]);

/** Kernels that are made of others, each of which is written down or, where all is constant, computed. */
export const composed: ReadonlyMap<
  string,
  (inputs: Readonly<Record<string, tf.Tensor | undefined>>, attributes: Attributes) => tf.Tensor
> = new Map([
  [
    "FusedBatchNorm",
    ({ x, scale, offset, mean, variance }, { varianceEpsilon }) => {
      const inverse = variance!.add(varianceEpsilon).rsqrt();
      const shifted = x!.sub(mean!).mul(scale === undefined ? inverse : inverse.mul(scale));
      return offset === undefined ? shifted : shifted.add(offset);
    },
  ],
]);

/** Kernels whose output follows from attributes and shapes alone. */
export const uniform: ReadonlyMap<
  string,
  (inputs: Inputs, attributes: Attributes) => { value: number; shape: number[]; dtype: DataType }
> = new Map([
  ["ZerosLike", ({ x }: Inputs) => ({ value: 0, shape: [...x!.shape], dtype: x!.dtype })],
  ["OnesLike", ({ x }: Inputs) => ({ value: 1, shape: [...x!.shape], dtype: x!.dtype })],
  ["Fill", (_: Inputs, { shape, value, dtype }: Attributes) => ({ value, shape, dtype: dtype ?? "float32" })],
]);

const arrays = { float32: Float32Array, int32: Int32Array, bool: Uint8Array };

export function filled({ value, shape, dtype }: { value: number; shape: number[]; dtype: DataType }) {
  return constant(new arrays[dtype](sizeOf(shape)).fill(value) as Values, shape, dtype);
}

const add = (a: Value, b: Value) => elementwise("Add", a, b);

function elementwise(name: string, a: Value, b: Value, dtype: DataType = a.dtype): Value {
  return operation(name, [a, b], { shape: broadcastShape(a.shape, b.shape), dtype });
}

function unaryAttributes(name: string, { alpha }: Attributes): Operation["attributes"] {
  return (name === "LeakyRelu" || name === "Step") && alpha !== undefined ? { alpha } : {};
}

function axisOf(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

function inserted(shape: readonly number[], at: number): number[] {
  return shape.toSpliced(axisOf(at, shape.length + 1), 0, 1);
}

function reduce(
  name: string,
  x: Value,
  axis: number | number[] | null | undefined,
  keepDims: boolean,
): Value {
  const axes = tf.util.parseAxisParam(axis!, [...x.shape]);
  const shape = keepDims
    ? x.shape.map((size, i) => (axes.includes(i) ? 1 : size))
    : x.shape.filter((_, i) => !axes.includes(i));
  if (axes.every((each) => x.shape[each] === 1)) return reshape(x, shape);
  return operation(name, [x], { shape, dtype: x.dtype }, { axes, keepDims });
}

function concat(parts: readonly Value[], axis: number): Value {
  const at = axisOf(axis, parts[0]!.shape.length);
  const present = parts.filter((part) => sizeOf(part.shape) > 0);
  if (present.length === 1) return present[0]!;
  const size = present.reduce((sum, part) => sum + part.shape[at]!, 0);
  const { shape, dtype } = present[0]!;
  return operation("Concat", present, { shape: shape.with(at, size), dtype }, { axis: at });
}

function slice(x: Value, begin: readonly number[], shape: readonly number[]): Value {
  if (shape.every((size, i) => size === x.shape[i])) return x;
  return operation("Slice", [x], { shape, dtype: x.dtype }, { begin });
}

function slices(x: Value, axis: number, sizes: readonly number[]): Value[] {
  let from = 0;
  return sizes.map((size) => {
    const begin = x.shape.map((_, i) => (i === axis ? from : 0));
    from += size;
    return slice(x, begin, x.shape.with(axis, size));
  });
}

function matMul(a: Value, b: Value, transposeA: boolean, transposeB: boolean): Value {
  const [rows, columns] = [a.shape.at(transposeA ? -1 : -2)!, b.shape.at(transposeB ? -2 : -1)!];
  const outer = broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const shape = [...outer, rows, columns];
  if (outer.length > 0 && sizeOf(outer) === 1) {
    const [left, right] = [a, b].map((each) => reshape(each, each.shape.slice(-2)));
    return reshape(matMul(left!, right!, transposeA, transposeB), shape);
  }
  return operation("MatMul", [a, b], { shape, dtype: "float32" }, { transposeA, transposeB });
}

/** What a fused kernel does after its product. */
function finished(
  product: Value,
  { bias, preluActivationWeights }: Inputs,
  { activation, leakyreluAlpha }: Attributes,
): Value {
  const sum = bias === undefined ? product : add(product, bias);
  if (preluActivationWeights !== undefined) throw new Error("PReLU in a fused kernel cannot be recorded");
  const names: Record<string, string> = {
    relu: "Relu",
    relu6: "Relu6",
    elu: "Elu",
    sigmoid: "Sigmoid",
    leakyrelu: "LeakyRelu",
  };
  if (activation === undefined || activation === null || activation === "linear") return sum;
  const name = names[activation];
  if (name === undefined)
    throw new Error(`the activation ${activation} in a fused kernel cannot be recorded`);
  return operation(name, [sum], sum, unaryAttributes(name, { alpha: leakyreluAlpha }));
}

type Four = [number, number, number, number];

function convolutionInfo(
  x: readonly number[],
  filter: readonly number[],
  { strides, pad, dilations, dimRoundingMode, dataFormat }: Attributes,
  depthwise: boolean,
) {
  if ((dataFormat ?? "NHWC") !== "NHWC") throw new Error("a convolution of channels-first tensors");
  const info = tf.backend_util.computeConv2DInfo(
    [...x] as Four,
    [...filter] as Four,
    strides,
    dilations ?? 1,
    pad,
    dimRoundingMode,
    depthwise,
  );
  const { top, left, bottom, right } = info.padInfo;
  const attributes = {
    strides: [info.strideHeight, info.strideWidth],
    dilations: [info.dilationHeight, info.dilationWidth],
    pads: [top, left, bottom, right],
  };
  return { shape: info.outShape, attributes };
}

type Convolution = "Conv2D" | "DepthwiseConv2D";

function convolve(name: Convolution, x: Value, filter: Value, attributes: Attributes): Value {
  const info = convolutionInfo(x.shape, filter.shape, attributes, name !== "Conv2D");
  return operation(name, [x, filter], { shape: info.shape, dtype: "float32" }, info.attributes);
}

function inputGradient(name: Convolution, dy: Value, filter: Value, attributes: Attributes): Value {
  const shape = attributes.inputShape as number[];
  const info = convolutionInfo(shape, filter.shape, attributes, name !== "Conv2D");
  return operation(`${name}BackpropInput`, [dy, filter], { shape, dtype: "float32" }, info.attributes);
}

function filterGradient(name: Convolution, x: Value, dy: Value, attributes: Attributes): Value {
  const shape = attributes.filterShape as number[];
  const info = convolutionInfo(x.shape, shape, attributes, name !== "Conv2D");
  return operation(`${name}BackpropFilter`, [x, dy], { shape, dtype: "float32" }, info.attributes);
}

function poolAttributes(x: Value, { filterSize, strides, pad, dimRoundingMode }: Attributes) {
  const info = tf.backend_util.computePool2DInfo(
    [...x.shape] as Four,
    filterSize,
    strides,
    1,
    pad,
    dimRoundingMode,
  );
  const { top, left, bottom, right } = info.padInfo;
  const attributes = {
    window: [info.filterHeight, info.filterWidth],
    strides: [info.strideHeight, info.strideWidth],
    pads: [top, left, bottom, right],
  };
  return { shape: info.outShape, attributes };
}

function pool(name: string, x: Value, attributes: Attributes): Value {
  const info = poolAttributes(x, attributes);
  return operation(name, [x], { shape: info.shape, dtype: "float32" }, info.attributes);
}
