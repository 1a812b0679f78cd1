import * as tf from "@tensorflow/tfjs";

/** What is used here of tfjs-node's backend. */
interface NodeBackend extends tf.KernelBackend {
  executeSingleOutput(operation: string, attributes: unknown[], inputs: tf.TensorInfo[]): tf.TensorInfo;
  binding: { TF_ATTR_TYPE: number };
  typeAttributeFromTensor(tensor: tf.TensorInfo): number;
}

/**
 * Gives the tensorflow backend the one operation that TensorFlow has for the gradient of ReLU. TensorFlow.js asks for
 * a step function times the gradient, which tfjs-node makes of seven operations and an array of ones that
 * JavaScript fills: a tenth of a training step of the course's conv1d.
 */
export function registerReluGradient(): void {
  tf.registerKernel({
    kernelName: "ReluGrad",
    backendName: "tensorflow",
    kernelFunc: ({ inputs, backend }) => {
      const { dy, y } = inputs as { dy: tf.TensorInfo; y: tf.TensorInfo };
      const node = backend as NodeBackend;
      const type = { name: "T", type: node.binding.TF_ATTR_TYPE, value: node.typeAttributeFromTensor(dy) };
      return node.executeSingleOutput("ReluGrad", [type], [dy, y]);
    },
  });
  tf.unregisterGradient("Relu");
  tf.registerGradient({
    kernelName: "Relu",
    outputsToSave: [true],
    gradFunc: (dy, saved) => {
      const gradient = dy as tf.Tensor;
      const y = saved[0]!;
      const fused = tf.getKernel("ReluGrad", tf.getBackend()) !== undefined;
      return {
        x: () =>
          fused
            ? tf.engine().runKernel<tf.Tensor>("ReluGrad", { dy: gradient, y })
            : gradient.mul(y.step().cast("float32")),
      };
    },
  });
}
