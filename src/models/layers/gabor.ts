import * as tf from "@tensorflow/tfjs";
import { hzToMel, melToHz } from "../../dsp/mel.js";

/** What is added to a band's power, so that silence has a logarithm: noise 65 dB below full scale. */
const powerOffset = 3e-7;

/**
 * The logarithm of the power in bands, from the answers of pairs of filters: `[batch, 1, instants, 2 × bands]` in, the first
 * of each pair before all the second ones; ln(mean of the squares' sums over `span` instants / `energy` + 3e-7)
 * `[batch, 1, instants / span frames, bands]` out. The energy is what a pair of filters has in its weights.
 */
export class LogPower extends tf.layers.Layer {
  static readonly className = "LogPower";
  private readonly span: number;
  private readonly energy: number;

  constructor({ name, span, energy = 1 }: { name: string; span: number; energy?: number }) {
    super({ name });
    this.span = span;
    this.energy = energy;
  }

  override computeOutputShape(inputShape: tf.Shape): tf.Shape {
    return [inputShape[0]!, 1, inputShape[2]! / this.span, inputShape[3]! / 2];
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const answers = (Array.isArray(inputs) ? inputs[0]! : inputs) as tf.Tensor4D;
    const [, , instants, filters] = answers.shape;
    return tf.tidy(() => {
      // All instants of a frame and both filters of a pair lie along the second axis.
      const squares = answers.square().reshape([-1, 2 * this.span, filters / 2]);
      const power = squares
        .sum(1)
        .div(this.span * this.energy)
        .add(powerOffset);
      return power.log().reshape([-1, 1, instants / this.span, filters / 2]);
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), span: this.span, energy: this.energy };
  }
}
tf.serialization.registerClass(LogPower);

export interface GaborBank {
  /** Hz. */
  sampleRate: number;
  /** Where the lowest filter begins and the highest one ends, Hz. */
  minFrequency: number;
  maxFrequency: number;
}

/** The energy of a pair of filters with these points, at which its weights are about as large as those of other layers. */
export function pairEnergy(points: number): number {
  return 2 * points;
}

/**
 * Initial weights `[1, pieces, length, 2 × bands]` of a filter bank over the pieces of a waveform: Gabor filters (a cosine
 * under a Gaussian, and a sine) in the kernel's middle, of a mean square of 1: at unit energy they would be so small that
 * steps like Adam's, which do not shrink with the weights, lose them at once. Their centre frequencies lie evenly on Slaney's mel
 * scale, and each has half its power half-way to its neighbours', or as near as the kernel's length lets it: after Zeghidour
 * et al., "Learning filterbanks from raw speech for phone recognition", 2018.
 */
export class GaborInitializer extends tf.serialization.Serializable {
  static readonly className = "GaborInitializer";
  private readonly bank: GaborBank;

  constructor(bank: GaborBank) {
    super();
    this.bank = bank;
  }

  apply(shape: tf.Shape): tf.Tensor {
    const [, pieces, length, filters] = shape as [number, number, number, number];
    const { sampleRate, minFrequency, maxFrequency } = this.bank;
    const [bands, points] = [filters / 2, pieces * length];
    const [low, high] = [hzToMel(minFrequency), hzToMel(maxFrequency)];
    const frequency = (band: number) => melToHz(low + ((high - low) * (band + 1)) / (bands + 1));
    const values = new Float32Array(points * filters);
    for (let band = 0; band < bands; band++) {
      const between = (frequency(band + 1) - frequency(band - 1)) / 2; // width at half the power, Hz
      // |exp(-t² / 2σ²)|'s spectrum has half its power at √(ln 2) / 2πσ.
      const sigma = Math.min(Math.sqrt(Math.log(2)) / (Math.PI * between), points / sampleRate / 6); // s
      const envelope = Float64Array.from({ length: points }, (_, n) => {
        const time = (n - (points - 1) / 2) / sampleRate;
        return Math.exp(-0.5 * (time / sigma) ** 2);
      });
      const scale = Math.sqrt(pairEnergy(points) / envelope.reduce((sum, value) => sum + value ** 2, 0));
      for (let n = 0; n < points; n++) {
        const phase = (2 * Math.PI * frequency(band) * (n - (points - 1) / 2)) / sampleRate;
        const height = envelope[n]! * scale;
        values[n * filters + band] = height * Math.cos(phase);
        values[n * filters + bands + band] = height * Math.sin(phase);
      }
    }
    return tf.tensor(values, [1, pieces, length, filters]);
  }

  fromConfigUsesCustomObjects(): boolean {
    return false;
  }

  getConfig(): tf.serialization.ConfigDict {
    return { ...this.bank };
  }
}
