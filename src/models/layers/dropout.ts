import * as tf from "@tensorflow/tfjs";
import { runOwnKernel } from "../../backend/own-kernels.js";
import { everyStep } from "../../backend/step.js";
import { hash32, mix32 } from "../../base/random.js";

export interface DropoutConfig {
  name: string;
  /** Share of the inputs set to zero in training. */
  rate: number;
  seed?: number;
  /** Draws for whole channels of `[batch, …, channels]`, not for each element (Tompson et al., 2015). */
  channels?: boolean;
}

/**
 * Dropout (Srivastava et al., 2014) whose mask follows from the seed, the layer's name and the training step alone, so
 * that a run that was stopped goes on with the masks it would have drawn. TensorFlow.js's own draws the same mask at
 * every step when it is given a seed, and one that cannot be repeated when it is not.
 *
 * Any shape in, the same shape out; the kept values are scaled by `1 / (1 - rate)`; in inference it does nothing. It is
 * saved as the `Dropout` that TensorFlow.js knows, which is the same in inference.
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
 * A tensor of `shape` that is 0 with probability `rate`, else `1 / (1 - rate)`. Element i depends on `key` and i alone
 * (a counter-based generator, as in Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011; the mixing is
 * MurmurHash3's), so any backend can compute it in parallel and all get the same.
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
