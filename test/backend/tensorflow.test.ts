import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, test } from "vitest";
import { BackendUnavailable, startBackend } from "../../src/backend/start.js";
import { modelRegistry } from "../../src/models/registry.js";
import { expectSameTraining, lossOfStep, smallTrainer, trainSteps } from "../helpers/training.js";

const missing = await startBackend("tensorflow", "training").then(
  () => undefined,
  (error: unknown) => {
    if (error instanceof BackendUnavailable) return error.message;
    throw error;
  },
);
if (missing !== undefined) console.warn(`tests of the tensorflow backend are skipped: ${missing}`);

describe.skipIf(missing !== undefined)("the tensorflow backend", () => {
  beforeAll(async () => {
    await startBackend("cpu", "training");
    await startBackend("tensorflow", "training");
  });

  test("is the native library, loaded into our own TensorFlow.js, and says what it runs on", async () => {
    const { name, device } = await startBackend("tensorflow", "training");
    expect(name).toBe("tensorflow");
    expect(device).toMatch(/^TensorFlow \d+\.\d+\.\d+, /);
    expect(tf.getBackend()).toBe("tensorflow");
    expect(tf.backend().constructor.name).toBe("NodeJSKernelBackend");
  });

  test.each([...modelRegistry.keys()])(
    "trains %s as the cpu backend does, by a graph",
    { timeout: 240_000 },
    async (name) => {
      await startBackend("cpu", "training");
      const expected = await trainSteps(name, 10);
      await startBackend("tensorflow", "training");
      const actual = await trainSteps(name, 10);
      expectSameTraining(actual, expected);
      expect(actual.graph).toBe(true);
    },
  );

  test("has the gradient of ReLU, at its corner and beyond", async () => {
    const x = [-2, -0, 0, 1e-30, 3, Number.POSITIVE_INFINITY];
    for (const backend of ["cpu", "tensorflow"] as const) {
      await startBackend(backend, "training");
      const gradient = tf.tidy(
        () => tf.grads((v: tf.Tensor) => tf.relu(v))([tf.tensor1d(x)], tf.range(1, 7))[0]!,
      );
      expect([...gradient.dataSync()], backend).toEqual([0, 0, 0, 4, 5, 6]);
      gradient.dispose();
    }
  });

  test("keeps nothing over a thousand training steps", { timeout: 240_000 }, async () => {
    await startBackend("tensorflow", "training");
    const { trainer, batch } = smallTrainer("conv1d");
    const native = (tf.backend() as unknown as { binding: { getNumOfTensors(): number } }).binding;
    const settle = 200;
    for (let i = 0; i < settle; i++) await lossOfStep(trainer, batch);
    const before = { ...tf.memory(), native: native.getNumOfTensors(), resident: process.memoryUsage.rss() };
    for (let i = 0; i < 1000; i++) await lossOfStep(trainer, batch);
    expect(tf.memory().numTensors).toBe(before.numTensors);
    expect(tf.memory().numBytes).toBe(before.numBytes);
    expect(native.getNumOfTensors()).toBe(before.native);
    // A step's tensors are 3 MB: one kept in a hundred would pass this.
    expect(process.memoryUsage.rss() - before.resident).toBeLessThan(30e6);
    trainer.dispose();
  });
});
