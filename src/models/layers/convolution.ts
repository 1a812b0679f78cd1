import * as tf from "@tensorflow/tfjs";

export interface TimeConvolutionConfig {
  name: string;
  /** Frames that one output sees, odd. */
  kernelSize: number;
  /** Frames from one of them to the next. */
  dilation?: number;
  kernelInitializer?: ReturnType<typeof tf.initializers.zeros>;
}

/**
 * Depthwise convolution along time with the same padding, stride 1 and no bias: `[batch, 1, frames, channels]` in, the
 * same shape out.
 *
 * TensorFlow.js differentiates no dilated convolution. Cut into rows of `dilation` frames, a dilated convolution along
 * time is a plain one from row to row.
 */
export class TimeConvolution extends tf.layers.Layer {
  static readonly className = "TimeConvolution";
  private readonly kernelSize: number;
  private readonly dilation: number;
  private readonly initializer: TimeConvolutionConfig["kernelInitializer"];
  private kernel!: tf.LayerVariable;

  constructor(config: TimeConvolutionConfig) {
    super({ name: config.name });
    this.kernelSize = config.kernelSize;
    this.dilation = config.dilation ?? 1;
    this.initializer = config.kernelInitializer;
  }

  override build(inputShape: tf.Shape): void {
    const shape = [this.kernelSize, 1, inputShape[3]!, 1];
    const initializer = this.initializer ?? tf.initializers.zeros();
    this.kernel = this.addWeight("depthwise_kernel", shape, "float32", initializer);
    this.built = true;
  }

  override computeOutputShape(inputShape: tf.Shape): tf.Shape {
    return inputShape;
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const input = (Array.isArray(inputs) ? inputs[0]! : inputs) as tf.Tensor4D;
    return tf.tidy(() => {
      const [batch, , frames, channels] = input.shape;
      const missing = (this.dilation - (frames % this.dilation)) % this.dilation;
      const padding: [number, number][] = [
        [0, 0],
        [0, 0],
        [0, missing],
        [0, 0],
      ];
      const padded = missing > 0 ? tf.pad(input, padding) : input;
      const rows = padded.reshape<tf.Tensor4D>([batch, -1, this.dilation, channels]);
      const output = tf.depthwiseConv2d(rows, this.kernel.read() as tf.Tensor4D, 1, "same");
      const joined = output.reshape([batch, 1, frames + missing, channels]);
      return missing > 0 ? joined.slice([0, 0, 0, 0], [batch, 1, frames, channels]) : joined;
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), kernelSize: this.kernelSize, dilation: this.dilation };
  }
}
tf.serialization.registerClass(TimeConvolution);

export interface Convolution2dConfig {
  name: string;
  filters: number;
  kernelSize: [number, number];
  strides?: [number, number];
  padding?: "same" | "valid";
  useBias?: boolean;
  kernelInitializer: ReturnType<typeof tf.initializers.zeros>;
}

/**
 * The 2-D convolution that TensorFlow.js has, and that it is saved as. In training TensorFlow.js's own layer computes the
 * gradient of its input even where nobody asks for it, as of a model's first layer, where it costs the most.
 */
export class Convolution2d extends tf.layers.Layer {
  static readonly className = "Conv2D";
  private readonly settings: Required<Omit<Convolution2dConfig, "name" | "kernelInitializer">>;
  private readonly initializer: Convolution2dConfig["kernelInitializer"];
  private kernel!: tf.LayerVariable;
  private bias: tf.LayerVariable | undefined;

  constructor(config: Convolution2dConfig) {
    super({ name: config.name });
    const { filters, kernelSize, strides = [1, 1], padding = "same", useBias = false } = config;
    this.settings = { filters, kernelSize, strides, padding, useBias };
    this.initializer = config.kernelInitializer;
  }

  override build(inputShape: tf.Shape): void {
    const { kernelSize, filters, useBias } = this.settings;
    const shape = [...kernelSize, inputShape[3]!, filters];
    this.kernel = this.addWeight("kernel", shape, "float32", this.initializer);
    if (useBias) this.bias = this.addWeight("bias", [filters], "float32", tf.initializers.zeros());
    this.built = true;
  }

  override computeOutputShape(inputShape: tf.Shape): tf.Shape {
    const { kernelSize, strides, padding, filters } = this.settings;
    const [height, width] = [0, 1].map((axis) => {
      const size = inputShape[axis + 1]!;
      const places = padding === "same" ? size : size - kernelSize[axis]! + 1;
      return Math.ceil(places / strides[axis]!);
    });
    return [inputShape[0]!, height!, width!, filters];
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const input = (Array.isArray(inputs) ? inputs[0]! : inputs) as tf.Tensor4D;
    const { strides, padding } = this.settings;
    return tf.tidy(() => {
      const output = tf.conv2d(input, this.kernel.read() as tf.Tensor4D, strides, padding);
      return this.bias === undefined ? output : output.add(this.bias.read());
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    const same = { dilationRate: [1, 1], activation: "linear", dataFormat: "channelsLast" };
    return { ...super.getConfig(), ...this.settings, ...same };
  }
}
