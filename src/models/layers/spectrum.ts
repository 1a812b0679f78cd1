import * as tf from "@tensorflow/tfjs";

export interface FrameConfig {
  /** Points of the transform. */
  nFft: number;
  /** Samples from one frame to the next. */
  hop: number;
  /** Points of the periodic Hann window, at most `nFft`. */
  window: number;
}

export const frameCount = (samples: number, hop: number): number => 1 + Math.floor(samples / hop);
export const binCount = (nFft: number): number => Math.floor(nFft / 2) + 1;

/**
 * The spectrum of a waveform's frames, as the front ends begin with it: waveforms `[batch, samples]` in,
 * `[batch, 1 + floor(samples / hop) frames, 2 × (nFft / 2 + 1) bins]` out, the real parts before the imaginary ones. Frames
 * are centred on multiples of the hop, the ends padded by reflection. Where the window is shorter than the transform, the
 * phases are those of `librosa.stft` shifted; the magnitudes are the same.
 *
 * It is a product with a fixed DFT matrix, since not every backend has an FFT (nor one of 258 points). The signal is cut
 * into pieces of `hop` samples, of which each frame spans a fixed number: a convolution over pieces, stride 1, which is
 * the form that every backend runs fast. The matrix is no weight: it follows from the config and is not stored.
 */
export class FrameSpectrum {
  private readonly config: FrameConfig;
  private kernel: tf.Tensor3D | undefined;

  constructor(config: FrameConfig) {
    this.config = config;
  }

  /** To be called in a tidy. */
  apply(waves: tf.Tensor2D): tf.Tensor3D {
    const { nFft, hop, window } = this.config;
    const pieces = Math.ceil(window / hop);
    this.kernel ??= tf.keep(tf.tidy(() => windowedDftKernel(this.config, pieces)));
    const samples = waves.shape[1];
    // Where the window begins before its frame's centre; it stands in the middle of the transform's points.
    const before = Math.floor(nFft / 2) - Math.floor((nFft - window) / 2);
    const needed = (frameCount(samples, hop) - 1 + pieces) * hop;
    const reflected = reflect(waves, before); // [batch, samples + 2 before]
    const fitted =
      needed > reflected.shape[1]!
        ? reflected.pad([
            [0, 0],
            [0, needed - reflected.shape[1]!],
          ]) // the kernel is zero there
        : reflected.slice([0, 0], [-1, needed]);
    const cut = fitted.reshape<tf.Tensor3D>([-1, needed / hop, hop]); // [batch, pieces, hop]
    return tf.conv1d(cut, this.kernel, 1, "valid"); // [batch, frames, 2 bins]
  }

  /** Multiply-adds for a clip, of the direct product with the DFT matrix. */
  multiplyAdds(samples: number): number {
    const { nFft, hop, window } = this.config;
    return frameCount(samples, hop) * window * 2 * binCount(nFft);
  }

  dispose(): void {
    this.kernel?.dispose();
    this.kernel = undefined;
  }
}

/** The waveforms with `more` samples of their reflection on each side, which no backend's own operation does fast. */
function reflect(waves: tf.Tensor2D, more: number): tf.Tensor2D {
  if (more === 0) return waves;
  const samples = waves.shape[1];
  const before = waves.slice([0, 1], [-1, more]).reverse(1);
  const after = waves.slice([0, samples - 1 - more], [-1, more]).reverse(1);
  return tf.concat([before, waves, after], 1) as tf.Tensor2D;
}

/** The window times cosine and minus sine, `[pieces, hop, 2 bins]`; zero behind the window's last sample. */
function windowedDftKernel({ nFft, hop, window }: FrameConfig, pieces: number): tf.Tensor3D {
  const bins = binCount(nFft);
  const values = new Float32Array(pieces * hop * 2 * bins);
  for (let n = 0; n < window; n++) {
    const weight = 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / window);
    for (let k = 0; k < bins; k++) {
      const angle = (2 * Math.PI * ((n * k) % nFft)) / nFft;
      values[n * 2 * bins + k] = weight * Math.cos(angle);
      values[n * 2 * bins + bins + k] = -weight * Math.sin(angle);
    }
  }
  return tf.tensor3d(values, [pieces, hop, 2 * bins]);
}
