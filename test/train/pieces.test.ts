import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, test } from "vitest";
import { startBackend } from "../../src/backend/start.js";
import { inStep } from "../../src/backend/step.js";
import { resolveSettings } from "../../src/run/settings.js";
import { logitAdjustment, makeLoss } from "../../src/train/loss.js";
import { Adam } from "../../src/train/optimizers/adam.js";
import { checkOptimizer } from "../../src/train/optimizers/make.js";
import { Sgd } from "../../src/train/optimizers/sgd.js";
import { learningRateSchedule } from "../../src/train/schedule.js";
import { expectNear } from "../helpers/near.js";

beforeAll(async () => {
  await startBackend("cpu", "training");
});

test("SGD with momentum and weight decay follows its definition; biases do not decay", () => {
  const kernel = tf.variable(tf.tensor2d([[1, -2]]));
  const bias = tf.variable(tf.tensor1d([3, -4]));
  const sgd = new Sgd(
    [
      { name: "kernel", variable: kernel },
      { name: "bias", variable: bias },
    ],
    { learningRate: () => 0.05, momentum: 0.9, weightDecay: 0.1 },
  );
  const expected = { kernel: [1, -2], bias: [3, -4] };
  const velocity = { kernel: [0, 0], bias: [0, 0] };
  for (let t = 1; t <= 5; t++) {
    const gradient = [t, 0.5 - t];
    const gradients = { [kernel.name]: tf.tensor2d([gradient]), [bias.name]: tf.tensor1d(gradient) };
    inStep(t - 1, () => sgd.update(gradients));
    for (const name of ["kernel", "bias"] as const)
      for (const i of [0, 1]) {
        const decay = name === "kernel" ? 0.1 * expected.kernel[i]! : 0;
        velocity[name][i] = 0.9 * velocity[name][i]! + gradient[i]! + decay;
        expected[name][i]! -= 0.05 * velocity[name][i]!;
      }
  }
  expectNear(kernel.dataSync(), Float64Array.from(expected.kernel), 1e-5);
  expectNear(bias.dataSync(), Float64Array.from(expected.bias), 1e-5);
});

test("AdamW shrinks kernels by rate times decay beside Adam's own step", () => {
  const [plain, decayed] = [0, 0.5].map((weightDecay) => {
    const variable = tf.variable(tf.tensor2d([[2, -3]]));
    const adam = new Adam([{ name: "w", variable }], { learningRate: () => 0.1, weightDecay });
    adam.update({ [variable.name]: tf.tensor2d([[1, 1]]) });
    return variable.dataSync();
  });
  expect(decayed![0]).toBeCloseTo(plain![0]! - 0.1 * 0.5 * 2, 5);
  expect(decayed![1]).toBeCloseTo(plain![1]! + 0.1 * 0.5 * 3, 5);
});

test("the warm-up rises in a straight line, and the cosine begins after it", () => {
  const rate = learningRateSchedule("cosine", 0.2, 110, 10);
  expect([0, 4, 9, 10, 60, 110].map((step) => rate(step).toFixed(6))).toEqual(
    [0.02, 0.1, 0.2, 0.2, 0.1, 0].map((value) => value.toFixed(6)),
  );
});

describe("the loss", () => {
  const waves = tf.zeros([1, 4]) as tf.Tensor2D;
  const targets = tf.tensor2d([[1, 0, 0]]);
  const logits = [0.5, -1, 2];
  const of = (loss: ReturnType<typeof makeLoss>) =>
    loss(waves, targets)(tf.tensor2d([logits])).dataSync()[0]!;
  const logSoftmax = (values: number[]) => {
    const sum = Math.log(values.reduce((total, value) => total + Math.exp(value), 0));
    return values.map((value) => value - sum);
  };

  test("label smoothing spreads its share over all labels", () => {
    const [a, b, c] = logSoftmax(logits) as [number, number, number];
    const expected = -((0.9 + 0.1 / 3) * a + (0.1 / 3) * (b + c));
    expect(of(makeLoss({ labelSmoothing: 0.1 }))).toBeCloseTo(expected, 5);
  });

  test("logit adjustment: where all labels are answered alike it is at rest, however many clips each has", () => {
    const truth = [0, 0, 0, 0, 0, 0, 1, 1, 2];
    const adjustment = logitAdjustment(truth, 3, 1)!;
    expect(adjustment.map((value) => Math.exp(value) * 9)).toEqual(
      [6, 2, 1].map((n) => expect.closeTo(n, 9)),
    );
    const targets = tf.oneHot(tf.tensor1d(truth, "int32"), 3).toFloat() as tf.Tensor2D;
    const gradient = (adjustment?: number[]) => {
      const loss = makeLoss({ labelSmoothing: 0, adjustment })(waves, targets);
      const all = tf.grad((logits: tf.Tensor) => loss(logits as tf.Tensor2D))(tf.fill([9, 3], 0.7));
      return all.sum(0).dataSync(); // of an answer that is the same for all clips
    };
    for (const value of gradient(adjustment)) expect(value).toBeCloseTo(0, 6);
    expect(Math.abs(gradient()[0]!)).toBeGreaterThan(0.1);

    const [a] = logSoftmax(logits.map((value, i) => value + adjustment[i]!));
    expect(of(makeLoss({ labelSmoothing: 0, adjustment }))).toBeCloseTo(-a!, 5);
    expect(logitAdjustment(truth, 3, 0)).toBeUndefined();
    const half = logitAdjustment(truth, 4, 0.5)!;
    expect(half[0]).toBeCloseTo(0.5 * Math.log(6 / 9), 9);
    expect(half[3]).toBeCloseTo(0.5 * Math.log(1 / 9), 9); // a label without clips stays a number
  });

  test("distillation adds the divergence from the teacher's softened answers", () => {
    const teacher = (answers: number[]) =>
      ({ apply: () => tf.tensor2d([answers]) }) as unknown as tf.LayersModel;
    const soft = (answers: number[]) => logSoftmax(answers.map((value) => value / 2)).map(Math.exp);
    const student = logSoftmax(logits.map((value) => value / 2));
    const [one, other] = [
      [1, 2, -1],
      [0, -3, 2],
    ] as [number[], number[]];
    const distilled = (shares: number[]) =>
      0.25 * -logSoftmax(logits)[0]! +
      0.75 * 4 * shares.reduce((sum, share, i) => sum + share * (Math.log(share) - student[i]!), 0);
    const loss = (...models: tf.LayersModel[]) =>
      makeLoss({ labelSmoothing: 0, teacher: { models, weight: 0.75, temperature: 2 } });
    expect(of(loss(teacher(one)))).toBeCloseTo(distilled(soft(one)), 5);
    const mean = soft(one).map((share, i) => (share + soft(other)[i]!) / 2);
    expect(of(loss(teacher(one), teacher(other)))).toBeCloseTo(distilled(mean), 5);
    expect(of(loss(teacher(logits)))).toBeCloseTo(0.25 * -logSoftmax(logits)[0]!, 5);
    expect(of(loss(teacher([200, 0, 0])))).toBeCloseTo(distilled([1, 1e-40, 1e-40]), 5);
  });
});

test("a weight decay that Adam would not heed is wrong usage", () => {
  const settings = resolveSettings({ data: ["sample"], model: "conv1d", weightDecay: 0.1 });
  expect(() => checkOptimizer(settings)).toThrow(/--weight-decay/);
});
