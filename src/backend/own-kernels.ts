import * as tf from "@tensorflow/tfjs";

/*
 * Kernels that TensorFlow.js does not know, which a backend may bring (a GPU, to save memory traffic and uploads). The
 * caller computes the same by other means where the backend at hand brings none.
 */

export interface DropoutMaskAttributes {
  shape: number[];
  /** Elements whose 32 random bits are below it become 0. */
  threshold: number;
  /** The value of the others. */
  kept: number;
  /** Fixes the random bits; a 32-bit number. */
  key: number;
}

export interface AdamInputs {
  variable: tf.Tensor;
  mean: tf.Tensor;
  square: tf.Tensor;
  gradient: tf.Tensor;
  /** The learning rate with the bias corrections in it, a scalar. */
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
  /** What the kernel `BatchNormalize` returned last. */
  savedMean: tf.Tensor;
  savedVariance: tf.Tensor;
}

interface OwnKernels {
  DropoutMask: { inputs: object; attributes: DropoutMaskAttributes };
  /** `dy` where `y`, the output of ReLU, is above zero, else 0. */
  ReluGrad: { inputs: { dy: tf.Tensor; y: tf.Tensor }; attributes: object };
  /** Returns the new variable, mean and square. */
  AdamUpdate: { inputs: AdamInputs; attributes: AdamAttributes };
  /**
   * Batch normalisation with the statistics of the batch: returns the output, mean and (unbiased) variance `[channels]`,
   * and two tensors for the gradient.
   */
  BatchNormalize: { inputs: NormalizationInputs; attributes: { epsilon: number } };
  /** Returns the gradients of x, scale and offset. */
  BatchNormalizeGrad: { inputs: NormalizationGradInputs; attributes: { epsilon: number } };
}

/** Runs the kernel if the current backend has it, and says so by returning something. */
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
