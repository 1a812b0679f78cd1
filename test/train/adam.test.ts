import * as tf from "@tensorflow/tfjs";
import { beforeAll, expect, test } from "vitest";
import { startBackend } from "../../src/backend/start.js";
import { inStep } from "../../src/backend/step.js";
import { Random } from "../../src/base/random.js";
import { Adam } from "../../src/train/optimizers/adam.js";
import { learningRateSchedule } from "../../src/train/schedule.js";
import { expectNear } from "../helpers/near.js";

beforeAll(async () => {
  await startBackend("cpu", "training");
});

test("follows the paper's definition, computed in float64", () => {
  const random = new Random(3, "adam");
  const size = 20;
  const start = Float32Array.from({ length: size }, () => random.normal());
  const variable = tf.variable(tf.tensor1d(start));
  const adam = new Adam([{ name: "w", variable }], { learningRate: () => 0.01 });
  const expected = Float64Array.from(start);
  const mean = new Float64Array(size);
  const square = new Float64Array(size);
  for (let t = 1; t <= 25; t++) {
    const gradient = Float32Array.from({ length: size }, () => 10 ** random.between(-4, 2) * random.normal());
    inStep(t - 1, () => adam.update({ [variable.name]: tf.tensor1d(gradient) }));
    for (let i = 0; i < size; i++) {
      mean[i] = 0.9 * mean[i]! + 0.1 * gradient[i]!;
      square[i] = 0.999 * square[i]! + 0.001 * gradient[i]! ** 2;
      const rate = (0.01 * Math.sqrt(1 - 0.999 ** t)) / (1 - 0.9 ** t);
      expected[i] = expected[i]! - (rate * mean[i]!) / (Math.sqrt(square[i]!) + 1e-7);
    }
  }
  expectNear(variable.dataSync(), expected, 1e-5);
});

test("leaves nothing behind but its two slots a variable", () => {
  const variables = ["a", "b"].map((name) => ({ name, variable: tf.variable(tf.ones([100])) }));
  const before = tf.memory().numTensors;
  const adam = new Adam(variables, { learningRate: () => 0.1 });
  const gradient = tf.ones([100]);
  for (let i = 0; i < 5; i++) {
    adam.update(Object.fromEntries(variables.map(({ variable }) => [variable.name, gradient])));
  }
  expect(tf.memory().numTensors).toBe(before + 4 + 1);
  adam.dispose();
  expect(tf.memory().numTensors).toBe(before + 1);
});

test("the cosine schedule goes from the base rate to zero, by way of half of it", () => {
  const cosine = learningRateSchedule("cosine", 0.2, 100);
  expect([0, 50, 100].map(cosine).map((rate) => rate.toFixed(9))).toEqual([
    "0.200000000",
    "0.100000000",
    "0.000000000",
  ]);
  expect(learningRateSchedule("constant", 0.2, 100)(77)).toBe(0.2);
});
