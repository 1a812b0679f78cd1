import * as tf from "@tensorflow/tfjs";
import { melFilterBank } from "../../dsp/mel.js";
import { cosineTransform } from "../../dsp/mfcc.js";
import { binCount, FrameSpectrum, frameCount } from "./spectrum.js";

export interface LogMelConfig {
  name?: string;
  /** Hz. */
  sampleRate: number;
  /** Points of the transform. */
  nFft: number;
  /** Samples from one frame to the next. */
  hop: number;
  /** Points of the periodic Hann window, in the middle of the transform's. */
  window: number;
  nMels: number;
  /** Where the lowest band begins and the highest one ends, Hz. */
  minFrequency: number;
  maxFrequency: number;
}

/** What is added to a band's power, so that silence has a logarithm. */
export const melOffset = 1e-6;

/**
 * The logarithm of the power in mel bands as a layer: waveforms `[batch, samples]` in, ln(power + 1e-6)
 * `[batch, nMels, 1 + floor(samples / hop) frames, 1]` out. The power is that of `librosa.feature.melspectrogram` with
 * Slaney's scale and norm, and the ends padded by reflection.
 */
export class LogMel extends tf.layers.Layer {
  static readonly className: string = "LogMel";
  protected readonly settings: Required<Omit<LogMelConfig, "name">>;
  private readonly spectrum: FrameSpectrum;
  private filters: tf.Tensor2D | undefined;

  constructor(config: LogMelConfig) {
    super(config.name === undefined ? {} : { name: config.name });
    const { sampleRate, nFft, hop, window, nMels, minFrequency, maxFrequency } = config;
    this.settings = { sampleRate, nFft, hop, window, nMels, minFrequency, maxFrequency };
    this.spectrum = new FrameSpectrum({ nFft, hop, window });
  }

  override computeOutputShape(inputShape: tf.Shape): tf.Shape {
    return [inputShape[0] ?? null, this.settings.nMels, frameCount(inputShape[1]!, this.settings.hop), 1];
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const waves = (Array.isArray(inputs) ? inputs[0]! : inputs) as tf.Tensor2D; // [batch, samples]
    return tf.tidy(() => this.bands(waves).transpose([0, 2, 1]).expandDims(3)); // [batch, bands, frames, 1]
  }

  /** `[batch, samples]` → `[batch, frames, nMels]` */
  protected bands(waves: tf.Tensor2D): tf.Tensor {
    const { hop, nFft, nMels } = this.settings;
    this.filters ??= tf.keep(tf.tidy(() => this.makeFilters()));
    const squares = this.spectrum.apply(waves).square(); // [batch, frames, 2 bins]
    const rows = squares.reshape<tf.Tensor2D>([-1, 2 * binCount(nFft)]);
    const power = tf.matMul(rows, this.filters); // [batch × frames, nMels]
    return power
      .add(melOffset)
      .log()
      .reshape([-1, frameCount(waves.shape[1], hop), nMels]);
  }

  /** The filter bank for the squares of the real parts and, again, of the imaginary ones: `[2 bins, nMels]`. */
  private makeFilters(): tf.Tensor2D {
    const { weights, nMels, bins } = melFilterBank(this.settings);
    const bank = tf.tensor2d(Float32Array.from(weights), [nMels, bins]).transpose();
    return tf.concat([bank, bank]) as tf.Tensor2D;
  }

  /** For a clip. */
  multiplyAdds(samples: number): number {
    const { hop, nFft, nMels } = this.settings;
    return this.spectrum.multiplyAdds(samples) + frameCount(samples, hop) * 2 * binCount(nFft) * nMels;
  }

  override dispose(): ReturnType<tf.layers.Layer["dispose"]> {
    this.spectrum.dispose();
    this.filters?.dispose();
    this.filters = undefined;
    return super.dispose();
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), ...this.settings };
  }
}
tf.serialization.registerClass(LogMel);

export interface MfccConfig extends LogMelConfig {
  /** Coefficients, at most `nMels`. */
  nMfcc: number;
}

/**
 * Mel-frequency cepstral coefficients as a layer: waveforms `[batch, samples]` in, the first `nMfcc` of the orthonormal
 * DCT-II of `LogMel`'s bands, `[batch, nMfcc, frames, 1]`, out.
 */
export class Mfcc extends LogMel {
  static override readonly className: string = "Mfcc";
  private readonly nMfcc: number;
  private cosines: tf.Tensor2D | undefined;

  constructor(config: MfccConfig) {
    super(config);
    this.nMfcc = config.nMfcc;
  }

  override computeOutputShape(inputShape: tf.Shape): tf.Shape {
    const [batch, , frames] = super.computeOutputShape(inputShape) as number[];
    return [batch ?? null, this.nMfcc, frames!, 1];
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const waves = (Array.isArray(inputs) ? inputs[0]! : inputs) as tf.Tensor2D; // [batch, samples]
    this.cosines ??= tf.keep(tf.tidy(() => this.makeCosines()));
    const cosines = this.cosines;
    return tf.tidy(() => {
      const bands = this.bands(waves);
      const [, frames, nMels] = bands.shape as [number, number, number];
      const rows = bands.reshape<tf.Tensor2D>([-1, nMels]);
      const coefficients = tf.matMul(rows, cosines).reshape([-1, frames, this.nMfcc]);
      return coefficients.transpose([0, 2, 1]).expandDims(3); // [batch, nMfcc, frames, 1]
    });
  }

  /** `[nMels, nMfcc]` */
  private makeCosines(): tf.Tensor2D {
    const { nMels } = this.settings;
    const basis = tf.tensor2d(Float32Array.from(cosineTransform(nMels)), [nMels, nMels]);
    return basis.slice([0, 0], [this.nMfcc, nMels]).transpose() as tf.Tensor2D;
  }

  override multiplyAdds(samples: number): number {
    const { hop, nMels } = this.settings;
    return super.multiplyAdds(samples) + frameCount(samples, hop) * nMels * this.nMfcc;
  }

  override dispose(): ReturnType<tf.layers.Layer["dispose"]> {
    this.cosines?.dispose();
    this.cosines = undefined;
    return super.dispose();
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), nMfcc: this.nMfcc };
  }
}
tf.serialization.registerClass(Mfcc);
