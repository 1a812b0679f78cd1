import type { DataType, Values } from "../graph/graph.js";
import { Message } from "./protobuf.js";

/*
 * ONNX's file format: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto. Field numbers are those of that file.
 */

/** Of the format, and of the operators; ONNX Runtime 1.12 and later know both. */
const irVersion = 8;
const opset = 17;

const elementTypes = { float32: 1, int32: 6, int64: 7, bool: 9, uint8: 2, int8: 3 } as const;
export type ElementType = keyof typeof elementTypes;

/** The number that attributes name a type by. */
export const elementType = (dtype: DataType): number => elementTypes[dtype];

export type AttributeValue = number | string | readonly number[] | { float: number };

/** The tensors that a model takes and gives; a dimension of text is one left open. */
export interface Port {
  name: string;
  type: ElementType;
  shape: readonly (number | string)[];
}

/** An ONNX model under construction: nodes in the order in which they can run. */
export class OnnxModel {
  private readonly nodes: Message[] = [];
  private readonly initializers: Message[] = [];
  private readonly small = new Map<string, string>();
  private readonly names = new Set<string>();
  private count = 0;

  /** Adds a node and returns the name of its output. */
  node(
    operator: string,
    inputs: readonly string[],
    attributes: Record<string, AttributeValue | undefined> = {},
  ): string {
    return this.several(operator, inputs, attributes, 1)[0]!;
  }

  /** Adds a node with several outputs. */
  several(
    operator: string,
    inputs: readonly string[],
    attributes: Record<string, AttributeValue | undefined>,
    count: number,
  ): string[] {
    const outputs = Array.from({ length: count }, () => this.unique(operator));
    this.addNode(operator, inputs, outputs, attributes);
    return outputs;
  }

  private addNode(
    operator: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: Record<string, AttributeValue | undefined>,
  ): void {
    const written = Object.entries(attributes).filter(([, value]) => value !== undefined);
    this.nodes.push(
      new Message()
        .each(inputs, (node, name) => node.string(1, name))
        .each(outputs, (node, name) => node.string(2, name))
        .string(3, outputs[0]!)
        .string(4, operator)
        .each(written, (node, [name, value]) => node.message(5, attribute(name, value!))),
    );
  }

  /** Gives a tensor a second name. */
  rename(name: string, output: string): void {
    this.addNode("Identity", [name], [output], {});
  }

  /** A name that nothing else has. */
  unique(like: string): string {
    let name = like;
    while (name === "" || this.names.has(name)) name = `${like}_${++this.count}`;
    this.names.add(name);
    return name;
  }

  /** Adds a tensor that is stored with the model and returns its name. */
  tensor(values: Values | Int8Array, shape: readonly number[], type: ElementType, like = "constant"): string {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const name = this.unique(like);
    this.initializers.push(
      new Message()
        .each(shape, (tensor, size) => tensor.integer(1, size))
        .integer(2, elementTypes[type])
        .string(8, name)
        .bytes(9, bytes),
    );
    return name;
  }

  /** A list of 64-bit integers, which operators take shapes and axes as; equal ones are stored once. */
  integers(values: readonly number[]): string {
    return this.once(`int64:${values}`, () => {
      const bytes = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
      return this.tensor(bytes, [values.length], "int64", "integers");
    });
  }

  /** A scalar; equal ones are stored once. */
  scalar(value: number): string {
    return this.once(`float:${value}`, () => this.tensor(Float32Array.of(value), [], "float32", "scalar"));
  }

  private once(key: string, make: () => string): string {
    const name = this.small.get(key) ?? make();
    this.small.set(key, name);
    return name;
  }

  /** The bytes of the file. */
  encode(inputs: readonly Port[], outputs: readonly Port[], about: ModelInfo): Uint8Array {
    const graph = new Message()
      .each(this.nodes, (graph, node) => graph.message(1, node))
      .string(2, about.name)
      .each(this.initializers, (graph, tensor) => graph.message(5, tensor))
      .each(inputs, (graph, port) => graph.message(11, valueInfo(port)))
      .each(outputs, (graph, port) => graph.message(12, valueInfo(port)));
    return new Message()
      .integer(1, irVersion)
      .string(2, "keyspot")
      .string(3, about.version)
      .message(7, graph)
      .message(8, new Message().string(1, "").integer(2, opset))
      .each(Object.entries(about.metadata), (model, [key, value]) =>
        model.message(14, new Message().string(1, key).string(2, value)),
      )
      .encode();
  }
}

export interface ModelInfo {
  name: string;
  /** Of the program that wrote it. */
  version: string;
  metadata: Record<string, string>;
}

function attribute(name: string, value: AttributeValue): Message {
  const [float, integer, string, integers] = [1, 2, 3, 7];
  const message = new Message().string(1, name);
  if (typeof value === "string") return message.string(4, value).integer(20, string);
  if (typeof value === "number") return message.integer(3, value).integer(20, integer);
  if ("float" in value) return message.float(2, value.float).integer(20, float);
  return message.each(value, (each, item) => each.integer(8, item)).integer(20, integers);
}

function valueInfo({ name, type, shape }: Port): Message {
  const dimensions = new Message().each(shape, (all, size) => {
    const dimension = new Message();
    all.message(1, typeof size === "string" ? dimension.string(2, size) : dimension.integer(1, size));
  });
  const tensor = new Message().integer(1, elementTypes[type]).message(2, dimensions);
  return new Message().string(1, name).message(2, new Message().message(1, tensor));
}
