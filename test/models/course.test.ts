import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, test } from "vitest";
import { startBackend } from "../../src/backend/start.js";
import { inStep } from "../../src/backend/step.js";
import { Random } from "../../src/base/random.js";
import { stft } from "../../src/dsp/fourier/stft.js";
import { courseModels } from "../../src/models/architectures/course.js";
import { modelCost } from "../../src/models/cost.js";
import { dropoutMask } from "../../src/models/layers/dropout.js";
import { StftMagnitude } from "../../src/models/layers/stft.js";
import { buildModel, findModel } from "../../src/models/registry.js";
import { modelFromFiles, modelToFiles } from "../../src/run/model-files.js";
import { golden, goldenItem, hasGolden } from "../helpers/golden.js";
import { expectNear } from "../helpers/near.js";

beforeAll(async () => {
  await startBackend("wasm", "training");
});

const course = { labelCount: 12, sampleRate: 8000, clipLength: 8000, width: 1, seed: 42 };
const names = courseModels.map(({ name }) => name);

describe("the course's models at full width", () => {
  // The counts of the course's Keras notebook; the multiply-adds worked out from the layers by hand.
  test.each([
    ["conv1d", 34_681_708, 2_541_827_072, 0],
    ["skip", 63_611_756, 2_865_411_072, 0],
    ["spectrogram", 5_583_724, 1_105_371_008, 126 * 258 * 260],
    ["spectrogram-skip", 9_053_036, 1_198_235_520, 126 * 258 * 260],
  ])("%s has %i parameters", (name, params, macs, frontEndMacs) => {
    const model = buildModel(name, course);
    expect(modelCost(model)).toMatchObject({ params, macs, frontEndMacs });
    expect(model.inputs[0]!.shape).toEqual([null, 8000]);
    expect(model.outputShape).toEqual([null, 12]);
    model.dispose();
  });

  test("the spectrogram is 130 × 126", () => {
    const model = buildModel("spectrogram", { ...course, width: 0.1 });
    expect(model.getLayer("stft").outputShape).toEqual([null, 130, 126, 1]);
  });

  test("skip concatenates a block's input behind its last convolution, from the second block on", () => {
    const model = buildModel("skip", course);
    const pools = [1, 2, 3, 4].map((i) => model.getLayer(`pool${i}`).outputShape);
    expect(pools).toEqual([
      [null, 4000, 32],
      [null, 2000, 64 + 32],
      [null, 1000, 128 + 96],
      [null, 500, 256 + 224],
    ]);
    model.dispose();
  });
});

describe.each(names)("%s", (name) => {
  const small = { labelCount: 5, sampleRate: 1024, clipLength: 1024, width: 0.05, seed: 7 };

  test("the seed fixes the weights", async () => {
    const [a, b, c] = [7, 7, 8].map((seed) => buildModel(name, { ...small, seed }));
    const weights = async (model: tf.LayersModel) => (await modelToFiles(model)).weights;
    expect(await weights(a!)).toEqual(await weights(b!));
    expect(await weights(a!)).not.toEqual(await weights(c!));
  });

  test("saved and loaded, it answers the same to the bit", async () => {
    const model = buildModel(name, small);
    const waves = tf.randomNormal([3, 1024], 0, 0.3, "float32", 1);
    const loaded = await modelFromFiles(await modelToFiles(model));
    const before = (model.predict(waves) as tf.Tensor).dataSync();
    expect((loaded.predict(waves) as tf.Tensor).dataSync()).toEqual(before);
    expect(before.some((value) => value !== 0)).toBe(true);
  });

  test("the width multiplier is rounded and leaves at least four channels", () => {
    const model = buildModel(name, { ...small, width: 0.0001 });
    expect(model.getLayer("conv4_3").outputShape).toEqual(expect.arrayContaining([4]));
    expect((model.getLayer("dense").outputShape as number[])[1]).toBe(4);
    expect(
      (buildModel(name, { ...small, width: 0.3 }).getLayer("conv1_1").outputShape as number[]).at(-1),
    ).toBe(10);
  });
});

test("weights of another size than the topology names are an error", async () => {
  const files = await modelToFiles(buildModel("conv1d", { ...course, clipLength: 64, width: 0.01 }));
  await expect(modelFromFiles({ ...files, weights: files.weights.subarray(4) })).rejects.toThrow(/expected/);
});

test("clips too short for the pools are an error", () => {
  expect(() => buildModel("spectrogram", { ...course, clipLength: 512, width: 0.01 })).toThrow(
    /as short as 512/,
  );
});

test("an unknown model is a usage error that lists the names", () => {
  expect(() => findModel("lstm")).toThrow(/unknown model "lstm"; there are conv1d, skip, spectrogram/);
});

describe("the STFT layer", () => {
  const run = (waves: Float32Array, config: { nFft: number; hop: number }) =>
    tf.tidy(() => new StftMagnitude(config).apply(tf.tensor2d(waves, [1, waves.length])) as tf.Tensor4D);

  test.each([
    { nFft: 258, hop: 64, samples: 8000 },
    { nFft: 64, hop: 64, samples: 1000 },
    { nFft: 37, hop: 10, samples: 333 },
    { nFft: 16, hop: 24, samples: 100 },
    { nFft: 512, hop: 80, samples: 1024 },
  ])(
    "is |STFT| as src/dsp computes it: $nFft points, hop $hop, $samples samples",
    ({ nFft, hop, samples }) => {
      const random = new Random(samples, "wave");
      const wave = Float32Array.from({ length: samples }, () => random.normal());
      const { re, im, frames, bins } = stft(wave, { nFft, hop, padMode: "reflect" });
      const layer = run(wave, { nFft, hop });
      expect(layer.shape).toEqual([1, bins, frames, 1]);
      const expected = new Float64Array(bins * frames);
      for (let t = 0; t < frames; t++) {
        for (let k = 0; k < bins; k++)
          expected[k * frames + t] = Math.hypot(re[t * bins + k]!, im[t * bins + k]!);
      }
      expectNear(layer.dataSync(), expected, 1e-5);
    },
  );

  describe.skipIf(!hasGolden)("against the reference values (../shared)", () => {
    test.each([0, 1, 2])("clip %i within 1e-4 of the maximum", (clip) => {
      const wave = goldenItem("wav", clip);
      const { re, im, shape } = goldenItem("stft258_hop64_reflect", clip);
      const layer = run(Float32Array.from(wave.re), { nFft: 258, hop: 64 });
      expect(layer.shape).toEqual([1, ...shape, 1]);
      expectNear(
        layer.dataSync(),
        re.map((value, i) => Math.hypot(value, im[i]!)),
        1e-4,
      );
    });

    test("the golden file holds three clips", () => expect(golden("wav").shape[0]).toBe(3));
  });
});

describe("dropout", () => {
  test("zeroes the share it is told and scales the rest", () => {
    const values = dropoutMask([200_000], 0.3, 12345).dataSync();
    const kept = values.filter((value) => value !== 0);
    expect(new Set(kept)).toEqual(new Set([Math.fround(1 / 0.7)]));
    // Four standard deviations of a binomial share.
    expect(Math.abs(kept.length / 200_000 - 0.7)).toBeLessThan(4 * Math.sqrt((0.3 * 0.7) / 200_000));
  });

  test("neighbouring elements and steps are independent", () => {
    const masks = [0, 1, 2].map((key) => dropoutMask([100_000], 0.5, key).dataSync());
    const agree = (a: ArrayLike<number>, b: ArrayLike<number>, shift: number) => {
      let same = 0;
      for (let i = 0; i + shift < a.length; i++) if (a[i] === b[i + shift]) same++;
      return same / (a.length - shift);
    };
    for (const shift of [1, 2, 64])
      expect(Math.abs(agree(masks[0]!, masks[0]!, shift) - 0.5)).toBeLessThan(0.01);
    for (const other of [1, 2]) expect(Math.abs(agree(masks[0]!, masks[other]!, 0) - 0.5)).toBeLessThan(0.01);
  });

  test("draws anew at each step, the same at the same step, and not at all in inference", () => {
    const options = { labelCount: 3, sampleRate: 256, clipLength: 256, width: 0.05, seed: 1 };
    const waves = tf.randomNormal([4, 256], 0, 1, "float32", 2);
    const model = buildModel("conv1d", options);
    const logitsAt = (step: number, training: boolean) =>
      inStep(step, () => (model.apply(waves, { training }) as tf.Tensor).dataSync());
    expect(logitsAt(1, true)).not.toEqual(logitsAt(0, true));
    expect(logitsAt(0, true)).toEqual(logitsAt(0, true));
    expect(logitsAt(5, false)).toEqual(logitsAt(0, false));
  });
});
