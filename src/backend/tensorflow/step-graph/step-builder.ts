import type { Binding, OperationAttribute } from "../node-backend.js";
import type { Graph } from "./graph.js";
import type { RecordedOperation, Recording, Source } from "./recording.js";

/** The tensors of a step's graph that can be fed and fetched, each `operation:output`. */
export interface GraphNames {
  inputs: string[];
  result: string;
  /** Placeholders for new values of the variables, and a tensor that is ready once these are assigned. */
  values: string[];
  assigned: string;
  reads: string[];
  /** Placeholder for a scalar that is not used. */
  nothing: string;
}

/** Operations whose output is their first input in another shape. */
const aliases = new Set(["Reshape", "Identity"]);

/** A variable of the graph, at the point of the step that is built so far. */
interface GraphVariable {
  readonly handle: string;
  readonly type: OperationAttribute;
  /** The operation that reads the variable's value at the start of the step. */
  readonly firstRead: string;
  /** Operations that use that value: a change in place runs after them, to avoid a copy. */
  readonly users: string[];
  /** Source of the value that it holds. */
  holds: string;
  /** Operations that put the value there and read it again. */
  by: string[];
}

/**
 * Builds the graph of a recorded step: its operations, and variables that it reads at the start and changes
 * at the end.
 */
export class StepBuilder {
  private readonly graph: Graph;
  private readonly binding: Binding;
  private readonly recording: Recording;
  private readonly inputs: readonly string[];
  private readonly constants: readonly string[];
  private readonly variables: readonly GraphVariable[];
  /** By operation: the name of each output. */
  private readonly outputs: ((number: number) => string)[] = [];
  /** By operation: the variable whose initial value is its output. */
  private readonly aliasOf = new Map<number, GraphVariable>();
  /** Operations that must run before the step is done. */
  private readonly updates: string[] = [];

  constructor(graph: Graph, binding: Binding, recording: Recording) {
    this.graph = graph;
    this.binding = binding;
    this.recording = recording;
    this.inputs = recording.inputs.map((input) => output(graph.placeholder(input)));
    this.constants = recording.constants.map((constant) => output(graph.constant(constant)));
    this.variables = recording.variables.map(({ dtype, shape }, i) => {
      const type = graph.type("dtype", dtype);
      const name = { name: "shared_name", type: binding.TF_ATTR_STRING, value: `variable_${i}` };
      const handle = output(graph.add("VarHandleOp", [], [type, graph.shapeAttribute(shape), name]));
      const firstRead = graph.add("ReadVariableOp", [handle], [type]);
      const holds = key({ kind: "variable", variable: i });
      return { handle, type, firstRead, users: [firstRead], holds, by: [] };
    });
  }

  build(): GraphNames {
    const { graph, variables, inputs } = this;
    const { operations, ends, result } = this.recording;
    const float = graph.type("T", this.binding.TF_FLOAT);
    for (const operation of operations) {
      if (operation.changes === undefined) this.addOperation(operation);
      else this.addChange(operation, operation.changes);
    }
    ends.forEach((source, i) => {
      const { holds, firstRead, by } = variables[i]!;
      if (holds !== key(source))
        this.updates.push(this.assign(variables[i]!, this.nameOf(source), [firstRead, ...by]));
    });
    const results = graph.add("Identity", [this.nameOf(result)], [float], this.updates);

    const values = this.recording.variables.map((variable) => output(graph.placeholder(variable)));
    const assigns = values.map((value, i) => this.assign(variables[i]!, value));
    const scalar = { dtype: this.binding.TF_FLOAT, shape: [] };
    const one = graph.constant({ ...scalar, values: Float32Array.of(1) });
    return {
      inputs: [...inputs],
      result: output(results),
      values,
      assigned: output(graph.add("Identity", [output(one)], [float], assigns)),
      reads: variables.map((variable) => output(this.read(variable))),
      nothing: output(graph.placeholder(scalar)),
    };
  }

  private addOperation({ name, attributes, inputs }: RecordedOperation): void {
    const added = this.graph.add(
      name,
      inputs.map((source) => this.nameOf(source)),
      attributes,
    );
    const number = this.outputs.push((i) => output(added, i)) - 1;
    for (const source of inputs) this.variableOf(source)?.users.push(added);
    const whole = this.variableOf(inputs[0]);
    if (whole !== undefined && aliases.has(name)) this.aliasOf.set(number, whole);
  }

  /** Adds an operation that changes variables in place and outputs their new values. */
  private addChange({ name, attributes, inputs }: RecordedOperation, changes: readonly number[]): void {
    const changed = changes.map((variable) => this.variables[variable]!);
    const number = this.outputs.length;
    changed.forEach((variable, i) => {
      const source = inputs[i]!;
      if (variable.holds === key(source)) return;
      const by = this.assign(variable, this.nameOf(source), [...variable.users, ...variable.by]);
      Object.assign(variable, { holds: key(source), by: [by] });
    });
    const operands = inputs.slice(changed.length).map((source) => this.nameOf(source));
    const added = this.graph.add(
      name,
      [...changed.map(({ handle }) => handle), ...operands],
      attributes,
      changed.flatMap(({ users, by }) => [...users, ...by]),
    );
    this.updates.push(added);
    const reads = changed.map((variable) => this.read(variable, [added]));
    this.outputs.push((i) => output(reads[i]!));
    changed.forEach((variable, i) => {
      const holds = key({ kind: "operation", operation: number, output: i });
      Object.assign(variable, { holds, by: [added, reads[i]!] });
    });
  }

  private read({ handle, type }: GraphVariable, after: Iterable<string> = []): string {
    return this.graph.add("ReadVariableOp", [handle], [type], after);
  }

  private assign({ handle, type }: GraphVariable, value: string, after: Iterable<string> = []): string {
    return this.graph.add("AssignVariableOp", [handle, value], [type], after);
  }

  private nameOf(source: Source): string {
    if (source.kind === "operation") return this.outputs[source.operation]!(source.output);
    if (source.kind === "constant") return this.constants[source.constant]!;
    if (source.kind === "input") return this.inputs[source.input]!;
    return output(this.variables[source.variable]!.firstRead);
  }

  private variableOf(source: Source | undefined): GraphVariable | undefined {
    if (source?.kind === "variable") return this.variables[source.variable];
    return source?.kind === "operation" ? this.aliasOf.get(source.operation) : undefined;
  }
}

const output = (name: string, number = 0): string => `${name}:${number}`;
const key = (source: Source): string => JSON.stringify(source);
