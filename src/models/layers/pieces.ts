import * as tf from "@tensorflow/tfjs";

/**
 * Cuts waveforms `[batch, samples]` into pieces `[batch, 1, pieces, length]`, zeros behind the last sample. The number of
 * pieces is a multiple of `multiple`. A convolution over the pieces is one over the samples whose stride is their length.
 */
export class Pieces extends tf.layers.Layer {
  static readonly className = "Pieces";
  private readonly length: number;
  private readonly multiple: number;

  constructor(config: { name: string; length: number; multiple: number }) {
    super({ name: config.name });
    this.length = config.length;
    this.multiple = config.multiple;
  }

  override computeOutputShape(inputShape: tf.Shape): tf.Shape {
    return [inputShape[0]!, 1, this.count(inputShape[1]!), this.length];
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const waves = (Array.isArray(inputs) ? inputs[0]! : inputs) as tf.Tensor2D;
    const samples = waves.shape[1];
    const count = this.count(samples);
    return tf.tidy(() => {
      const missing = count * this.length - samples;
      const whole = missing === 0 ? waves : tf.concat([waves, tf.zeros([waves.shape[0], missing])], 1);
      return whole.reshape([-1, 1, count, this.length]);
    });
  }

  private count(samples: number): number {
    return Math.ceil(samples / (this.length * this.multiple)) * this.multiple;
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), length: this.length, multiple: this.multiple };
  }
}
tf.serialization.registerClass(Pieces);
