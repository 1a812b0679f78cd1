import * as tf from "@tensorflow/tfjs";

/** The mean over the frequencies: `[batch, frequencies, frames, channels]` in, `[batch, 1, frames, channels]` out. */
export class FrequencyMean extends tf.layers.Layer {
  static readonly className = "FrequencyMean";

  override computeOutputShape(inputShape: tf.Shape): tf.Shape {
    return [inputShape[0]!, 1, inputShape[2]!, inputShape[3]!];
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const input = Array.isArray(inputs) ? inputs[0]! : inputs;
    return tf.tidy(() => mean(input));
  }
}
tf.serialization.registerClass(FrequencyMean);

// TensorFlow.js's gradient of a mean multiplies by a tensor of ones as large as the input, and divides it.
const mean = tf.customGrad((input) => {
  const { shape } = input as tf.Tensor;
  const value = (input as tf.Tensor).mean(1, true);
  const gradFunc = (dy: tf.Tensor) => dy.div(shape[1]!).tile([1, shape[1]!, 1, 1]);
  return { value, gradFunc };
});
