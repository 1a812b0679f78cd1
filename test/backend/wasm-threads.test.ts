import * as tf from "@tensorflow/tfjs";
import { getThreadsCount } from "@tensorflow/tfjs-backend-wasm";
import { beforeAll, describe, expect, it } from "vitest";
import { startBackend } from "../../src/backend/start.js";
import { threadedBackend } from "../../src/backend/wasm/threads.js";
import { noise } from "../helpers/kernels.js";

beforeAll(async () => {
  await startBackend("wasm", "short");
  tf.copyRegisteredKernels("wasm", "threads");
  tf.registerBackend("threads", () => threadedBackend(3));
  await tf.setBackend("threads");
});

/** Forward and backward through a convolution, pooling's place and a dense layer. */
function gradients(channels: number): Buffer[] {
  const shape = { x: [3, 1, 700, channels], filter: [1, 9, channels, 64], weights: [700 * 64, 12] };
  const [x, filter, weights] = (["x", "filter", "weights"] as const).map((name) =>
    tf.tensor(noise(shape[name], name).values, shape[name]),
  ) as [tf.Tensor, tf.Tensor, tf.Tensor];
  const loss = (x: tf.Tensor, filter: tf.Tensor, weights: tf.Tensor) =>
    tf
      .conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, 1, "same")
      .relu()
      .reshape([3, -1])
      .matMul(weights)
      .square()
      .sum();
  return tf.tidy(() =>
    tf
      .grads(loss)([x, filter, weights])
      .map((gradient) => Buffer.from(gradient.dataSync<"float32">().buffer)),
  );
}

describe("the wasm backend in threads", () => {
  it("uses as many as it was given", () => {
    expect(getThreadsCount()).toBe(3);
  });

  // 32 channels are convolved by the backend's own kernel, 64 by transforms.
  it.each([32, 64])(
    "computes, to the last bit, what one thread computes, every time: %i",
    async (channels) => {
      await tf.setBackend("wasm");
      const expected = gradients(channels);
      await tf.setBackend("threads");
      for (let i = 0; i < 5; i++)
        expect(gradients(channels).map((gradient, of) => gradient.equals(expected[of]!))).toEqual([
          true,
          true,
          true,
        ]);
    },
  );

  it("leaves no trace by which other libraries would take Node.js for a browser", () => {
    expect("Worker" in globalThis).toBe(false);
  });
});
