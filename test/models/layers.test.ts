import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, test } from "vitest";
import { startBackend } from "../../src/backend/start.js";
import { inStep } from "../../src/backend/step.js";
import { Random } from "../../src/base/random.js";
import { melSpectrogram } from "../../src/dsp/mel.js";
import { mfcc } from "../../src/dsp/mfcc.js";
import { TimeConvolution } from "../../src/models/layers/convolution.js";
import { LogMel, Mfcc, melOffset } from "../../src/models/layers/mel.js";
import { BatchNormalization, SubSpectralNormalization } from "../../src/models/layers/normalization.js";
import { SpecAugment } from "../../src/models/layers/spec-augment.js";
import { goldenItem, hasGolden } from "../helpers/golden.js";
import { expectNear } from "../helpers/near.js";

beforeAll(async () => {
  await startBackend("cpu", "training");
});

const config = {
  sampleRate: 8000,
  nFft: 512,
  hop: 80,
  window: 240,
  nMels: 40,
  minFrequency: 20,
  maxFrequency: 4000,
};

/** `[frames, bins]` → the layer's order, `[bins, frames]`. */
function byBin(values: Float64Array, bins: number): Float64Array {
  const frames = values.length / bins;
  return values.map((_, i) => values[(i % frames) * bins + Math.floor(i / frames)]!);
}

describe("the front ends", () => {
  test.each([
    { ...config, samples: 2000 },
    { ...config, nFft: 256, samples: 1999 },
    { ...config, nFft: 65, window: 50, hop: 30, nMels: 6, samples: 500 },
  ])("log-mel and MFCC are as src/dsp computes them: $nFft points", ({ samples, ...config }) => {
    const random = new Random(samples, "wave");
    const wave = Float32Array.from({ length: samples }, () => random.normal());
    const { window: winLength, ...options } = config;
    const mel = melSpectrogram(wave, { ...options, winLength, padMode: "reflect" });
    const logMel = { ...mel, values: mel.values.map((power) => Math.log(power + melOffset)) };
    const waves = tf.tensor2d(wave, [1, samples]);
    const bands = new LogMel(config).apply(waves) as tf.Tensor;
    expect(bands.shape).toEqual([1, config.nMels, mel.frames, 1]);
    expectNear(bands.dataSync(), byBin(logMel.values, config.nMels), 1e-4);
    const coefficients = new Mfcc({ ...config, nMfcc: 5 }).apply(waves) as tf.Tensor;
    expect(coefficients.shape).toEqual([1, 5, mel.frames, 1]);
    expectNear(coefficients.dataSync(), byBin(mfcc(logMel, 5).values, 5), 1e-4);
  });

  test.skipIf(!hasGolden).each([0, 1, 2])(
    "log-mel has the reference's power, clip %i (../shared)",
    (clip) => {
      const wave = goldenItem("wav", clip).re;
      const { re, shape } = goldenItem("mel_power_512_80_240", clip);
      const layer = new LogMel(config).apply(
        tf.tensor2d(Float32Array.from(wave), [1, wave.length]),
      ) as tf.Tensor;
      expect(layer.shape).toEqual([1, ...shape, 1]);
      expectNear(
        layer.dataSync(),
        re.map((power) => Math.log(power + melOffset)),
        1e-4,
      );
    },
  );
});

describe("normalisation", () => {
  test.each([
    { name: "batch", layer: () => new BatchNormalization({ name: "a" }), bands: 1 },
    { name: "sub-spectral", layer: () => new SubSpectralNormalization({ name: "b", bands: 5 }), bands: 5 },
  ])("$name: each band and channel has mean 0 and variance 1 in training", ({ layer, bands }) => {
    const x = tf.randomNormal([4, 10, 6, 3], 2, 3, "float32", 5);
    const y = layer().apply(x, { training: true }) as tf.Tensor;
    const parts = y.reshape([4, bands, (10 / bands) * 6, 3]);
    const { mean, variance } = tf.moments(parts, [0, 2]);
    for (const value of mean.dataSync()) expect(Math.abs(value)).toBeLessThan(1e-5);
    for (const value of variance.dataSync()) expect(Math.abs(value - 1)).toBeLessThan(1e-4);
  });

  test("the gradient is that of the definition, differentiated by TensorFlow.js", () => {
    const x = tf.randomNormal([4, 10, 6, 3], 2, 3, "float32", 5);
    const weights = tf.randomNormal([4, 10, 6, 3], 0, 1, "float32", 6);
    const layer = new SubSpectralNormalization({ name: "c", bands: 5 });
    layer.apply(x, { training: true });
    const ours = tf.grad((x) => (layer.apply(x, { training: true }) as tf.Tensor).mul(weights).sum())(x);
    const theirs = tf.grad((x) => {
      const parts = x.reshape([4, 5, 12, 3]);
      const { mean, variance } = tf.moments(parts, [0, 2], true);
      return parts.sub(mean).div(variance.add(1e-5).sqrt()).reshape(x.shape).mul(weights).sum();
    })(x);
    expectNear(ours.dataSync(), theirs.dataSync(), 1e-4);
  });
});

test("a dilated convolution along time sums frames that lie the dilation apart", () => {
  const values = Float32Array.from({ length: 11 }, (_, i) => (i + 1) ** 2);
  const kernelInitializer = tf.initializers.ones();
  const layer = new TimeConvolution({ name: "t", kernelSize: 3, dilation: 4, kernelInitializer });
  const y = layer.apply(tf.tensor(values, [1, 1, 11, 1])) as tf.Tensor;
  const at = (i: number) => values[i] ?? 0;
  expect([...y.dataSync()]).toEqual([...values.keys()].map((i) => at(i - 4) + at(i) + at(i + 4)));
});

describe("SpecAugment", () => {
  const masked = (step: number, training = true): Float32Array => {
    const layer = new SpecAugment({ name: "s", bands: 6, frames: 9, seed: 3 });
    const picture = tf.randomNormal([2, 20, 30, 1], 1, 1, "float32", 9);
    return inStep(step, () => (layer.apply(picture, { training }) as tf.Tensor).dataSync<"float32">());
  };

  test("follows from seed and step, and does nothing in inference", () => {
    expect(masked(4)).toEqual(masked(4));
    expect(masked(4)).not.toEqual(masked(5));
    expect(masked(4, false)).toEqual(tf.randomNormal([2, 20, 30, 1], 1, 1, "float32", 9).dataSync());
  });

  test("hides stripes no wider than it is told behind the picture's mean", () => {
    const picture = masked(0, false);
    const mean = picture.slice(0, 600).reduce((sum, value) => sum + value, 0) / 600;
    let hidden = 0;
    for (let step = 0; step < 20; step++) {
      const values = masked(step).slice(0, 600);
      const isHidden = [...values].map((value, i) => Math.abs(value - picture[i]!) > 1e-4);
      isHidden.forEach((changed, i) => {
        if (changed) expect(Math.abs(values[i]! - mean)).toBeLessThan(1e-4);
      });
      const bands = [...Array(20).keys()].filter((band) =>
        isHidden.slice(band * 30, band * 30 + 30).every(Boolean),
      );
      expect(bands.length).toBeLessThanOrEqual(12);
      hidden += isHidden.filter(Boolean).length;
    }
    expect(hidden).toBeGreaterThan(0);
  });
});
