import * as tf from "@tensorflow/tfjs";
import {
  type Constant,
  constant,
  type DataType,
  type Graph,
  type Input,
  reshape,
  type Value,
  type Values,
  type VariableValue,
} from "./graph.js";
import { composed, filled, lowerings, uniform } from "./kernels.js";

/** What a traced function may ask of the tracer. */
export interface Tracing {
  /** A tensor whose values are given at each run. */
  input(type: { shape: readonly number[]; dtype: DataType }, name: string): tf.Tensor;
  /** Runs `body`, which computes values on the host, without writing it down. */
  outside<T>(body: () => T): T;
}

export interface TraceOptions {
  /** Variables that differ from run to run, and those that the function changes. All others count as constants. */
  variables?: readonly tf.Variable[];
  /** The names of tensors that count as constants. */
  names?: ReadonlyMap<tf.Variable, string>;
  batch?: number;
}

/** What a computation does that cannot be written down. */
export class CannotTrace extends Error {
  override name = "CannotTrace";
}

/**
 * Writes down what `body` computes with TensorFlow.js, gradients included. Nothing is computed: kernels get shapes and
 * return shapes, so that a trace takes as long for a wide model as for a narrow one. What follows from constants alone is
 * computed and becomes a constant. Variables are left as they were.
 *
 * @returns the graph whose outputs are the tensors that `body` returns
 * @throws CannotTrace for a kernel that cannot be written down, or when `body` reads values that it computed
 */
export function trace(body: (tracing: Tracing) => readonly tf.Tensor[], options: TraceOptions = {}): Graph {
  const { variables = [], names = new Map(), batch } = options;
  registerOnce();
  const engine = tf.engine();
  const host = tf.getBackend();
  const backend = tf.findBackend(backendName) as TraceBackend;
  const registered = Object.values(engine.registeredVariables);
  // A variable that is assigned to would free its values; the clones keep them.
  const originals = registered.map((variable) => ({
    variable,
    dataId: variable.dataId,
    kept: tf.keep(tf.clone(variable)),
  }));
  const values = variables.map(
    ({ shape, dtype }, i): VariableValue => ({
      kind: "variable",
      name: `variable_${i}`,
      shape,
      dtype: dtype as DataType,
    }),
  );
  const inputs: Input[] = [];
  const session = new Session();
  variables.forEach((variable, i) => {
    if (session.sources.has(variable.dataId)) throw new CannotTrace("two variables share their values");
    session.sources.set(variable.dataId, values[i]!);
  });
  for (const [variable, name] of names) session.names.set(variable.dataId, name);
  const tracing: Tracing = {
    input: ({ shape, dtype }, name) => {
      const input: Input = { kind: "input", name, shape, dtype };
      inputs.push(input);
      return engine.makeTensorFromTensorInfo(session.info(input), backend);
    },
    outside: (work) => {
      void tf.setBackend(host);
      try {
        return work();
      } finally {
        void tf.setBackend(backendName);
      }
    },
  };

  void tf.setBackend(backendName);
  backend.session = session;
  try {
    let graph!: Graph;
    tf.tidy(() => {
      const outputs = body(tracing).map((tensor) => session.valueOf(tensor));
      const changed = new Set(variables);
      for (const { variable, dataId } of originals)
        if (variable.dataId !== dataId && !changed.has(variable))
          throw new CannotTrace(`it changes ${variable.name}, which is not among the variables`);
      const updates = variables.map((variable) => session.valueOf(variable));
      graph = { inputs, variables: values, outputs, updates, batch };
    });
    return graph;
  } catch (error) {
    throw explained(error as Error);
  } finally {
    void tf.setBackend(host);
    backend.session = undefined;
    for (const { variable, dataId, kept } of originals) {
      if (variable.dataId !== dataId) tf.tidy(() => variable.assign(kept));
      kept.dispose();
    }
  }
}

function explained(error: Error): Error {
  const [, kernel] =
    /Cannot find registered kernel '(\w+)'/.exec(error.message) ??
    /Kernel '(\w+)' not registered/.exec(error.message) ??
    [];
  return kernel === undefined ? error : new CannotTrace(`the operation ${kernel} cannot be recorded`);
}

export const backendName = "trace";
let isRegistered = false;

function registerOnce(): void {
  if (isRegistered) return;
  isRegistered = true;
  tf.registerBackend(backendName, () => new TraceBackend(), 0);
  for (const kernelName of new Set([...lowerings.keys(), ...composed.keys(), ...uniform.keys()]))
    tf.registerKernel({
      kernelName,
      backendName,
      kernelFunc: ({ inputs, attrs, backend }) => {
        const { session } = backend as TraceBackend;
        if (session === undefined) throw new Error("a kernel ran outside of a trace");
        return session.run(kernelName, inputs as tf.NamedTensorInfoMap, attrs ?? {});
      },
    });
}

/** One trace: which tensor holds which value. */
class Session {
  readonly sources = new WeakMap<object, Value>();
  readonly names = new WeakMap<object, string>();

  run(name: string, tensors: tf.NamedTensorInfoMap, attributes: object): tf.TensorInfo | tf.TensorInfo[] {
    const compose = composed.get(name);
    if (compose !== undefined) return compose(tensors as Record<string, tf.Tensor>, attributes);
    // Kernels of any number of inputs get them as an array.
    const inputs = (Array.isArray(tensors) ? [] : {}) as Record<string, Value>;
    for (const [key, tensor] of Object.entries(tensors))
      if (tensor != null) inputs[key] = this.valueOf(tensor);
    const like = uniform.get(name);
    if (like !== undefined) return this.info(filled(like(inputs, attributes)));
    const known = Object.values(inputs).every(({ kind }) => kind === "constant");
    const values =
      known && !free.has(name)
        ? computed(name, inputs, attributes)
        : lowerings.get(name)!(inputs, attributes);
    return Array.isArray(values) ? values.map((value) => this.info(value)) : this.info(values);
  }

  info(value: Value): tf.TensorInfo {
    const dataId = {};
    this.sources.set(dataId, value);
    if (value.kind === "constant") constants.set(dataId, value.values);
    return { dataId, shape: [...value.shape], dtype: value.dtype };
  }

  /** Tensors that were made elsewhere are constants. */
  valueOf({ dataId, shape, dtype }: tf.TensorInfo): Value {
    const known = this.sources.get(dataId);
    if (known !== undefined) return reshape(known, shape);
    const values = tf.engine().readSync(dataId) as Values;
    const value = { ...constant(values, [...shape], dtype as DataType), name: this.names.get(dataId) };
    this.sources.set(dataId, value);
    return value;
  }
}

/** The values of tensors of the trace backend, which may outlive their trace. */
const constants = new WeakMap<object, Values>();

/** Kernels that cost nothing to lower; the names of weights survive them. */
const free = new Set(["Identity", "Reshape", "ExpandDims", "StopGradient"]);

interface CpuBackend {
  makeTensorInfo(shape: number[], dtype: string, values: unknown): tf.TensorInfo;
  readSync(dataId: object): unknown;
  disposeIntermediateTensorInfo(info: tf.TensorInfo): void;
}

/** The output of a kernel on constants, computed by the backend in plain JavaScript. */
function computed(name: string, inputs: Record<string, Value>, attrs: object): Value | Value[] {
  const cpu = tf.findBackend("cpu") as unknown as CpuBackend;
  const kernel = tf.getKernel(name, "cpu");
  if (kernel === undefined) return lowerings.get(name)!(inputs, attrs);
  const tensors = (Array.isArray(inputs) ? [] : {}) as Record<string, tf.TensorInfo>;
  for (const [key, value] of Object.entries(inputs))
    tensors[key] = cpu.makeTensorInfo([...value.shape], value.dtype, (value as Constant).values);
  const outputs = kernel.kernelFunc({
    inputs: tensors as tf.NamedTensorInfoMap,
    attrs: attrs as tf.NamedAttrMap,
    backend: cpu as never,
  });
  const read = (output: tf.TensorInfo): Value =>
    constant((cpu.readSync(output.dataId) as Values).slice(), output.shape, output.dtype as DataType);
  const values = Array.isArray(outputs) ? outputs.map(read) : read(outputs);
  for (const info of [...Object.values(tensors), ...[outputs].flat()])
    cpu.disposeIntermediateTensorInfo(info);
  return values;
}

/** A backend of TensorFlow.js whose tensors have shapes but, apart from constants, no values. */
class TraceBackend extends tf.KernelBackend {
  session: Session | undefined;

  override write(values: tf.backend_util.BackendValues, shape: number[], dtype: tf.DataType): object {
    if (this.session === undefined) throw new Error("a tensor was made on the trace backend");
    return this.session.info(constant(typed(values, dtype), shape, dtype as DataType)).dataId;
  }

  override readSync(dataId: object): tf.backend_util.BackendValues {
    const values = constants.get(dataId);
    if (values === undefined) throw new CannotTrace("it reads values that it computed");
    return values;
  }

  override async read(dataId: object): Promise<tf.backend_util.BackendValues> {
    return this.readSync(dataId);
  }

  override move(
    dataId: object,
    values: tf.backend_util.BackendValues,
    shape: number[],
    dtype: tf.DataType,
  ): void {
    constants.set(dataId, typed(values, dtype));
    this.session?.sources.set(dataId, constant(typed(values, dtype), shape, dtype as DataType));
  }

  override numDataIds = () => 0;
  override refCount = () => 1;
  override incRef(): void {}
  override disposeData = () => true;
  override memory = () => ({ unreliable: true });
  override floatPrecision = (): 32 => 32;
  override epsilon = () => 1e-7;
  override dispose(): void {}
}

const types = { float32: Float32Array, int32: Int32Array, bool: Uint8Array };

function typed(values: tf.backend_util.BackendValues, dtype: tf.DataType): Values {
  if (ArrayBuffer.isView(values)) return values as Values;
  const type = types[dtype as DataType];
  if (type === undefined) throw new CannotTrace(`it makes a tensor of ${dtype}`);
  return type.from(values as unknown as number[]) as Values;
}
