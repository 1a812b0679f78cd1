import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startBackend } from "../../src/backend/start.js";
import { inStep } from "../../src/backend/step.js";
import { COURSE_LABELS } from "../../src/data/labels.js";
import { RunFolder } from "../../src/run/folder.js";
import { resolveSettings } from "../../src/run/settings.js";
import { Adam } from "../../src/train/optimizers/adam.js";
import { resumeTraining, TrainingInterrupted, train } from "../../src/train/train.js";
import { checkSource, settingsOfSource } from "../../src/train/transfer.js";
import { modelVariables } from "../../src/train/variables.js";
import { writeTones } from "../helpers/clips.js";
import { kws } from "../helpers/kws.js";
import { expectNear } from "../helpers/near.js";

const folder = mkdtempSync(join(tmpdir(), "keyspot-transfer-"));
const at = (name: string) => join(folder, name);

const shared = { backend: "cpu", batchSize: 8, learningRate: 2e-3, valSize: 0.2, testSize: 0.2 };
const start = (labels: string, others: object) =>
  resolveSettings({ ...shared, data: [at(`${labels}.npz`)], ...others }, undefined, {
    ...settingsOfSource(at("source")),
  });

beforeAll(async () => {
  writeTones(at("three.npz"), { perLabel: 16, rate: 64, speakers: 8 });
  writeTones(at("two.npz"), { perLabel: 16, rate: 64, speakers: 8, labels: ["jump", "sit"], seed: 2 });
  writeTones(at("faster.npz"), { perLabel: 16, rate: 128, speakers: 8, labels: ["jump", "sit"], seed: 2 });
  const settings = { ...shared, data: [at("three.npz")], model: "conv1d", width: 0.05, epochs: 1 };
  await train(resolveSettings(settings), { out: at("source") });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A run's best weights, by name. */
async function weights(run: string): Promise<Map<string, Float32Array>> {
  const model = await new RunFolder(at(run)).readBest();
  const read = modelVariables(model, "all").map(
    ({ name, variable }) => [name, variable.dataSync() as Float32Array] as const,
  );
  model.dispose();
  return new Map(read);
}
const isHead = (name: string) => name.startsWith("logits/");

test("a run that named its model's only front end is the same as one that did not", async () => {
  const settings = { ...shared, data: [at("three.npz")], model: "conv1d", width: 0.05, epochs: 1 };
  await train(resolveSettings({ ...settings, frontEnd: "raw" }), { out: at("named") });
  expect(new RunFolder(at("named")).readConfig()).toEqual(new RunFolder(at("source")).readConfig());
  expect(await weights("named")).toEqual(await weights("source"));
  await resumeTraining(at("named"), { epochs: 2 });
});

describe("a training from another run's model", () => {
  test("leaves the body as it is while it is frozen, and trains it afterwards", async () => {
    const settings = (epochs: number) =>
      start("two", { from: at("source"), epochs, freezeEpochs: 2, monitor: "valAccuracy" });
    const [source] = [await weights("source")];
    const lines: string[] = [];
    const hooks = { report: (line: string) => void lines.push(line) };
    await train(settings(2), { out: at("frozen") }, hooks);
    expect(lines).toContain(
      "only the new last layer is trained: --freeze-epochs 2 leaves none of --epochs 2 to the rest of the model",
    );
    const frozen = await weights("frozen");
    expect([...frozen.keys()]).toEqual([...source.keys()]);
    for (const [name, values] of frozen) {
      if (!isHead(name)) expect(values, name).toEqual(source.get(name));
    }
    expect([...frozen].filter(([name]) => isHead(name)).map(([, { length }]) => length)).toEqual([
      (source.get("logits/kernel")!.length * 2) / COURSE_LABELS.length,
      2,
    ]);

    const before = tf.memory().numTensors;
    lines.length = 0;
    await train({ ...settings(5), emaDecay: 0.5, monitor: "valLoss" }, { out: at("thawed") }, hooks);
    expect(lines.join("\n")).not.toContain("only the new last layer");
    expect(tf.memory().numTensors).toBe(before);
    expect(new RunFolder(at("thawed")).readConfig()).toMatchObject({
      from: at("source"),
      freezeEpochs: 2,
      labels: ["jump", "sit"],
    });
    const losses = new RunFolder(at("thawed")).readHistory().map(({ loss }) => loss);
    expect(losses[4]).toBeLessThan(losses[0]!);
    const last = await weights("thawed");
    expect([...last].some(([name, values]) => !isHead(name) && values[0] !== source.get(name)![0])).toBe(
      true,
    );
  });

  test("stopped in the frozen epochs and gone on with, it ends with the very same weights", async () => {
    const settings = start("two", { from: at("source"), epochs: 4, freezeEpochs: 2 });
    await train(settings, { out: at("whole") });
    const stop = new AbortController();
    let batches = 0;
    const callback = { name: "stop", onBatchEnd: () => void (++batches === 4 && stop.abort()) };
    const hooks = { callbacks: [callback], signal: stop.signal };
    await expect(train(settings, { out: at("halves") }, hooks)).rejects.toThrow(TrainingInterrupted);
    await resumeTraining(at("halves"));
    expect(await weights("halves")).toEqual(await weights("whole"));
  });

  test("keeps the last layer too, and freezes nothing, where the labels are the same", async () => {
    const settings = start("three", { from: at("source"), epochs: 1, learningRate: 1e-12 });
    const { best } = await train(settings, { out: at("same") });
    expect(new RunFolder(at("same")).readConfig().freezeEpochs).toBe(0);
    const source = await weights("source");
    for (const [name, values] of await weights("same")) {
      if (!name.includes("moving")) expectNear(values, source.get(name)!, 1e-6, name);
    }
    expect(best.valAccuracy).toBeGreaterThan(0);
  });

  test("brings data of another rate to the model's", async () => {
    const { test: figures } = await train(start("faster", { from: at("source"), epochs: 1 }), {
      out: at("resampled"),
    });
    const config = new RunFolder(at("resampled")).readConfig();
    expect(config).toMatchObject({ sampleRate: 64, clipLength: 64 });
    expect(figures.examples).toBe(config.examples.test);
    await resumeTraining(at("resampled"), { epochs: 2 });
  });

  test("takes no other model than the run's", async () => {
    await expect(train(start("two", { from: at("source"), epochs: 1, width: 0.06 }))).rejects.toThrow(
      /^--width: the model of --from .*source cannot be changed; expected 0.05, found 0.06$/,
    );
  });

  test("may name the front end that the model has, alone or by default, and no other", () => {
    expect(() => checkSource(start("two", { from: at("source"), frontEnd: "raw" }))).not.toThrow();
    expect(() => checkSource(start("two", { from: at("source"), frontEnd: "stft" }))).toThrow(
      /^--front-end: the model of --from .*source cannot be changed; expected raw, found stft$/,
    );
  });

  test("is a flag of the command, which takes model and width from the run", async () => {
    const common = ["train", "--from", at("source"), "--data", at("two.npz"), "--backend", "cpu"];
    const more = ["--epochs", "1", "--freeze-epochs", "1", "--out", at("command"), "--json"];
    const done = await kws([...common, ...more]);
    expect(done.code, done.stderr).toBe(0);
    expect(JSON.parse(done.stdout)).toMatchObject({ model: "conv1d", epochs: 1 });
    const other = await kws([...common, "--model", "skip", "--out", at("other")]);
    expect(other.code).toBe(2);
    expect(other.stderr).toMatch(
      /^error: --model: the model of --from .* cannot be changed; expected conv1d, found skip\n$/,
    );
    const missing = await kws(["train", "--from", at("nothing"), "--data", at("two.npz")]);
    expect(missing).toMatchObject({
      code: 1,
      stderr: `error: ${at("nothing")}: expected a run folder or the name of a shipped model (kws-8k, words-8k), found neither\n`,
    });
  });
});

test("Adam begins its bias correction when a weight is thawed", async () => {
  await startBackend("cpu", "training");
  const [late, fresh] = [tf.variable(tf.tensor2d([[2, -3]])), tf.variable(tf.tensor2d([[2, -3]]))];
  const learningRate = () => 0.1;
  const lateAdam = new Adam([{ name: "w", variable: late, frozenSteps: 3 }], { learningRate });
  const freshAdam = new Adam([{ name: "w", variable: fresh }], { learningRate });
  for (const [step, gradient] of [0.5, -1, 2].entries()) {
    inStep(step + 3, () => lateAdam.update({ [late.name]: tf.fill([1, 2], gradient) }));
    inStep(step, () => freshAdam.update({ [fresh.name]: tf.fill([1, 2], gradient) }));
  }
  expect([...late.dataSync()]).toEqual([...fresh.dataSync()]);
});
