import * as tf from "@tensorflow/tfjs";
import type {
  AdamAttributes,
  AdamInputs,
  NormalizationGradInputs,
  NormalizationInputs,
} from "../own-kernels.js";
import type { NativeTensor, NodeBackend, OperationAttribute } from "./node-backend.js";
import { Recording } from "./step-graph/recording.js";

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
  { variable, mean, square, gradient, rate }: AdamInputs,
  { beta1, beta2, epsilon }: AdamAttributes,
  backend: NodeBackend,
): tf.TensorInfo[] {
  const type = floatType(backend);
  // The powers of beta are given as zero: their corrections are in the rate.
  const scalars = [0, 0, beta1, beta2, epsilon].map((value) => tf.scalar(value));
  const operands = [...scalars.slice(0, 2), rate, ...scalars.slice(2), gradient];
  const variables = [variable, mean, square];
  const run = () => applyToCopies(backend, type, variables, operands);
  const operation = { name: "ResourceApplyAdam", attributes: [type] };
  const recording = Recording.current;
  const values =
    recording === undefined ? run() : recording.changeInPlace(operation, variables, operands, run);
  tf.dispose(scalars);
  return values.map((value) => backend.createOutputTensor(value));
}

/** Lets ResourceApplyAdam change TensorFlow variables that last for this call. */
function applyToCopies(
  backend: NodeBackend,
  type: OperationAttribute,
  variables: readonly tf.TensorInfo[],
  operands: readonly tf.TensorInfo[],
): NativeTensor[] {
  const { binding } = backend;
  const dtype = { ...type, name: "dtype" };
  const handles: number[] = [];
  try {
    for (const tensor of variables) {
      const shape = { name: "shape", type: binding.TF_ATTR_SHAPE, value: tensor.shape };
      const name = { name: "shared_name", type: binding.TF_ATTR_STRING, value: anonymous };
      const [handle] = binding.executeOp("VarHandleOp", [dtype, shape, name], [], 1);
      handles.push(handle!.id);
      binding.executeOp("AssignVariableOp", [dtype], [handle!.id, ...backend.getInputTensorIds([tensor])], 0);
    }
    binding.executeOp(
      "ResourceApplyAdam",
      [type],
      [...handles, ...backend.getInputTensorIds([...operands])],
      0,
    );
    return handles.map((handle) => {
      const [value] = binding.executeOp("ReadVariableOp", [dtype], [handle], 1);
      binding.executeOp("DestroyResourceOp", [], [handle], 0);
      return value!;
    });
  } finally {
    for (const id of handles) binding.deleteTensor(id);
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
