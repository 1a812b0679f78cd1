import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startBackend } from "../../src/backend/start.js";
import { inStep } from "../../src/backend/step.js";
import { modelRegistry } from "../../src/models/registry.js";
import type { EpochRecord } from "../../src/run/folder.js";
import { Adam } from "../../src/train/optimizers/adam.js";
import type { TrainSummary } from "../../src/train/train.js";
import { writeTones } from "../helpers/clips.js";
import { noise } from "../helpers/kernels.js";
import { succeed } from "../helpers/kws.js";
import { expectSameTraining, trainSteps } from "../helpers/training.js";
import { whyNoWebgpu } from "../helpers/webgpu.js";

const missing = await whyNoWebgpu();

// SwiftShader takes a fifth of a second to compile a shader, and a model has dozens. As narrow as models can be, their
// layers share many; what a layer's width may be is tested kernel by kernel.
const width = 0.01;
const larger = ["ds-cnn-m", "ds-cnn-l", "matchboxnet-3x2x64", "tc-resnet14"]; // more of the same layers
const names = [...modelRegistry.keys()].filter((name) => !larger.includes(name));
const timeout = 1_800_000;

describe.skipIf(missing !== undefined)("training on webgpu", { timeout }, () => {
  beforeAll(async () => {
    await startBackend("cpu", "training");
    await startBackend("webgpu", "training");
  });

  it.each(names)("trains %s as the cpu backend does", async (name) => {
    await startBackend("cpu", "training");
    const expected = await trainSteps(name, 10, width);
    await startBackend("webgpu", "training");
    expectSameTraining(await trainSteps(name, 10, width), expected);
  });

  it("holds the same memory after a thousand steps, on the GPU too", async () => {
    await startBackend("webgpu", "training");
    const backend = tf.backend() as WebGPUBackend;
    const trainer = tinyTrainer();
    const memory = () => {
      const { numTensors, numBytes, numBytesAllocatedInGPU } = tf.memory() as tf.MemoryInfo & {
        numBytesAllocatedInGPU: number;
      };
      const { numUsedBuffers, numFreeBuffers } = backend.bufferManager as unknown as Record<string, number>;
      return { numTensors, numBytes, numBytesAllocatedInGPU, numUsedBuffers, numFreeBuffers };
    };
    const seen = new Map<number, ReturnType<typeof memory>>();
    for (let step = 1; step <= 1000; step++) {
      const result = trainer.step();
      if (step % 10 === 0) await result.data();
      result.dispose();
      if (step === 20 || step === 1000) seen.set(step, memory());
    }
    expect(seen.get(1000)).toEqual(seen.get(20));
    trainer.dispose();
  });

  describe("through the command", () => {
    let folder: string;
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), "keyspot-webgpu-"));
      writeTones(join(folder, "tones.npz"), { perLabel: 10, rate: 256, speakers: 5 });
    });
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    it("trains and exits cleanly, with the history and the test figures that wasm gives", async () => {
      const train = async (backend: string) => {
        const { stdout, stderr } = await succeed(
          [
            ...["train", "--data", "tones.npz", "--model", "conv1d", "--width", "0.01", "--epochs", "2"],
            ...["--batch-size", "8", "--val-size", "0.2", "--test-size", "0.2"],
            ...["--backend", backend, "--out", backend, "--json"],
          ],
          { cwd: folder },
        );
        expect(stderr).toMatch(new RegExp(`^backend: ${backend} \\(.+\\)$`, "m"));
        const history = JSON.parse(readFileSync(join(folder, backend, "history.json"), "utf8"));
        return { history: history as EpochRecord[], test: (JSON.parse(stdout) as TrainSummary).test };
      };
      const [actual, expected] = [await train("webgpu"), await train("wasm")];
      expect(actual.history).toHaveLength(2);
      actual.history.forEach((epoch, i) => {
        expect(epoch.loss).toBeCloseTo(expected.history[i]!.loss, 3);
        expect(epoch.valLoss).toBeCloseTo(expected.history[i]!.valLoss, 3);
      });
      expect(actual.test.loss).toBeCloseTo(expected.test.loss, 3);
      expect(actual.test.accuracy).toBe(expected.test.accuracy);
    });
  });
});

/** Every kind of layer that training uses here, as small as can be. `step` returns the loss. */
function tinyTrainer() {
  let step = 0;
  const filter = tf.variable(tf.tensor(noise([1, 3, 1, 4], "filter").values, [1, 3, 1, 4]));
  const bias = tf.variable(tf.zeros([4]));
  const weights = tf.variable(tf.tensor(noise([32, 3], "weights").values, [32, 3]));
  const variables = [filter, bias, weights];
  const adam = new Adam(
    variables.map((variable, i) => ({ name: `${i}`, variable })),
    { learningRate: () => 1e-3 },
  );
  const targets = tf.tidy(() => tf.oneHot([0, 1, 2, 0], 3).toFloat());
  return {
    step: () =>
      tf.tidy(() => {
        const x = tf.tensor4d(noise([4, 1, 16, 1], "x", step).values, [4, 1, 16, 1]);
        const { value, grads } = tf.variableGrads(() => {
          const conv = tf
            .conv2d(x, filter as tf.Tensor4D, 1, "same")
            .add(bias)
            .relu() as tf.Tensor4D;
          const pooled = tf.maxPool(conv, [1, 2], [1, 2], "valid").reshape<tf.Tensor2D>([4, 32]);
          return tf.losses.softmaxCrossEntropy(targets, pooled.matMul(weights as tf.Tensor2D)) as tf.Scalar;
        }, variables);
        inStep(step++, () => adam.update(grads));
        return value;
      }),
    dispose: () => {
      adam.dispose();
      tf.dispose([...variables, targets]);
    },
  };
}
