import * as tf from "@tensorflow/tfjs";
import { runOwnKernel } from "./own-kernels.js";

let replaced = false;

/**
 * Gradients in the place of TensorFlow.js's own, once for all backends of a process. What only some can do is left to the
 * own gradient on the others.
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
 * Says the same of the output as the own one of the input, which then need not be kept for the backward pass: the output
 * is kept by the next layer in any case. That is a third of what a convolution with bias and ReLU keeps.
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

/** TensorFlow.js refuses to differentiate dilated convolutions, for want of kernels. Ours take dilations. */
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
