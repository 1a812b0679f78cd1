import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, test } from "vitest";
import { startBackend } from "../../src/backend/start.js";
import { hzToMel, melToHz } from "../../src/dsp/mel.js";
import { GaborInitializer, LogPower } from "../../src/models/layers/gabor.js";
import { Pieces } from "../../src/models/layers/pieces.js";
import { buildModel } from "../../src/models/registry.js";
import { expectNear } from "../helpers/near.js";

beforeAll(async () => {
  await startBackend("cpu", "training");
});

test("pieces are the samples in order, with zeros behind the last", () => {
  const waves = tf.range(1, 15).reshape([2, 7]);
  const layer = new Pieces({ name: "p", length: 3, multiple: 2 });
  const pieces = layer.apply(waves) as tf.Tensor;
  expect(pieces.shape).toEqual([2, 1, 4, 3]);
  expect(layer.computeOutputShape([2, 7])).toEqual([2, 1, 4, 3]);
  const rows = [0, 7].map((from) => [1, 2, 3, 4, 5, 6, 7].map((n) => from + n).concat([0, 0, 0, 0, 0]));
  expect([...pieces.dataSync()]).toEqual(rows.flat());
});

test.each([undefined, 40])(
  "the power of a pair of filters is the mean of its squares' sums, of energy %s",
  (energy) => {
    const [instants, bands, span] = [6, 2, 3];
    const answers = tf.randomNormal([2, 1, instants, 2 * bands], 0, 0.01, "float32", 4);
    const power = new LogPower({ name: "l", span, ...(energy && { energy }) }).apply(answers) as tf.Tensor;
    expect(power.shape).toEqual([2, 1, instants / span, bands]);
    const values = answers.dataSync();
    const expected = Float64Array.from({ length: power.size }, (_, i) => {
      const [clip, frame, band] = [Math.floor(i / 4), Math.floor(i / 2) % 2, i % 2];
      let sum = 0;
      for (let n = frame * span; n < (frame + 1) * span; n++) {
        const at = (clip * instants + n) * 2 * bands + band;
        sum += values[at]! ** 2 + values[at + bands]! ** 2;
      }
      return Math.log(sum / span / (energy ?? 1) + 3e-7);
    });
    expectNear(power.dataSync(), expected, 1e-5);
  },
);

describe("the Gabor filters", () => {
  const bank = { sampleRate: 8000, minFrequency: 20, maxFrequency: 4000 };
  const [bands, points] = [40, 200];
  const weights = () => new GaborInitializer(bank).apply([1, 10, 20, 2 * bands]).dataSync();
  const centre = (band: number) => {
    const [low, high] = [hzToMel(bank.minFrequency), hzToMel(bank.maxFrequency)];
    return melToHz(low + ((high - low) * (band + 1)) / (bands + 1));
  };
  /** The squared magnitude of a pair's answer to a complex tone. */
  const response = (values: ArrayLike<number>, band: number, hz: number) => {
    let [re, im] = [0, 0];
    for (let n = 0; n < points; n++) {
      const phase = (2 * Math.PI * hz * n) / bank.sampleRate;
      const [a, b] = [values[n * 2 * bands + band]!, values[n * 2 * bands + bands + band]!];
      // (a + ib) e^(-i phase): the pair taken as one complex filter.
      re += a * Math.cos(phase) + b * Math.sin(phase);
      im += b * Math.cos(phase) - a * Math.sin(phase);
    }
    return re ** 2 + im ** 2;
  };

  test("have a mean square of 1, and answer most at the mel scale's centres", () => {
    const values = weights();
    for (let band = 0; band < bands; band++) {
      let energy = 0;
      for (let n = 0; n < points; n++)
        energy += values[n * 2 * bands + band]! ** 2 + values[n * 2 * bands + bands + band]! ** 2;
      expect(energy / (2 * points)).toBeCloseTo(1, 5);
      const peak = response(values, band, centre(band));
      for (const away of [-60, -20, 20, 60])
        expect(response(values, band, centre(band) + away)).toBeLessThan(peak);
    }
  });

  test("have half their power half-way to their neighbours, where the kernel is long enough for it", () => {
    const values = weights();
    for (let band = 25; band < bands; band++) {
      const half = (centre(band + 1) - centre(band - 1)) / 4;
      const share = response(values, band, centre(band) + half) / response(values, band, centre(band));
      expect(share).toBeGreaterThan(0.49);
      expect(share).toBeLessThan(0.51);
    }
  });

  test.each([
    ["gabor-resnet", 40, 100, 8000],
    ["gabor-resnet", 40, 100, 16000],
    ["matchboxnet", 64, 100, 8000],
    ["ds-cnn", 40, 50, 8000],
  ])(
    "in %s a tone is loudest in the band of %i that is nearest to it, in each of %i frames, at %i Hz",
    (name, bands, frameCount, sampleRate) => {
      const shape = { labelCount: 2, sampleRate, clipLength: sampleRate, width: 0.1, seed: 1 };
      const model = buildModel(name, { ...shape, frontEnd: "gabor" });
      const powers = tf.model({ inputs: model.inputs, outputs: model.getLayer("log_power").output });
      const maxFrequency = Math.min(7600, sampleRate / 2);
      for (const band of [5, 20, 35]) {
        const [low, high] = [hzToMel(20), hzToMel(maxFrequency)];
        const hz = melToHz(low + ((high - low) * (band + 1)) / (bands + 1));
        const tone = tf.sin(tf.range(0, sampleRate).mul((2 * Math.PI * hz) / sampleRate)).reshape([1, -1]);
        const frames = (powers.predict(tone) as tf.Tensor).reshape([-1, bands]);
        expect(frames.shape).toEqual([frameCount, bands]);
        const loudest = [
          ...frames
            .slice([10, 0], [frameCount - 20, bands])
            .argMax(1)
            .dataSync(),
        ];
        expect(new Set(loudest)).toEqual(new Set([band]));
      }
    },
  );
});
