import * as tf from "@tensorflow/tfjs";
import { binCount, FrameSpectrum, frameCount } from "./spectrum.js";

export interface StftMagnitudeConfig {
  name?: string;
  /** Points of the transform, and of its periodic Hann window. */
  nFft: number;
  /** Samples from one frame to the next. */
  hop: number;
}

/**
 * The magnitude of the short-time Fourier transform as a layer: waveforms `[batch, samples]` in,
 * `[batch, nFft / 2 + 1 bins, 1 + floor(samples / hop) frames, 1]` out. Periodic Hann window of `nFft` points, frames
 * centred on multiples of the hop, the ends padded by reflection: `librosa.stft` with `pad_mode="reflect"`.
 */
export class StftMagnitude extends tf.layers.Layer {
  static readonly className = "StftMagnitude";
  private readonly nFft: number;
  private readonly hop: number;
  private readonly spectrum: FrameSpectrum;

  constructor(config: StftMagnitudeConfig) {
    super(config.name === undefined ? {} : { name: config.name });
    this.nFft = config.nFft;
    this.hop = config.hop;
    this.spectrum = new FrameSpectrum({ nFft: config.nFft, hop: config.hop, window: config.nFft });
  }

  override computeOutputShape(inputShape: tf.Shape): tf.Shape {
    return [inputShape[0] ?? null, binCount(this.nFft), frameCount(inputShape[1]!, this.hop), 1];
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const waves = (Array.isArray(inputs) ? inputs[0]! : inputs) as tf.Tensor2D; // [batch, samples]
    return tf.tidy(() => {
      const [real, imaginary] = tf.split(this.spectrum.apply(waves), 2, 2) as [tf.Tensor3D, tf.Tensor3D];
      const magnitude = real.square().add(imaginary.square()).sqrt(); // [batch, frames, bins]
      return magnitude.transpose([0, 2, 1]).expandDims(3); // [batch, bins, frames, 1]
    });
  }

  /** For a clip. */
  multiplyAdds(samples: number): number {
    return this.spectrum.multiplyAdds(samples);
  }

  override dispose(): ReturnType<tf.layers.Layer["dispose"]> {
    this.spectrum.dispose();
    return super.dispose();
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), nFft: this.nFft, hop: this.hop };
  }
}
tf.serialization.registerClass(StftMagnitude);
