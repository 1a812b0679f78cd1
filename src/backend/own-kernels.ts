import * as tf from "@tensorflow/tfjs";

/*
 * Kernels that TensorFlow.js does not have and a backend may bring: a GPU, for example, to save memory
 * traffic and uploads. Where the current backend has none, the caller computes the same by other means.
 */

export interface DropoutMaskAttributes {
  shape: number[];
  /** Elements whose 32 random bits are below this become 0. */
  threshold: number;
  /** Value of all other elements. */
  kept: number;
  /** 32-bit number that fixes the random bits. */
  key: number;
}

export interface AdamInputs {
  variable: tf.Tensor;
  mean: tf.Tensor;
  square: tf.Tensor;
  gradient: tf.Tensor;
  /** Scalar: the learning rate times the bias corrections. */
  rate: tf.Tensor;
}

export interface AdamAttributes {
  beta1: number;
  beta2: number;
  epsilon: number;
}

export interface NormalizationInputs {
  /** `[batch, height, width, channels]` */
  x: tf.Tensor;
  /** `[channels]` */
  scale: tf.Tensor;
  offset: tf.Tensor;
}

export interface NormalizationGradInputs {
  /** `[batch, height, width, channels]` */
  dy: tf.Tensor;
  x: tf.Tensor;
  /** `[channels]` */
  scale: tf.Tensor;
  /** The last two outputs of the kernel `BatchNormalize`. */
  savedMean: tf.Tensor;
  savedVariance: tf.Tensor;
}

interface OwnKernels {
  DropoutMask: { inputs: object; attributes: DropoutMaskAttributes };
  /** Returns `dy` where `y`, the output of ReLU, is positive, else 0. */
  ReluGrad: { inputs: { dy: tf.Tensor; y: tf.Tensor }; attributes: object };
  /** Returns the new variable, mean and square. */
  AdamUpdate: { inputs: AdamInputs; attributes: AdamAttributes };
  /**
   * Batch normalisation with the statistics of the batch. Returns the output, the mean and the unbiased
   * variance `[channels]`, and two tensors for the gradient.
   */
  BatchNormalize: { inputs: NormalizationInputs; attributes: { epsilon: number } };
  /** Returns the gradients of x, scale and offset. */
  BatchNormalizeGrad: { inputs: NormalizationGradInputs; attributes: { epsilon: number } };
}

/** Runs the kernel. Returns undefined where the current backend does not have it. */
export function runOwnKernel<Name extends keyof OwnKernels>(
  name: Name,
  inputs: OwnKernels[Name]["inputs"],
  attributes: OwnKernels[Name]["attributes"],
): tf.Tensor[] | undefined {
  if (tf.getKernel(name, tf.getBackend()) === undefined) return undefined;
  const result = tf
    .engine()
    .runKernel(name, inputs as tf.NamedTensorMap, attributes as unknown as tf.NamedAttrMap);
  return Array.isArray(result) ? result : [result];
}
