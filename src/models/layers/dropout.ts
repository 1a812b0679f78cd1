import * as tf from "@tensorflow/tfjs";
import { runOwnKernel } from "../../backend/own-kernels.js";
import { everyStep } from "../../backend/step.js";
import { hash32, mix32 } from "../../base/random.js";

export interface DropoutConfig {
  name: string;
  /** Fraction of the inputs set to zero in training. */
  rate: number;
  seed?: number;
  /** Drops whole channels of `[batch, …, channels]`, not single elements (Tompson et al., 2015). */
  channels?: boolean;
}

/**
 * Dropout (Srivastava et al., 2014) whose mask follows from the seed, the layer's name and the training step
 * alone. A resumed run therefore draws the same masks as one that was never stopped. TensorFlow.js's own
 * layer draws the same mask at every step when it has a seed, and masks that cannot be repeated when it has
 * none.
 *
 * Takes any shape and returns the same shape. Kept values are scaled by `1 / (1 - rate)`; in inference the
 * layer does nothing. It is saved as TensorFlow.js's `Dropout`, which is the same in inference.
 */
export class Dropout extends tf.layers.Layer {
  static readonly className = "Dropout";
  private readonly rate: number;
  private readonly key: number;
  private readonly channels: boolean;

  constructor(config: DropoutConfig) {
    super({ name: config.name });
    this.rate = config.rate;
    this.key = hash32(`${config.seed ?? 0}|dropout|${config.name}`);
    this.channels = config.channels ?? false;
  }

  override computeOutputShape(inputShape: tf.Shape): tf.Shape {
    return inputShape;
  }

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: { training?: boolean }): tf.Tensor {
    const input = Array.isArray(inputs) ? inputs[0]! : inputs;
    if (!kwargs.training || this.rate === 0) return input.clone();
    const last = input.rank - 1;
    const shape = this.channels
      ? input.shape.map((size, axis) => (axis === 0 || axis === last ? size : 1))
      : input.shape;
    return tf.tidy(() =>
      input.mul(everyStep((step) => dropoutMask(shape, this.rate, mix32(this.key + step)))),
    );
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), rate: this.rate };
  }
}

/**
 * Returns a tensor of `shape` that is 0 with probability `rate`, else `1 / (1 - rate)`. Element i depends on
 * `key` and i alone, so that every backend computes the same mask, in parallel too. This is a counter-based
 * generator (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011) with the mixing of
 * MurmurHash3.
 */
export function dropoutMask(shape: number[], rate: number, key: number): tf.Tensor {
  const threshold = Math.floor(rate * 4294967296);
  const kept = 1 / (1 - rate);
  const mask = runOwnKernel("DropoutMask", {}, { shape, threshold, kept, key })?.[0];
  if (mask !== undefined) return mask;
  const size = tf.util.sizeFromShape(shape);
  const values = new Float32Array(size);
  for (let i = 0; i < size; i++) {
    if (mix32(Math.imul(i, 0x9e3779b1) ^ key) >= threshold) values[i] = kept;
  }
  return tf.tensor(values, shape);
}
