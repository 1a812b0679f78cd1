import * as tf from "@tensorflow/tfjs";

/** What is used here of tfjs-node's backend. */
export interface NodeBackend extends tf.KernelBackend {
  readonly binding: {
    readonly TF_Version: string;
    readonly TF_ATTR_TYPE: number;
    isUsingGpuDevice(): boolean;
  };
  executeSingleOutput(
    operation: string,
    attributes: { name: string; type: number; value: unknown }[],
    inputs: tf.TensorInfo[],
  ): tf.TensorInfo;
  typeAttributeFromTensor(tensor: tf.TensorInfo): number;
}

/**
 * Gives the tensorflow backend the one operation that TensorFlow has for the gradient of ReLU. TensorFlow.js asks for
 * a step function times the gradient, which tfjs-node makes of seven operations and an array of ones that
 * JavaScript fills.
 */
export function registerReluGradient(): void {
  if (tf.getKernel(reluGradient, "tensorflow") !== undefined) return;
  tf.registerKernel({
    kernelName: reluGradient,
    backendName: "tensorflow",
    kernelFunc: ({ inputs, backend }) => {
      const { dy, y } = inputs as { dy: tf.TensorInfo; y: tf.TensorInfo };
      const node = backend as NodeBackend;
      const type = { name: "T", type: node.binding.TF_ATTR_TYPE, value: node.typeAttributeFromTensor(dy) };
      return node.executeSingleOutput("ReluGrad", [type], [dy, y]);
    },
  });
}

const reluGradient = "ReluGrad";
