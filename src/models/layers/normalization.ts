import * as tf from "@tensorflow/tfjs";
import { runOwnKernel } from "../../backend/own-kernels.js";

export interface NormalizationConfig {
  name: string;
  /** What is added to the variance. */
  epsilon?: number;
  /** Share that the moving statistics keep at a training step. */
  momentum?: number;
}

/**
 * Batch normalisation (Ioffe and Szegedy, 2015): `[batch, …, channels]` in, the same shape out, each channel with the mean
 * and variance of the batch in training, of the past in inference. TensorFlow.js's own composes its gradient of many more
 * passes over the activations; this one is saved as it, and read back as it.
 *
 * The defaults are PyTorch's (its momentum of 0.1 is 0.9 here), with which the papers' models were trained.
 */
export class BatchNormalization extends tf.layers.Layer {
  static readonly className: string = "BatchNormalization";
  protected readonly epsilon: number;
  protected readonly momentum: number;
  /** Bands of the second axis with statistics of their own. */
  protected readonly bands: number = 1;
  private gamma!: tf.LayerVariable;
  private beta!: tf.LayerVariable;
  private movingMean!: tf.LayerVariable;
  private movingVariance!: tf.LayerVariable;

  constructor(config: NormalizationConfig) {
    super({ name: config.name });
    this.epsilon = config.epsilon ?? 1e-5;
    this.momentum = config.momentum ?? 0.9;
  }

  override build(inputShape: tf.Shape): void {
    const shape = [this.bands * inputShape.at(-1)!];
    const [ones, zeros] = [tf.initializers.ones(), tf.initializers.zeros()];
    this.gamma = this.addWeight("gamma", shape, "float32", ones);
    this.beta = this.addWeight("beta", shape, "float32", zeros);
    this.movingMean = this.addWeight("moving_mean", shape, "float32", zeros, undefined, false);
    this.movingVariance = this.addWeight("moving_variance", shape, "float32", ones, undefined, false);
    this.built = true;
  }

  override computeOutputShape(inputShape: tf.Shape): tf.Shape {
    return inputShape;
  }

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: { training?: boolean }): tf.Tensor {
    const input = Array.isArray(inputs) ? inputs[0]! : inputs;
    return tf.tidy(() => {
      const [gamma, beta] = [this.gamma.read(), this.beta.read()];
      if (!kwargs.training) {
        const scale = gamma.div(this.movingVariance.read().add(this.epsilon).sqrt());
        const shift = beta.sub(this.movingMean.read().mul(scale));
        const places = input.size / input.shape[0]! / scale.size;
        const flat = input.reshape([input.shape[0]!, -1]);
        return flat
          .mul(spread(scale, this.bands, places))
          .add(spread(shift, this.bands, places))
          .reshape(input.shape);
      }
      const { output, mean, variance } = normalize(input, gamma, beta, this.bands, this.epsilon);
      this.follow(this.movingMean, mean);
      this.follow(this.movingVariance, variance);
      return output;
    });
  }

  private follow(moving: tf.LayerVariable, value: tf.Tensor): void {
    moving.write(
      moving
        .read()
        .mul(this.momentum)
        .add(value.mul(1 - this.momentum)),
    );
    value.dispose();
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), axis: -1, epsilon: this.epsilon, momentum: this.momentum };
  }
}

/**
 * Sub-spectral normalisation (Chang et al., "Subspectral normalization for neural audio data processing", 2021): batch
 * normalisation of `[batch, frequencies, frames, channels]` in which each of `bands` equal parts of the frequency axis has
 * statistics, scale and shift of its own.
 */
export class SubSpectralNormalization extends BatchNormalization {
  static override readonly className = "SubSpectralNormalization";
  protected override readonly bands: number;

  constructor(config: NormalizationConfig & { bands: number }) {
    super(config);
    this.bands = config.bands;
  }

  override build(inputShape: tf.Shape): void {
    if (inputShape[1]! % this.bands !== 0)
      throw new Error(`${inputShape[1]} frequencies cannot be cut into ${this.bands} equal bands`);
    super.build(inputShape);
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), bands: this.bands };
  }
}
tf.serialization.registerClass(SubSpectralNormalization);

/** `[bands × channels]` → `[bands × places × channels]`: a figure of each band and channel at every place of it. */
function spread(figures: tf.Tensor, bands: number, places: number): tf.Tensor1D {
  return figures.reshape([bands, 1, -1]).tile([1, places, 1]).flatten();
}

/** The sums over the batch and the places, `[batch, bands × places × channels]` → `[bands × channels]`. */
function collect(values: tf.Tensor, bands: number, places: number): tf.Tensor1D {
  return values.sum(0).reshape([bands, places, -1]).sum(1).flatten();
}

/** Output of a normalisation in training, with the statistics, which are kept: the caller disposes them. */
interface Normalized {
  output: tf.Tensor;
  mean: tf.Tensor;
  variance: tf.Tensor;
}

/**
 * Normalises with the statistics of the batch: by the backend's own kernel, where it has one, else by passes over
 * `[batch, rest]`, for which backends need no general broadcasting. The gradient is the one that the paper derives.
 */
function normalize(
  input: tf.Tensor,
  gamma: tf.Tensor,
  beta: tf.Tensor,
  bands: number,
  epsilon: number,
): Normalized {
  const batch = input.shape[0]!;
  const places = input.size / batch / gamma.size;
  const parts = input.reshape<tf.Tensor4D>([batch, bands, places, -1]);
  const own = normalizeByKernel(parts, gamma, beta, epsilon);
  const { output, mean, variance } = own ?? normalizeByPasses(parts, gamma, beta, epsilon);
  return { output: output.reshape(input.shape), mean, variance };
}

/**
 * `[batch, bands, places, channels]`, by a kernel that knows no bands: side by side, the channels of all bands are so many
 * channels to it.
 */
function normalizeByKernel(
  input: tf.Tensor4D,
  gamma: tf.Tensor,
  beta: tf.Tensor,
  epsilon: number,
): Normalized | undefined {
  const [batch, bands, places, channels] = input.shape;
  if (tf.getKernel("BatchNormalize", tf.getBackend()) === undefined) return undefined;
  const sideBySide = (x: tf.Tensor) =>
    (bands === 1 ? x : x.transpose([0, 2, 1, 3])).reshape([batch, 1, places, bands * channels]);
  const apart = (x: tf.Tensor) =>
    bands === 1 ? x : x.reshape([batch, places, bands, channels]).transpose([0, 2, 1, 3]);
  let mean!: tf.Tensor;
  let variance!: tf.Tensor;
  const operation = tf.customGrad((...args) => {
    const [input, scale, offset, save] = args as [tf.Tensor, tf.Tensor, tf.Tensor, tf.GradSaveFunc];
    const x = sideBySide(input);
    const results = runOwnKernel("BatchNormalize", { x, scale, offset }, { epsilon })!;
    mean = tf.keep(results[1]!);
    variance = tf.keep(results[2]!);
    save([x, scale, results[3]!, results[4]!]);
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const [x, scale, savedMean, savedVariance] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
      const inputs = { dy: sideBySide(dy), x, scale, savedMean, savedVariance };
      const [dx, dScale, dOffset] = runOwnKernel("BatchNormalizeGrad", inputs, { epsilon })!;
      return [apart(dx!), dScale!, dOffset!];
    };
    return { value: apart(results[0]!), gradFunc };
  });
  return { output: operation(input, gamma, beta), mean, variance };
}

/** `[batch, bands, places, channels]` */
function normalizeByPasses(
  input: tf.Tensor4D,
  gamma: tf.Tensor,
  beta: tf.Tensor,
  epsilon: number,
): Normalized {
  const [batch, bands, places] = input.shape;
  const count = batch * places;
  const spreadOut = (figures: tf.Tensor) => spread(figures, bands, places);
  let mean!: tf.Tensor;
  let variance!: tf.Tensor;
  const operation = tf.customGrad((...args) => {
    const [x, gamma, beta, save] = args as [tf.Tensor, tf.Tensor, tf.Tensor, tf.GradSaveFunc];
    mean = tf.keep(collect(x, bands, places).div(count));
    const centred = x.sub(spreadOut(mean));
    const biased = collect(centred.square(), bands, places).div(count);
    variance = tf.keep(biased.mul(count / Math.max(1, count - 1))); // without bias, as TensorFlow and PyTorch keep it
    const inverse = biased.add(epsilon).rsqrt();
    const scale = gamma.mul(inverse);
    save([centred, inverse, scale]);
    const value = centred.mul(spreadOut(scale)).add(spreadOut(beta));
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const [centred, inverse, scale] = saved as [tf.Tensor, tf.Tensor, tf.Tensor];
      const dBeta = collect(dy, bands, places);
      const along = collect(dy.mul(centred), bands, places);
      const slope = scale.mul(inverse.square()).mul(along).div(count);
      const offset = scale.mul(dBeta).div(count);
      const dx = dy.mul(spreadOut(scale)).sub(centred.mul(spreadOut(slope)).add(spreadOut(offset)));
      return [dx, along.mul(inverse), dBeta];
    };
    return { value, gradFunc };
  });
  const output = operation(input.reshape([batch, -1]), gamma, beta);
  return { output, mean, variance };
}
