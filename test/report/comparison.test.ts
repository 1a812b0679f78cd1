import { expect, test } from "vitest";
import { lossRemark, settingColumns } from "../../src/run/setting-columns.js";
import { defaultSettings, type RunConfig } from "../../src/run/settings.js";

const plain = {
  ...defaultSettings,
  data: ["a.npz"],
  model: "conv1d",
  split: "speaker",
  examples: { train: 8, val: 1, test: 1 },
} as unknown as RunConfig;
const settingsOf = (config: RunConfig) =>
  Object.fromEntries(settingColumns.map(([heading, value]) => [heading, value(config)]));

test("a report tells all that a recipe is made of", () => {
  expect(settingsOf(plain)).toMatchObject({
    optimizer: "Adam",
    "learning rate": "0.0001",
    loss: "cross-entropy",
    augment: "none",
  });
  const recipe: RunConfig = {
    ...plain,
    optimizer: "sgd",
    weightDecay: 1e-3,
    emaDecay: 0.99,
    learningRate: 0.1,
    schedule: "cosine",
    warmupEpochs: 5,
    labelSmoothing: 0.1,
    logitAdjustment: 0.5,
    teacher: ["runs/large", "runs/other"],
  };
  expect(settingsOf(recipe)).toMatchObject({
    optimizer: "SGD, momentum 0.9, weight decay 0.001, weights averaged (0.99)",
    "learning rate": "0.1, cosine, 5 epochs of warm-up",
    loss: "cross-entropy, labels smoothed by 0.1, logits adjusted (0.5), 0.5 of it distilled from runs/large, runs/other at temperature 2",
  });
});

test("the curves' caption says where the two losses are not the same", () => {
  expect(lossRemark([plain])).toBe("");
  const others: Partial<RunConfig>[] = [
    { labelSmoothing: 0.1 },
    { logitAdjustment: 1 },
    { teacher: ["runs/large"] },
    { augment: { mixup: { probability: 0.5, alpha: 0.2 } } },
  ];
  for (const other of others)
    expect(lossRemark([plain, { ...plain, ...other }])).toContain("training loss is what was minimised");
});
