import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startBackend } from "../../src/backend/start.js";
import { RunFolder } from "../../src/run/folder.js";
import { BestCheckpoint } from "../../src/train/callbacks/best-checkpoint.js";

const folder = mkdtempSync(join(tmpdir(), "keyspot-best-"));
beforeAll(() => startBackend("cpu", "training"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each([
  { saveBestOnly: true, saved: [1, 2, 2, 2] },
  { saveBestOnly: false, saved: [1, 2, 3, 3] },
])("with saveBestOnly $saveBestOnly it keeps the epochs $saved", async ({ saveBestOnly, saved }) => {
  const run = new RunFolder(join(folder, String(saveBestOnly)));
  const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [1], useBias: false })] });
  const lines: string[] = [];
  const report = (line: string) => lines.push(line);
  const checkpoint = new BestCheckpoint({ run, model, monitor: "valLoss", saveBestOnly, report });
  for (const [i, valLoss] of [1, 0.5, 0.8, Number.NaN].entries()) {
    const epoch = i + 1;
    model.setWeights([tf.tensor2d([[epoch]])]);
    const others = { loss: 1, accuracy: 0.5, valAccuracy: 0.5, learningRate: 0.1, seconds: 1 };
    await checkpoint.onEpochEnd({ epoch, valLoss, ...others });
    expect(checkpoint.best!.saved).toBe(saved[i]);
    expect(readFileSync(run.bestWeightsPath).readFloatLE()).toBe(saved[i]);
  }
  expect(checkpoint.best).toMatchObject({ epoch: 2, value: 0.5 });
  expect(lines).toHaveLength(2);
  checkpoint.onTrainEnd();
  // Only what stays is called saved, at the end where each epoch takes the place of the one before.
  const folderLines = lines.filter((line) => line.includes(`saved to ${join(run.path, "best")}`));
  expect(folderLines.map((line) => line.match(/^epoch (\d+)/)![1])).toEqual(
    saveBestOnly ? ["1", "2"] : ["3"],
  );
  expect(lines.filter((line) => line.includes("saved"))).toEqual(folderLines);
});
