import * as tf from "@tensorflow/tfjs";
import { everyStep } from "../../backend/step.js";
import { Random } from "../../base/random.js";

/** Strength of SpecAugment: the largest masks. */
export interface Masking {
  /** Most bands that each of the two frequency masks hides; 0 for none. */
  readonly bands: number;
  /** Most frames that each of the two time masks hides; 0 for none. */
  readonly frames: number;
}

export interface SpecAugmentConfig extends Masking {
  name: string;
  seed?: number;
}

const masksPerAxis = 2;

/**
 * SpecAugment (Park et al., 2019) without time warping. In training, two stripes of bands and two of frames
 * are replaced by the feature map's mean. Each has a random width, from 0 to the largest, and a random place.
 *
 * Takes feature maps `[batch, bands, frames, channels]` and returns the same shape; in inference it does
 * nothing. The mask of clip i at step n follows from the seed, the layer's name, n and i alone, so that a run
 * resumes exactly.
 */
export class SpecAugment extends tf.layers.Layer {
  static readonly className = "SpecAugment";
  readonly masking: Masking;
  private readonly seed: number;

  constructor(config: SpecAugmentConfig) {
    super({ name: config.name });
    this.masking = { bands: config.bands, frames: config.frames };
    this.seed = config.seed ?? 0;
  }

  override computeOutputShape(inputShape: tf.Shape): tf.Shape {
    return inputShape;
  }

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: { training?: boolean }): tf.Tensor {
    const input = Array.isArray(inputs) ? inputs[0]! : inputs;
    if (!kwargs.training) return input.clone();
    return tf.tidy(() => {
      const mask = everyStep((step) => this.mask(step, input.shape as [number, number, number, number]));
      const mean = input.mean([1, 2], true); // [batch, 1, 1, channels]
      return input.sub(mean).mul(mask).add(mean);
    });
  }

  /** `[batch, bands, frames, 1]`: 0 where the input is hidden, else 1. */
  private mask(step: number, [batch, bands, frames]: [number, number, number, number]): tf.Tensor {
    const rows = new Float32Array(batch * bands).fill(1);
    const columns = new Float32Array(batch * frames).fill(1);
    for (let i = 0; i < batch; i++) {
      const random = new Random(this.seed, "spec-augment", this.name, step, i);
      hide(rows.subarray(i * bands, (i + 1) * bands), this.masking.bands, random);
      hide(columns.subarray(i * frames, (i + 1) * frames), this.masking.frames, random);
    }
    return tf.tidy(() =>
      tf.tensor(rows, [batch, bands, 1, 1]).mul(tf.tensor(columns, [batch, 1, frames, 1])),
    );
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), ...this.masking };
  }
}
tf.serialization.registerClass(SpecAugment);

function hide(kept: Float32Array, widest: number, random: Random): void {
  for (let mask = 0; mask < masksPerAxis; mask++) {
    const width = random.integer(Math.min(widest, kept.length) + 1);
    const from = random.integer(kept.length - width + 1);
    kept.fill(0, from, from + width);
  }
}
