import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { requireFromTfjsNode } from "../load.js";
import type { Binding, OperationAttribute } from "../node-backend.js";
import { bytesOf, type RecordedConstant, type RecordedTensor } from "./recording.js";

/** A protobuf message class of TensorFlow's, from tfjs-node; only what is used here. */
type Message = Record<string, (...values: unknown[]) => unknown> & { serializeBinary(): Uint8Array };
type Messages = Record<
  | "SavedModel"
  | "MetaGraphDef"
  | "GraphDef"
  | "NodeDef"
  | "AttrValue"
  | "Tensor"
  | "TensorShape"
  | "VersionDef",
  (new () => Message) & Record<string, new () => Message>
>;

/** Version of the graph format: that of TensorFlow 2.9, the oldest that is supported here. */
const graphVersion = 1087;
const tag = "step";

/** A graph of TensorFlow operations under construction. It names the operations. */
export class Graph {
  private readonly binding: Binding;
  private readonly messages: Messages;
  private readonly graph: Message;
  private count = 0;

  constructor(binding: Binding) {
    this.binding = binding;
    this.messages = requireFromTfjsNode("./dist/proto/api_pb") as Messages;
    this.graph = new this.messages.GraphDef();
  }

  /**
   * Adds an operation and returns its name.
   *
   * @param inputs `name:output`
   * @param after names of operations that must run before
   */
  add(
    operation: string,
    inputs: readonly string[],
    attributes: readonly OperationAttribute[],
    after: Iterable<string> = [],
  ): string {
    const node = new this.messages.NodeDef();
    const name = `step_${this.count++}`;
    node.setName!(name);
    node.setOp!(operation);
    for (const input of inputs) node.addInput!(input);
    for (const before of new Set(after)) node.addInput!(`^${before}`);
    const map = node.getAttrMap!() as Map<string, Message>;
    for (const attribute of attributes) map.set(attribute.name, this.attribute(attribute));
    this.graph.addNode!(node);
    return name;
  }

  placeholder({ dtype, shape }: RecordedTensor): string {
    return this.add("Placeholder", [], [this.type("dtype", dtype), this.shapeAttribute(shape)]);
  }

  constant({ dtype, shape, values }: RecordedConstant): string {
    const name = this.add("Const", [], [this.type("dtype", dtype)]);
    const tensor = new this.messages.Tensor();
    tensor.setDtype!(dtype);
    tensor.setTensorShape!(this.shape(shape));
    tensor.setTensorContent!(new Uint8Array(bytesOf(values)));
    const value = new this.messages.AttrValue();
    value.setTensor!(tensor);
    const nodes = this.graph.getNodeList!() as Message[];
    (nodes.at(-1)!.getAttrMap!() as Map<string, Message>).set("value", value);
    return name;
  }

  type(name: string, dtype: number): OperationAttribute {
    return { name, type: this.binding.TF_ATTR_TYPE, value: dtype };
  }

  shapeAttribute(shape: readonly number[]): OperationAttribute {
    return { name: "shape", type: this.binding.TF_ATTR_SHAPE, value: shape };
  }

  /**
   * Loads the graph as a saved model, the addon's only way to a session. Returns its number for
   * `runSavedModel`.
   */
  load(): number {
    const versions = new this.messages.VersionDef();
    versions.setProducer!(graphVersion);
    this.graph.setVersions!(versions);
    const about = new this.messages.MetaGraphDef.MetaInfoDef!();
    about.addTags!(tag);
    const meta = new this.messages.MetaGraphDef();
    meta.setMetaInfoDef!(about);
    meta.setGraphDef!(this.graph);
    const saved = new this.messages.SavedModel();
    saved.setSavedModelSchemaVersion!(1);
    saved.addMetaGraphs!(meta);
    const folder = mkdtempSync(join(tmpdir(), "keyspot-step-"));
    try {
      writeFileSync(join(folder, "saved_model.pb"), saved.serializeBinary());
      return this.binding.loadSavedModel(folder, tag);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  private attribute({ type, value }: OperationAttribute): Message {
    const { binding, messages } = this;
    const result = new messages.AttrValue();
    if (type === binding.TF_ATTR_TYPE) result.setType!(value);
    else if (type === binding.TF_ATTR_STRING) result.setS!(new TextEncoder().encode(value as string));
    else if (type === binding.TF_ATTR_SHAPE) result.setShape!(this.shape(value as number[]));
    else {
      const kinds = { [binding.TF_ATTR_INT]: "I", [binding.TF_ATTR_FLOAT]: "F", [binding.TF_ATTR_BOOL]: "B" };
      const kind = kinds[type];
      if (kind === undefined) throw new Error(`an attribute of type ${type}`);
      if (Array.isArray(value)) {
        const list = new messages.AttrValue.ListValue!();
        list[`set${kind}List`]!(value);
        result.setList!(list);
      } else {
        result[`set${kind}`]!(value);
      }
    }
    return result;
  }

  private shape(sizes: readonly number[]): Message {
    const shape = new this.messages.TensorShape();
    for (const size of sizes) {
      const dim = new this.messages.TensorShape.Dim!();
      dim.setSize!(size);
      shape.addDim!(dim);
    }
    return shape;
  }
}
