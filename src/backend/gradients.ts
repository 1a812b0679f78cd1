import * as tf from "@tensorflow/tfjs";
import { runOwnKernel } from "./own-kernels.js";

let replaced = false;

/**
 * Replaces some of TensorFlow.js's gradients, once for all backends of a process. Where a backend lacks a
 * kernel for the replacement, the original gradient runs.
 */
export function replaceGradients(): void {
  if (replaced) return;
  replaced = true;
  tf.unregisterGradient("Relu");
  tf.registerGradient(reluGradient);
  for (const kernelName of ["Conv2D", "DepthwiseConv2dNative"] as const) {
    const own = tf.getGradient(kernelName);
    tf.unregisterGradient(kernelName);
    tf.registerGradient({ ...own, gradFunc: dilatedGradient(kernelName, own.gradFunc) });
  }
}

/**
 * Computes the gradient from ReLU's output; TensorFlow.js's computes the same from its input. The output is
 * kept for the next layer in any case, so the input need not be: that saves a third of what a convolution
 * with bias and ReLU keeps.
 */
const reluGradient: tf.GradConfig = {
  kernelName: "Relu",
  outputsToSave: [true],
  gradFunc: (dy, [y]) => ({
    x: () =>
      runOwnKernel("ReluGrad", { dy: dy as tf.Tensor, y: y as tf.Tensor }, {})?.[0] ??
      tf.mul(dy as tf.Tensor, tf.step(y as tf.Tensor)),
  }),
};

const backendsThatDilate = ["wasm", "webgpu"];

/** Differentiates dilated convolutions, for which TensorFlow.js has no kernels. Ours take dilations. */
function dilatedGradient(
  kernelName: "Conv2D" | "DepthwiseConv2dNative",
  own: tf.GradFunc,
): tf.GradConfig["gradFunc"] {
  return (dy, saved, attributes) => {
    const dilations = attributes.dilations as number | [number, number] | undefined;
    if (
      !backendsThatDilate.includes(tf.getBackend()) ||
      [dilations ?? 1].flat().every((dilation) => dilation === 1)
    )
      return own(dy, saved, attributes);
    const [x, filter] = saved as [tf.Tensor4D, tf.Tensor4D];
    const gradient = (by: "Input" | "Filter", inputs: object, shape: object) => () =>
      tf
        .engine()
        .runKernel(
          `${kernelName}Backprop${by}`,
          inputs as tf.NamedTensorMap,
          { ...attributes, ...shape } as tf.NamedAttrMap,
        ) as tf.Tensor;
    return {
      x: gradient("Input", { dy, filter }, { inputShape: x.shape }),
      filter: gradient("Filter", { x, dy }, { filterShape: filter.shape }),
    };
  };
}
