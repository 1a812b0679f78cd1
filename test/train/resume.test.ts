import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type EpochRecord, RunFolder } from "../../src/run/folder.js";
import { resolveSettings, type TrainSettings } from "../../src/run/settings.js";
import type { Callback } from "../../src/train/loop.js";
import { resumeTraining, TrainingInterrupted, train } from "../../src/train/train.js";
import { writeTones } from "../helpers/clips.js";

const folder = mkdtempSync(join(tmpdir(), "keyspot-resume-"));
// The cpu backend is slow, so that its model gets short clips; the spectrogram's pools need 1,024 samples.
const cases = {
  cpu: { model: "conv1d", rate: 64 },
  wasm: { model: "spectrogram", rate: 1024 },
};
const dataFor = (backend: string) => join(folder, `tones-${backend}.npz`);

beforeAll(() => {
  for (const [backend, { rate }] of Object.entries(cases)) {
    writeTones(dataFor(backend), { perLabel: 16, rate, speakers: 8 });
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function settings(backend: keyof typeof cases, epochs: number) {
  return resolveSettings({
    data: [dataFor(backend)],
    model: cases[backend].model,
    backend,
    epochs,
    width: 0.05,
    learningRate: 2e-3,
    batchSize: 8,
    augment: "standard",
    valSize: 0.2,
    testSize: 0.2,
  });
}

/** All that a finished run is: best model, last tensors, history without its clock. */
function content(path: string) {
  const run = new RunFolder(path);
  const state = JSON.parse(readFileSync(run.lastStatePath, "utf8"));
  const history = run.readHistory().map((record: EpochRecord) => ({ ...record, seconds: 0 }));
  return {
    best: readFileSync(run.bestWeightsPath).toString("base64"),
    last: readFileSync(join(run.lastPath, state.tensorFile)).toString("base64"),
    optimizerStep: state.optimizerStep,
    history,
  };
}

/** Raises the signal once so many batches are done. */
function stopAfter(batches: number): { callbacks: Callback[]; signal: AbortSignal } {
  const controller = new AbortController();
  let done = 0;
  const callback: Callback = {
    name: "stop",
    onBatchEnd: () => {
      if (++done === batches) controller.abort();
    },
  };
  return { callbacks: [callback], signal: controller.signal };
}

describe.each(["cpu", "wasm"] as const)("on the %s backend", (backend) => {
  const whole = join(folder, `whole-${backend}`);

  beforeAll(async () => {
    await train(settings(backend, 3), { out: whole });
  });

  test("the same seed gives the same weights and history, bit for bit", async () => {
    const again = join(folder, `again-${backend}`);
    await train(settings(backend, 3), { out: again });
    expect(content(again)).toEqual(content(whole));
  });

  test.each([1, 4, 6])(
    "stopped after batch %i and resumed, it ends with the very weights",
    async (batches) => {
      const path = join(folder, `stopped-${backend}-${batches}`);
      await expect(train(settings(backend, 3), { out: path }, stopAfter(batches))).rejects.toThrow(
        TrainingInterrupted,
      );
      await resumeTraining(path);
      expect(content(path)).toEqual(content(whole));
    },
  );

  test("more epochs may be asked for later", async () => {
    const path = join(folder, `longer-${backend}`);
    await train(settings(backend, 2), { out: path });
    const summary = await resumeTraining(path, { epochs: 3 });
    expect(summary.epochs).toBe(3);
    expect(content(path)).toEqual(content(whole));
    expect(new RunFolder(path).readConfig().epochs).toBe(3);
  });

  test("fewer epochs are wrong usage", async () => {
    await expect(resumeTraining(whole, { epochs: 2 })).rejects.toMatchObject({ exitCode: 2 });
  });

  test("a finished training leaves no tensor behind", async () => {
    const before = tf.memory();
    await train(settings(backend, 1), { out: join(folder, `leak-${backend}`) });
    expect(tf.memory().numTensors).toBe(before.numTensors);
    expect(tf.memory().numBytes).toBe(before.numBytes);
  });

  test("it learns: the loss falls", () => {
    const history = new RunFolder(whole).readHistory();
    expect(history.at(-1)!.loss).toBeLessThan(history[0]!.loss);
  });
});

test("momentum, warm-up, the average of the weights and a teacher go on exactly too", async () => {
  const pieces = {
    ...settings("cpu", 3),
    optimizer: "sgd",
    weightDecay: 1e-3,
    learningRate: 0.02,
    schedule: "cosine",
    warmupEpochs: 1,
    labelSmoothing: 0.1,
    logitAdjustment: 1,
    emaDecay: 0.9,
    teacher: [join(folder, "whole-cpu")],
  } satisfies Partial<TrainSettings>;
  const [whole, path] = [join(folder, "whole-pieces"), join(folder, "stopped-pieces")];
  await train(pieces, { out: whole });
  await expect(train(pieces, { out: path }, stopAfter(4))).rejects.toThrow(TrainingInterrupted);
  await resumeTraining(path);
  expect(content(path)).toEqual(content(whole));
  // The average lags behind the weights, and is what was kept.
  const plain = join(folder, "plain-pieces");
  await train({ ...pieces, emaDecay: 0 }, { out: plain });
  expect(content(plain).best).not.toEqual(content(whole).best);
});

test("one that was stopped early goes on where more epochs are asked for, and says so where not", async () => {
  const path = join(folder, "early");
  // Nothing is learned, so that no epoch is better than the first.
  const still = { ...settings("cpu", 4), learningRate: 1e-30, earlyStop: 1, monitor: "valAccuracy" as const };
  await train(still, { out: path });
  const epochs = () => new RunFolder(path).readHistory().length;
  expect(epochs()).toBe(2);
  const lines: string[] = [];
  const hooks = { report: (line: string) => void lines.push(line) };
  await resumeTraining(path, {}, hooks);
  expect(epochs()).toBe(2);
  expect(lines).toContain(`${path} ended early, after epoch 2 of 4: ask for more with --epochs`);
  await resumeTraining(path, { epochs: 6 }, hooks);
  expect(epochs()).toBe(3);
  expect(lines).toContain(`resuming ${path} at epoch 3, batch 1`);
});

test("a callback that stops the training is not taken for early stopping", async () => {
  const lines: string[] = [];
  const callback: Callback = { name: "enough", wantsStop: true };
  const path = join(folder, "enough");
  const hooks = { callbacks: [callback], report: (line: string) => void lines.push(line) };
  await expect(train(settings("cpu", 3), { out: path }, hooks)).rejects.toThrow(/no epoch ended/);
  expect(lines.filter((line) => line.includes("stopped early"))).toEqual([]);
});

test("a teacher must be what it was when the run was begun", async () => {
  const [teacher, path] = [join(folder, "changing-teacher"), join(folder, "taught")];
  await train(settings("cpu", 1), { out: teacher });
  const taught = { ...settings("cpu", 1), teacher: [teacher] };
  await expect(train(taught, { out: teacher, force: true })).rejects.toThrow(/--teacher: .* is also --out/);
  await train(taught, { out: path });
  await train({ ...settings("cpu", 1), seed: 7 }, { out: teacher, force: true });
  await expect(resumeTraining(path, { epochs: 2 })).rejects.toThrow(/teacher .* has changed since the run/);
  await expect(
    train({ ...taught, teacher: [join(folder, "nobody")] }, { out: join(folder, "x") }),
  ).rejects.toThrow(
    /^--teacher: .*nobody: expected a run folder or the name of a shipped model \(kws-8k, words-8k\), found neither$/,
  );
});

test("a teacher for other labels is refused, in one line that says so", async () => {
  const other = { ...settings("cpu", 1), labels: undefined, teacher: [join(folder, "whole-wasm")] };
  await expect(train(other, { out: join(folder, "other-teacher") })).rejects.toThrow(
    /--teacher .* expected .* found/,
  );
});
