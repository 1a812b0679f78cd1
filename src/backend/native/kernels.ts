import * as tf from "@tensorflow/tfjs";
import type {
  AdamAttributes,
  AdamInputs,
  NormalizationGradInputs,
  NormalizationInputs,
} from "../own_kernels.js";

interface OperationAttribute {
  name: string;
  type: number;
  value: unknown;
}

/** A tensor of TensorFlow's, as the addon describes it. */
interface NativeTensor {
  id: number;
  shape: number[];
  dtype: number;
}

/** What is used here of tfjs-node's backend and its addon. */
export interface NodeBackend extends tf.KernelBackend {
  readonly binding: {
    readonly TF_Version: string;
    readonly TF_FLOAT: number;
    readonly TF_ATTR_TYPE: number;
    readonly TF_ATTR_FLOAT: number;
    readonly TF_ATTR_SHAPE: number;
    readonly TF_ATTR_STRING: number;
    readonly TF_ATTR_BOOL: number;
    isUsingGpuDevice(): boolean;
    executeOp(
      operation: string,
      attributes: OperationAttribute[],
      inputs: number[],
      outputs: number,
    ): NativeTensor[];
    deleteTensor(id: number): void;
  };
  executeSingleOutput(
    operation: string,
    attributes: OperationAttribute[],
    inputs: tf.TensorInfo[],
  ): tf.TensorInfo;
  getInputTensorIds(tensors: tf.TensorInfo[]): number[];
  createOutputTensor(tensor: NativeTensor): tf.TensorInfo;
}

/** Gives the tensorflow backend the operations that TensorFlow has for what TensorFlow.js composes of many. */
export function registerOwnKernels(): void {
  if (tf.getKernel("ReluGrad", "tensorflow") !== undefined) return;
  register("ReluGrad", ({ dy, y }: { dy: tf.TensorInfo; y: tf.TensorInfo }, _, backend) =>
    backend.executeSingleOutput("ReluGrad", [floatType(backend)], [dy, y]),
  );
  register("AdamUpdate", adamUpdate);
  register("BatchNormalize", batchNormalize);
  register("BatchNormalizeGrad", batchNormalizeGrad);
}

function register<Inputs, Attributes>(
  kernelName: string,
  kernel: (inputs: Inputs, attributes: Attributes, backend: NodeBackend) => tf.TensorInfo | tf.TensorInfo[],
): void {
  tf.registerKernel({
    kernelName,
    backendName: "tensorflow",
    kernelFunc: ({ inputs, attrs, backend }) =>
      kernel(inputs as Inputs, attrs as Attributes, backend as NodeBackend),
  });
}

/**
 * One pass over the weights instead of eleven. TensorFlow's operation works on variables in place, and leaves alone what
 * others hold, as TensorFlow.js does the old values until it takes the new ones.
 */
function adamUpdate(
  { variable, mean, square, gradient }: AdamInputs,
  { beta1, beta2, epsilon, rate }: AdamAttributes,
  backend: NodeBackend,
): tf.TensorInfo[] {
  const { binding } = backend;
  const type = floatType(backend);
  const garbage: number[] = [];
  const execute = (operation: string, attributes: OperationAttribute[], inputs: number[], outputs = 0) =>
    binding.executeOp(operation, attributes, inputs, outputs);
  const scalars = [0, 0, rate, beta1, beta2, epsilon].map((value) => tf.scalar(value));
  try {
    const variables = [variable, mean, square].map((tensor) => {
      const shape = { name: "shape", type: binding.TF_ATTR_SHAPE, value: tensor.shape };
      const name = { name: "shared_name", type: binding.TF_ATTR_STRING, value: anonymous };
      const [handle] = execute("VarHandleOp", [{ ...type, name: "dtype" }, shape, name], [], 1);
      garbage.push(handle!.id);
      execute(
        "AssignVariableOp",
        [{ ...type, name: "dtype" }],
        [handle!.id, ...backend.getInputTensorIds([tensor])],
      );
      return handle!.id;
    });
    // The powers of beta are given as zero: their corrections are in the rate.
    execute(
      "ResourceApplyAdam",
      [type],
      [...variables, ...backend.getInputTensorIds([...scalars, gradient])],
    );
    return variables.map((handle) => {
      const [value] = execute("ReadVariableOp", [{ ...type, name: "dtype" }], [handle], 1);
      execute("DestroyResourceOp", [], [handle]);
      return backend.createOutputTensor(value!);
    });
  } finally {
    for (const id of garbage) binding.deleteTensor(id);
    tf.dispose(scalars);
  }
}

function batchNormalize(
  { x, scale, offset }: NormalizationInputs,
  { epsilon }: { epsilon: number },
  backend: NodeBackend,
): tf.TensorInfo[] {
  const none = tf.tensor1d([]); // the statistics of the past, which training does not look at
  const inputs = [x, scale, offset, none, none];
  const attributes = normalizationAttributes(backend, epsilon);
  const outputs = backend.binding.executeOp(
    "FusedBatchNormV3",
    [...attributes, { name: "exponential_avg_factor", type: backend.binding.TF_ATTR_FLOAT, value: 1 }],
    backend.getInputTensorIds(inputs),
    6,
  );
  const [y, mean, variance, savedMean, savedVariance, unused] = outputs;
  backend.binding.deleteTensor(unused!.id);
  none.dispose();
  return [y!, mean!, variance!, savedMean!, savedVariance!].map((output) =>
    backend.createOutputTensor(output),
  );
}

function batchNormalizeGrad(
  { dy, x, scale, savedMean, savedVariance }: NormalizationGradInputs,
  { epsilon }: { epsilon: number },
  backend: NodeBackend,
): tf.TensorInfo[] {
  const none = tf.tensor1d([]); // what only a GPU's kernel looks at
  const inputs = [dy, x, scale, savedMean, savedVariance, none];
  const outputs = backend.binding.executeOp(
    "FusedBatchNormGradV3",
    normalizationAttributes(backend, epsilon),
    backend.getInputTensorIds(inputs),
    5,
  );
  const [dx, dScale, dOffset, ...unused] = outputs;
  for (const { id } of unused) backend.binding.deleteTensor(id);
  none.dispose();
  return [dx!, dScale!, dOffset!].map((output) => backend.createOutputTensor(output));
}

function normalizationAttributes(backend: NodeBackend, epsilon: number): OperationAttribute[] {
  const { binding } = backend;
  return [
    floatType(backend),
    { ...floatType(backend), name: "U" },
    { name: "epsilon", type: binding.TF_ATTR_FLOAT, value: epsilon },
    { name: "data_format", type: binding.TF_ATTR_STRING, value: "NHWC" },
    { name: "is_training", type: binding.TF_ATTR_BOOL, value: true },
  ];
}

/** The name by which TensorFlow knows a variable that no other shall share. */
const anonymous = "cd2c89b7-88b7-44c8-ad83-06c2a9158347";

function floatType({ binding }: NodeBackend): OperationAttribute {
  return { name: "T", type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT };
}
