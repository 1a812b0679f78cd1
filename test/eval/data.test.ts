import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EvaluationDataLoader, type EvaluationDataOptions } from "../../src/eval/data.js";
import { loadDataset } from "../../src/run/dataset.js";
import { type RunConfig, RunFolder } from "../../src/run/folder.js";
import { type GivenSettings, resolveSettings } from "../../src/run/settings.js";
import { writeTones } from "../helpers/clips.js";

const folder = mkdtempSync(join(tmpdir(), "keyspot-evaluation-data-"));
const at = (name: string) => join(folder, name);
const run = new RunFolder(at("run"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeAll(() => {
  ["a.npz", "b.npz", "c.npz"].forEach((name, seed) => {
    writeTones(at(name), { rate: 64, seed });
  });
});

/** The config of a run with these settings, without the training. */
async function configOf(data: string[], given: GivenSettings = {}): Promise<RunConfig> {
  // The course's split has parts of its own.
  const shares = given.split === "course" ? {} : { valSize: 0.2, testSize: 0.2 };
  const settings = resolveSettings({ data: data.map(at), model: "conv1d", ...shares, ...given });
  const { clips, labels, splitKind, split } = await loadDataset(settings);
  return {
    ...settings,
    labels,
    sampleRate: clips.sampleRate,
    split: splitKind,
    keyspot: "0.0.0",
    format: 1,
    input: "waveform",
    params: 1,
    labelsChosen: settings.labels !== undefined,
    clipLength: clips.samples.clipLength,
    sources: [...clips.sources],
    examples: { train: split.train.length, val: split.val.length, test: split.test.length },
  };
}

/** How often data is read, told by the progress. */
function counted(loader: EvaluationDataLoader) {
  const reads = { count: 0 };
  const load = (config: RunConfig, options: EvaluationDataOptions = {}) =>
    loader.load(run, config, {
      ...options,
      onLoading: (done, total) => {
        if (done === total) reads.count++;
      },
    });
  return { reads, load };
}

describe("EvaluationDataLoader", () => {
  test("reads data once for runs that agree on it, whatever they choose of it", async () => {
    const { reads, load } = counted(new EvaluationDataLoader());
    const first = await load(await configOf(["a.npz"]));
    const second = await load(await configOf(["a.npz"], { seed: 7 }));
    const third = await load(await configOf(["a.npz"], { labels: ["no", "yes"], limit: 30 }));
    expect(reads.count).toBe(1);
    expect(second.clips).toBe(first.clips);
    expect([first, second, third].map(({ rows }) => rows.length)).toEqual([12, 12, expect.any(Number)]);
    expect(third.clips.labels).toHaveLength(30);
  });

  test("keeps the two that were asked for last", async () => {
    const { reads, load } = counted(new EvaluationDataLoader());
    const config = await configOf(["a.npz"]);
    const names = ["a.npz", "b.npz", "a.npz", "c.npz", "a.npz"];
    for (const name of names) await load(config, { data: [at(name)] });
    expect(reads.count).toBe(3);
    await load(config, { data: [at("b.npz")] });
    expect(reads.count).toBe(4);
  });

  test("counts the clips that the run was trained on or its best epoch chosen by", async () => {
    const { load } = counted(new EvaluationDataLoader());
    const seen = async (config: RunConfig, options?: EvaluationDataOptions) =>
      (await load(config, options)).seenInTraining;
    const config = await configOf(["a.npz"]);
    expect(await seen(config)).toBe(0);
    expect(await seen(config, { part: "train" })).toBe(36);
    expect(await seen(config, { part: "val" })).toBe(12);
    expect(await seen(config, { data: [at("a.npz")] })).toBe(48);
    expect(await seen(config, { data: [at("b.npz")] })).toBe(0);
    expect(await seen(config, { data: [at("b.npz"), at("a.npz")] })).toBe(48);
    // In the course's protocol the test part is what the best epoch is chosen by.
    expect(await seen(await configOf(["a.npz"], { split: "course" }))).toBe(6);
    const both = await configOf(["a.npz", "b.npz"], { split: "random" });
    const shares = [await seen(both, { data: [at("a.npz")] }), await seen(both, { data: [at("b.npz")] })];
    expect(shares[0]! + shares[1]!).toBe(both.examples.train + both.examples.val);
  });

  test("the true labels are the run's, others as one of them", async () => {
    const { load } = counted(new EvaluationDataLoader());
    const config = await configOf(["a.npz"], { labels: ["up", "no"] });
    const data = { data: [at("b.npz")] };
    await expect(load(config, data)).rejects.toThrow(/labels that .*run lacks: yes; expected up, no;/);
    await expect(load(config, { ...data, othersAs: "maybe" })).rejects.toThrow(/\(up, no\), found maybe/);
    const { clips, rows, truth } = await load(config, { ...data, othersAs: "no" });
    expect(rows).toHaveLength(60);
    rows.forEach((row, i) => {
      expect(["up", "no"][truth[i]!]).toBe(clips.labels[row] === "up" ? "up" : "no");
    });
  });
});
