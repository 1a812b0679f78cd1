import type { Graph } from "../graph/graph.js";
import { Emitter } from "./emitter.js";
import { type ModelInfo, OnnxModel, type Port } from "./model.js";
import { operators } from "./operators.js";

export interface OnnxOptions extends ModelInfo {
  /** Names of the graph's outputs. */
  outputs: readonly string[];
}

/**
 * Writes a graph as an ONNX file. Its inputs and outputs are those of the graph; a batch size that is left open has the
 * name `batch`.
 *
 * @throws Error where an operation has no ONNX operator
 */
export function writeOnnx(graph: Graph, options: OnnxOptions): Uint8Array {
  const model = new OnnxModel();
  const emitter = new Emitter(model, graph, operators);
  const portShape = (shape: readonly number[]) =>
    shape.map((size) => (size === graph.batch ? "batch" : size));
  const inputs = graph.inputs.map((input): Port => {
    const name = model.unique(input.name);
    emitter.place(input, name);
    return { name, type: input.dtype, shape: portShape(input.shape) };
  });
  const names = options.outputs.map((name) => model.unique(name));
  emitter.emit(graph.outputs);
  const outputs = graph.outputs.map((value, i): Port => {
    model.rename(emitter.use(value), names[i]!);
    return { name: names[i]!, type: value.dtype, shape: portShape(value.shape) };
  });
  return model.encode(inputs, outputs, options);
}
