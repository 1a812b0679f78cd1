import * as tf from "@tensorflow/tfjs";
import { Graph } from "./graph.js";
import type { Binding, NodeBackend } from "./node-backend.js";
import type { RecordedInput, Recording, Source } from "./recording.js";

/** Operations whose output is their first input, read in another shape. */
const aliases = new Set(["Reshape", "Identity"]);

/** A recorded step as a graph with variables of its own, loaded and ready to be run. */
export class StepGraph {
  private readonly backend: NodeBackend;
  private readonly model: number;
  private readonly inputs: readonly RecordedInput[];
  private readonly state: readonly tf.Variable[];
  private readonly names: GraphNames;
  /** Whether the graph's variables hold what those of TensorFlow.js should. */
  private ahead = false;

  /** @throws Error of TensorFlow's where it refuses the graph */
  constructor(backend: NodeBackend, recording: Recording, state: readonly tf.Variable[]) {
    this.backend = backend;
    this.inputs = recording.inputs;
    this.state = state;
    const graph = new Graph(backend.binding);
    this.names = build(graph, backend.binding, recording);
    this.model = graph.load();
  }

  run(): tf.Tensor {
    const { backend, names } = this;
    if (!this.ahead) this.upload();
    return tf.tidy(() => {
      const ids = backend.getInputTensorIds(this.inputs.map(({ make }) => make()));
      return this.call(ids, names.inputs, [names.result])[0]!;
    });
  }

  /** Gives TensorFlow.js's variables the values of the graph's. */
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
    this.download();
    this.backend.binding.deleteSavedModel(this.model);
  }

  private upload(): void {
    const ids = this.backend.getInputTensorIds([...this.state]);
    tf.dispose(this.call(ids, this.names.values, [this.names.assigned]));
    this.ahead = true;
  }

  private call(ids: number[], inputs: readonly string[], outputs: readonly string[]): tf.Tensor[] {
    const { backend, names, model } = this;
    // The addon takes an empty list of names for one empty name.
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

/** What can be fed and fetched, each `operation:output`. */
interface GraphNames {
  inputs: string[];
  result: string;
  /** New values of the variables, and what is there once they have taken them. */
  values: string[];
  assigned: string;
  reads: string[];
  /** Can be fed with a scalar that nobody looks at. */
  nothing: string;
}

function build(graph: Graph, binding: Binding, recording: Recording): GraphNames {
  const { operations, constants, inputs, variables, ends, result } = recording;
  const output = (name: string, number = 0) => `${name}:${number}`;

  const inputNames = inputs.map((input) => output(graph.placeholder(input)));
  const constantNames = constants.map((constant) => output(graph.constant(constant)));
  const nothing = output(graph.placeholder({ dtype: binding.TF_FLOAT, shape: [] }));

  const handles = variables.map(({ dtype, shape }, i) =>
    output(
      graph.add(
        "VarHandleOp",
        [],
        [
          graph.type("dtype", dtype),
          graph.shapeAttribute(shape),
          { name: "shared_name", type: binding.TF_ATTR_STRING, value: `variable_${i}` },
        ],
      ),
    ),
  );
  const read = (variable: number, after: Iterable<string> = []) =>
    graph.add(
      "ReadVariableOp",
      [handles[variable]!],
      [graph.type("dtype", variables[variable]!.dtype)],
      after,
    );
  const assign = (variable: number, value: string, after: Iterable<string> = []) => {
    const type = graph.type("dtype", variables[variable]!.dtype);
    return graph.add("AssignVariableOp", [handles[variable]!, value], [type], after);
  };
  const values = variables.map((variable) => output(graph.placeholder(variable)));
  const done = output(graph.constant({ dtype: binding.TF_FLOAT, shape: [], values: Float32Array.of(1) }));
  const assigned = graph.add(
    "Identity",
    [done],
    [graph.type("T", binding.TF_FLOAT)],
    values.map((value, i) => assign(i, value)),
  );
  const reads = variables.map((_, i) => output(read(i)));

  // A variable as the step finds it, and what has looked at that value: all of it comes before a change in place.
  const firstReads = variables.map((_, i) => read(i));
  const lookers = firstReads.map((name) => [name]);
  /** By operation, the variable whose first value its output is. */
  const aliasOf = new Map<number, number>();
  /** By variable, the source that its graph variable holds at this place of the step, and the operation that put it there. */
  const held = variables.map((_, i) => ({
    source: key({ kind: "variable", variable: i }),
    by: [] as string[],
  }));
  /** By operation, the names of its outputs. */
  const outputsOf: ((number: number) => string)[] = [];
  const updates: string[] = [];
  const nameOf = (source: Source): string => {
    if (source.kind === "operation") return outputsOf[source.operation]!(source.output);
    if (source.kind === "constant") return constantNames[source.constant]!;
    if (source.kind === "input") return inputNames[source.input]!;
    return output(firstReads[source.variable]!);
  };
  const variableBehind = (source: Source | undefined): number | undefined =>
    source?.kind === "variable"
      ? source.variable
      : source?.kind === "operation"
        ? aliasOf.get(source.operation)
        : undefined;

  operations.forEach(({ name, attributes, inputs: sources, changes }, number) => {
    if (changes === undefined) {
      const added = graph.add(name, sources.map(nameOf), attributes);
      outputsOf.push((i) => output(added, i));
      for (const source of sources) {
        const variable = variableBehind(source);
        if (variable !== undefined) lookers[variable]!.push(added);
      }
      const whole = variableBehind(sources[0]);
      if (whole !== undefined && aliases.has(name)) aliasOf.set(number, whole);
      return;
    }
    changes.forEach((variable, i) => {
      const source = sources[i]!;
      if (held[variable]!.source === key(source)) return;
      const by = assign(variable, nameOf(source), [...lookers[variable]!, ...held[variable]!.by]);
      held[variable] = { source: key(source), by: [by] };
    });
    const before = changes.flatMap((variable) => [...lookers[variable]!, ...held[variable]!.by]);
    const operands = sources.slice(changes.length).map(nameOf);
    const added = graph.add(
      name,
      [...changes.map((variable) => handles[variable]!), ...operands],
      attributes,
      before,
    );
    updates.push(added);
    const after = changes.map((variable) => read(variable, [added]));
    outputsOf.push((i) => output(after[i]!));
    changes.forEach((variable, i) => {
      const source = key({ kind: "operation", operation: number, output: i });
      held[variable] = { source, by: [added, after[i]!] };
    });
  });
  ends.forEach((source, variable) => {
    const { source: now, by } = held[variable]!;
    if (now !== key(source)) updates.push(assign(variable, nameOf(source), [firstReads[variable]!, ...by]));
  });
  const results = graph.add("Identity", [nameOf(result)], [graph.type("T", binding.TF_FLOAT)], updates);
  return {
    inputs: inputNames,
    result: output(results),
    values,
    assigned: output(assigned),
    reads,
    nothing,
  };
}

const key = (source: Source): string => JSON.stringify(source);
