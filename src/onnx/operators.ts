import type { Result, Value } from "../graph/graph.js";
import { type Emit, type Emitter, type Form, forShape, order, withRank } from "./emitter.js";
import { type AttributeValue, elementType } from "./model.js";

/* ONNX's operators for the operations of a graph: https://onnx.ai/onnx/operators/ */

type Numbers = readonly number[];

/** Operations that ONNX has under this name. */
const sameMeaning: Record<string, string> = {
  ...Object.fromEntries(
    "Abs Acos Asin Atan Ceil Cos Elu Erf Exp Floor Log Neg Relu Round Selu Sigmoid Sign Sin Softplus Sqrt Tan Tanh Add Sub Pow Equal Greater Less"
      .split(" ")
      .map((name) => [name, name]),
  ),
  Multiply: "Mul",
  RealDiv: "Div",
  Maximum: "Max",
  Minimum: "Min",
  GreaterEqual: "GreaterOrEqual",
  LessEqual: "LessOrEqual",
  LogicalAnd: "And",
  LogicalOr: "Or",
  LogicalNot: "Not",
  Select: "Where",
};

export const operators: ReadonlyMap<string, Emit> = new Map<string, Emit>([
  ...Object.entries(sameMeaning).map(([name, operator]): [string, Emit] => [
    name,
    elementwise(({ model }, inputs) => model.node(operator, inputs)),
  ]),
  ["Square", elementwise(({ model }, [x]) => model.node("Mul", [x!, x!]))],
  ["Rsqrt", elementwise(({ model }, [x]) => model.node("Reciprocal", [model.node("Sqrt", [x!])]))],
  ["Relu6", elementwise(({ model }, [x]) => model.node("Clip", [x!, model.scalar(0), model.scalar(6)]))],
  [
    "LeakyRelu",
    elementwise(({ model }, [x], { alpha }) =>
      model.node("LeakyRelu", [x!], { alpha: { float: alpha as number } }),
    ),
  ],
  ["Step", elementwise(({ model }, [x]) => positive(model, x!))],
  ["ReluGrad", elementwise(({ model }, [dy, y]) => model.node("Mul", [dy!, positive(model, y!)]))],
  [
    "Cast",
    elementwise(({ model }, [x], _, { dtype }) => model.node("Cast", [x!], { to: elementType(dtype) })),
  ],
  ["Softmax", inForm("last", ({ model }, [x]) => model.node("Softmax", [x!], { axis: -1 }))],
  ["LogSoftmax", inForm("last", ({ model }, [x]) => model.node("LogSoftmax", [x!], { axis: -1 }))],
  [
    "ArgMax",
    inForm("last", ({ model }, [x], { axis }) => {
      const found = model.node("ArgMax", [x!], { axis: axis as number, keepdims: 0 });
      return model.node("Cast", [found], { to: elementType("int32") });
    }),
  ],
  ...["Sum", "Mean", "Max", "Min", "Prod"].map((name): [string, Emit] => [
    name,
    (emitter, value) => reduce(emitter, value, `Reduce${name}`),
  ]),
  ["MatMul", matMul],
  ["Conv2D", convolve],
  ["DepthwiseConv2D", convolve],
  ["MaxPool", (emitter, value) => pool(emitter, value, "MaxPool", {})],
  ["AvgPool", (emitter, value) => pool(emitter, value, "AveragePool", { count_include_pad: 0 })],
  [
    "Concat",
    (emitter, value) => {
      const { inputs, attributes } = value.operation;
      const form = formOf(emitter, inputs);
      const axis = order(form, value.shape.length).indexOf(attributes.axis as number);
      const parts = inputs.map((input) => emitter.use(input, form));
      emitter.set(value, form, emitter.model.node("Concat", parts, { axis }));
    },
  ],
  ["Slice", slice],
  ["Pad", pad],
  [
    "Tile",
    inNativeForm((emitter, x, { reps }, form) =>
      emitter.model.node("Tile", [x, emitter.shape(forShape(form, reps as Numbers))]),
    ),
  ],
  [
    "Reverse",
    inNativeForm(({ model }, x, { axes }, form, value) => {
      const each = (number: number) => model.integers((axes as Numbers).map(() => number));
      const stored = order(form, value.shape.length);
      const places = model.integers((axes as Numbers).map((axis) => stored.indexOf(axis)));
      return model.node("Slice", [x, each(-1), each(-(2 ** 31)), places, each(-1)]);
    }),
  ],
  [
    "OneHot",
    inForm("last", ({ model }, [indices], { depth, on, off }, { dtype }) => {
      const values = model.tensor(
        dtype === "float32"
          ? Float32Array.of(off as number, on as number)
          : Int32Array.of(off as number, on as number),
        [2],
        dtype,
      );
      return model.node("OneHot", [indices!, model.integers([depth as number]), values], { axis: -1 });
    }),
  ],
]);

type Node = (
  emitter: Emitter,
  inputs: string[],
  attributes: Result["operation"]["attributes"],
  value: Result,
) => string;

function positive(model: Emitter["model"], x: string): string {
  return model.node("Cast", [model.node("Greater", [x, model.scalar(0)])], { to: elementType("float32") });
}

/** Channels first where an input is that already. */
export function formOf(emitter: Emitter, inputs: readonly Value[]): Form {
  const largest = Math.max(...inputs.map(({ shape }) => shape.length));
  const first = inputs.some((input) => input.shape.length === largest && emitter.native(input) === "first");
  return first ? "first" : "last";
}

/** Element by element, with broadcasting. */
export function elementwise(node: Node): Emit {
  return (emitter, value) => {
    const { inputs, attributes } = value.operation;
    const rank = value.shape.length;
    const whole = inputs.filter(({ shape }) => shape.length === rank);
    const form = formOf(emitter, whole);
    const operands = inputs.map((input) => {
      if (form === "last" || input.shape.length === 0) return emitter.use(input);
      return emitter.use(withRank(input, rank), form);
    });
    emitter.set(value, form, node(emitter, operands, attributes, value));
  };
}

/** With all inputs in one form, which is the output's too. */
export function inForm(form: Form, node: Node): Emit {
  return (emitter, value) => {
    const { inputs, attributes } = value.operation;
    const operands = inputs.map((input) => emitter.use(input, form));
    emitter.set(value, form, node(emitter, operands, attributes, value));
  };
}

function inNativeForm(
  node: (
    emitter: Emitter,
    x: string,
    attributes: Result["operation"]["attributes"],
    form: Form,
    value: Result,
  ) => string,
): Emit {
  return (emitter, value) => {
    const { inputs, attributes } = value.operation;
    const form = emitter.native(inputs[0]!);
    emitter.set(value, form, node(emitter, emitter.use(inputs[0]!, form), attributes, form, value));
  };
}

function reduce(emitter: Emitter, value: Result, operator: string): void {
  const { inputs, attributes } = value.operation;
  const x = inputs[0]!;
  const { axes, keepDims } = attributes as { axes: Numbers; keepDims: boolean };
  const rank = x.shape.length;
  const native = emitter.native(x);
  /** The form of the output when the input has this one. */
  const outputForm = (form: Form): Form | undefined => {
    if (keepDims || form === "last") return form;
    const left = order(form, rank).filter((axis) => !axes.includes(axis));
    const rising = left.every((axis, i) => i === 0 || axis > left[i - 1]!);
    if (rising) return "last";
    const kept = left.toSorted((a, b) => a - b);
    return order("first", kept.length).every((place, i) => kept[place] === left[i]) ? "first" : undefined;
  };
  const form = outputForm(native) === undefined ? "last" : native;
  const stored = order(form, rank);
  const places = axes.map((axis) => stored.indexOf(axis)).toSorted((a, b) => a - b);
  const keepdims = keepDims ? 1 : 0;
  const input = emitter.use(x, form);
  const { model } = emitter;
  // Of the reductions only the sum takes its axes as an input in this operator set.
  const name =
    operator === "ReduceSum"
      ? model.node(operator, [input, model.integers(places)], { keepdims })
      : model.node(operator, [input], { axes: places, keepdims });
  emitter.set(value, outputForm(form)!, name);
}

function matMul(emitter: Emitter, value: Result): void {
  const { inputs, attributes } = value.operation;
  const { model } = emitter;
  const [a, b, bias] = inputs as [Value, Value, Value | undefined];
  const [transA, transB] = [attributes.transposeA ? 1 : 0, attributes.transposeB ? 1 : 0];
  if (value.shape.length === 2) {
    const operands = [a, b, ...(bias === undefined ? [] : [bias])].map((input) => emitter.use(input));
    emitter.set(
      value,
      "last",
      transA + transB === 0 && bias === undefined
        ? model.node("MatMul", operands)
        : model.node("Gemm", operands, { transA, transB }),
    );
    return;
  }
  const turned = (input: Value, transposed: unknown) => {
    const axes = order("last", input.shape.length);
    const [row, column] = axes.slice(-2);
    return transposed ? emitter.permuted(input, [...axes.slice(0, -2), column!, row!]) : emitter.use(input);
  };
  emitter.set(value, "last", model.node("MatMul", [turned(a, transA), turned(b, transB)]));
}

function convolve(emitter: Emitter, value: Result): void {
  const { name, inputs, attributes } = value.operation;
  const [x, filter, bias] = inputs as [Value, Value, Value | undefined];
  const [height, width, channels, times] = filter.shape as [number, number, number, number];
  const depthwise = name === "DepthwiseConv2D";
  // [height, width, in, out] → [out, in, height, width]; of a depthwise one [height, width, channels, times] → [channels · times, 1, …]
  const turned = depthwise
    ? emitter.reshaped(emitter.permuted(filter, [2, 3, 0, 1]), [channels * times, 1, height, width])
    : emitter.permuted(filter, [3, 2, 0, 1]);
  const operands = [emitter.use(x, "first"), turned, ...(bias === undefined ? [] : [emitter.use(bias)])];
  const node = emitter.model.node("Conv", operands, {
    ...(attributes as Record<string, AttributeValue>),
    kernel_shape: [height, width],
    group: depthwise ? channels : 1,
  });
  emitter.set(value, "first", node);
}

function pool(emitter: Emitter, value: Result, operator: string, more: Record<string, number>): void {
  const { inputs, attributes } = value.operation;
  const { window, strides, pads } = attributes as Record<string, Numbers>;
  const node = emitter.model.node(operator, [emitter.use(inputs[0]!, "first")], {
    kernel_shape: window,
    strides,
    pads,
    ...more,
  });
  emitter.set(value, "first", node);
}

function slice(emitter: Emitter, value: Result): void {
  const { inputs, attributes } = value.operation;
  const x = inputs[0]!;
  const { model } = emitter;
  const form = emitter.native(x);
  const begin = attributes.begin as Numbers;
  const stored = order(form, x.shape.length);
  const cut = stored.filter((axis) => value.shape[axis] !== x.shape[axis]);
  if (cut.some((axis) => emitter.isBatch(x.shape[axis]!))) throw new Error("a slice cuts the batch");
  const node = model.node("Slice", [
    emitter.use(x, form),
    model.integers(cut.map((axis) => begin[axis]!)),
    model.integers(cut.map((axis) => begin[axis]! + value.shape[axis]!)),
    model.integers(cut.map((axis) => stored.indexOf(axis))),
  ]);
  emitter.set(value, form, node);
}

function pad(emitter: Emitter, value: Result): void {
  const { inputs, attributes } = value.operation;
  const { model } = emitter;
  const form = emitter.native(inputs[0]!);
  const { before, after } = attributes as { before: Numbers; after: Numbers };
  const node = model.node("Pad", [
    emitter.use(inputs[0]!, form),
    model.integers([...forShape(form, before), ...forShape(form, after)]),
    model.scalar(attributes.value as number),
  ]);
  emitter.set(value, form, node);
}
