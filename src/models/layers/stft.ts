import * as tf from "@tensorflow/tfjs";

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
 *
 * It is a product with a fixed DFT matrix, since not every backend has an FFT (nor one of 258 points). The signal is cut
 * into pieces of `hop` samples, of which each frame spans a fixed number: a convolution over pieces, stride 1, which is
 * the form that every backend runs fast. The matrix is no weight: it follows from the config and is not stored.
 */
export class StftMagnitude extends tf.layers.Layer {
  static readonly className = "StftMagnitude";
  private readonly nFft: number;
  private readonly hop: number;
  private kernel: tf.Tensor3D | undefined;

  constructor(config: StftMagnitudeConfig) {
    super(config.name === undefined ? {} : { name: config.name });
    this.nFft = config.nFft;
    this.hop = config.hop;
  }

  private get bins(): number {
    return Math.floor(this.nFft / 2) + 1;
  }

  /** Pieces of `hop` samples that one frame spans. */
  private get pieces(): number {
    return Math.ceil(this.nFft / this.hop);
  }

  private frames(samples: number): number {
    return 1 + Math.floor(samples / this.hop);
  }

  override computeOutputShape(inputShape: tf.Shape): tf.Shape {
    return [inputShape[0] ?? null, this.bins, this.frames(inputShape[1]!), 1];
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const waves = (Array.isArray(inputs) ? inputs[0]! : inputs) as tf.Tensor2D; // [batch, samples]
    this.kernel ??= tf.keep(tf.tidy(() => windowedDftKernel(this.nFft, this.hop, this.pieces)));
    const kernel = this.kernel;
    return tf.tidy(() => {
      const samples = waves.shape[1];
      const half = Math.floor(this.nFft / 2);
      const frames = this.frames(samples);
      const needed = (frames - 1 + this.pieces) * this.hop;
      const reflected = tf.mirrorPad(
        waves,
        [
          [0, 0],
          [half, half],
        ],
        "reflect",
      ); // [batch, samples + 2 half]
      const fitted =
        needed > reflected.shape[1]
          ? reflected.pad([
              [0, 0],
              [0, needed - reflected.shape[1]],
            ]) // the kernel is zero there
          : reflected.slice([0, 0], [-1, needed]);
      const cut = fitted.reshape<tf.Tensor3D>([-1, needed / this.hop, this.hop]); // [batch, pieces, hop]
      const spectrum = tf.conv1d(cut, kernel, 1, "valid"); // [batch, frames, 2 bins]
      const [real, imaginary] = tf.split(spectrum, 2, 2) as [tf.Tensor3D, tf.Tensor3D];
      const magnitude = real.square().add(imaginary.square()).sqrt(); // [batch, frames, bins]
      return magnitude.transpose([0, 2, 1]).expandDims(3); // [batch, bins, frames, 1]
    });
  }

  /** Multiply-adds for a clip, of the direct product with the DFT matrix. */
  multiplyAdds(samples: number): number {
    return this.frames(samples) * this.nFft * 2 * this.bins;
  }

  override dispose(): ReturnType<tf.layers.Layer["dispose"]> {
    this.kernel?.dispose();
    this.kernel = undefined;
    return super.dispose();
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), nFft: this.nFft, hop: this.hop };
  }
}
tf.serialization.registerClass(StftMagnitude);

/** The window times cosine and minus sine, `[pieces, hop, 2 bins]`; zero behind the last of the `nFft` samples. */
function windowedDftKernel(nFft: number, hop: number, pieces: number): tf.Tensor3D {
  const bins = Math.floor(nFft / 2) + 1;
  const values = new Float32Array(pieces * hop * 2 * bins);
  for (let n = 0; n < nFft; n++) {
    const window = 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / nFft);
    for (let k = 0; k < bins; k++) {
      const angle = (2 * Math.PI * ((n * k) % nFft)) / nFft;
      values[n * 2 * bins + k] = window * Math.cos(angle);
      values[n * 2 * bins + bins + k] = -window * Math.sin(angle);
    }
  }
  return tf.tensor3d(values, [pieces, hop, 2 * bins]);
}
