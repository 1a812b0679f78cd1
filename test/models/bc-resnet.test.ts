import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, test } from "vitest";
import { startBackend } from "../../src/backend/start.js";
import { modelCost } from "../../src/models/cost.js";
import { buildModel } from "../../src/models/registry.js";
import { modelFromFiles, modelToFiles } from "../../src/run/model-files.js";

beforeAll(async () => {
  await startBackend("cpu", "training");
});

const at8kHz = { labelCount: 12, sampleRate: 8000, clipLength: 8000, seed: 42 };
const small = { labelCount: 5, sampleRate: 8000, clipLength: 1600, width: 0.5, seed: 7 };

describe("bc-resnet", () => {
  // Trainable parameters of the authors' code, and what its batch norms keep of the past beside them.
  test.each([
    [1, 9232, 2416],
    [1.5, 17154, 3624],
    [2, 27284, 4832],
    [3, 54168, 7248],
    [6, 187812, 14496],
    [8, 321068, 19328],
  ])("has the authors' parameters at τ = %d", (width, trainableParams, moving) => {
    const model = buildModel("bc-resnet", { ...at8kHz, width });
    expect(modelCost(model)).toMatchObject({ trainableParams, params: trainableParams + moving });
    expect(model.outputShape).toEqual([null, 12]);
    model.dispose();
  });

  test("sees 40 bands of 101 frames at 8 and at 16 kHz", () => {
    for (const sampleRate of [8000, 16000]) {
      const model = buildModel("bc-resnet", { ...at8kHz, sampleRate, clipLength: sampleRate, width: 1 });
      expect(model.getLayer("log_mel").outputShape).toEqual([null, 40, 101, 1]);
      expect(model.getLayer("block4_4_relu").outputShape).toEqual([null, 5, 101, 20]);
      model.dispose();
    }
  });

  test("saved and loaded, it answers the same", async () => {
    const masking = { bands: 5, frames: 5 };
    const model = buildModel("bc-resnet", { ...small, masking });
    const waves = tf.randomNormal([3, 1600], 0, 0.3, "float32", 1);
    tf.tidy(() => void model.apply(waves, { training: true })); // moving statistics that are not the initial ones
    const loaded = await modelFromFiles(await modelToFiles(model));
    const [before, after] = [model, loaded].map((each) => (each.predict(waves) as tf.Tensor).dataSync());
    expect(before!.some((value) => value !== 0)).toBe(true);
    before!.forEach((value, i) => {
      expect(after![i]).toBeCloseTo(value, 5);
    });
  });

  test("a front end that it does not take is wrong usage that lists those it takes", () => {
    expect(() => buildModel("bc-resnet", { ...small, frontEnd: "stft" })).toThrow(
      /log-mel, mfcc, gabor, found stft/,
    );
  });
});
