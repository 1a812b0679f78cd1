import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ComparedRun, Comparison } from "../../src/eval/compare.js";
import type { Metrics } from "../../src/eval/metrics.js";
import { bootstrapAccuracyCi95, bootstrapDifferenceCi95, mcnemarExact } from "../../src/eval/statistics.js";
import { RunFolder } from "../../src/run/folder.js";
import {
  contentOf,
  easyLabels,
  easyTraining,
  fail,
  kws,
  succeed,
  succeedWithJson,
  writeEasyTones,
} from "../helpers/kws.js";

const cwd = mkdtempSync(join(tmpdir(), "keyspot-compare-"));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));
const at = (...path: string[]) => join(cwd, ...path);
const wasm = ["--backend", "wasm"];
// --model is compare's own business
const settings = easyTraining.slice(2);
const compare = (...args: string[]) => succeedWithJson<Comparison>(["compare", ...args], { cwd });
const train = (...args: string[]) => succeed(["train", ...easyTraining, "--epochs", "1", ...args], { cwd });

/** Tables are turned to fit it. */
const screen = { COLUMNS: "80" };

let trained: { stdout: string; stderr: string };
beforeAll(async () => {
  writeEasyTones(at("tones.npz"));
  writeEasyTones(at("other.npz"), { seed: 9 });
  const flags = ["--data", "tones.npz", "--models", "conv1d,spectrogram", "--epochs", "2"];
  trained = await succeed(["compare", ...flags, ...settings, "--out", "both"], { cwd, env: screen });
});

describe("kws compare --models", () => {
  test("trains each into its folder with the same split and seed", () => {
    const configs = ["conv1d", "spectrogram"].map((name) => new RunFolder(at("both", name)).readConfig());
    expect(configs.map(({ model }) => model)).toEqual(["conv1d", "spectrogram"]);
    for (const { seed, epochs, examples, labels } of configs) {
      expect({ seed, epochs, examples, labels }).toEqual({
        seed: 42,
        epochs: 2,
        examples: { train: 36, val: 12, test: 12 },
        labels: easyLabels,
      });
    }
  });

  test("prints a table of the runs and one of the pairs, and where the report is", () => {
    expect(trained.stdout).toMatch(/^12 clips; always answering "yes" would get 33\.33 %$/m);
    expect(trained.stdout).toMatch(/^run +accuracy +95 % interval +macro F1 +loss$/m);
    expect(trained.stdout).toMatch(/^a +b +only a right +only b right +a − b, 95 % interval +McNemar p$/m);
    expect(trained.stdout).toContain("intervals: bootstrap over speakers");
    expect(trained.stdout).toContain(`report: ${join("both", "report", "index.html")}`);
    expect(trained.stderr).toMatch(/^conv1d: epoch 2\/2 /m);
    expect(trained.stderr).toMatch(/^spectrogram: epoch 2\/2 /m);
    expect(trained.stderr).not.toContain("warning");
  });

  test("writes a report that opens without a network", () => {
    expect(Object.keys(contentOf(at("both/report")))).toEqual(["comparison.json", "index.html"]);
    const html = readFileSync(at("both/report/index.html"), "utf8");
    // accuracies, curves, bars by label, and a confusion matrix for either run
    expect(html.match(/<svg/g)).toHaveLength(5);
    expect(html).not.toMatch(/<script|(src|href)="(?!#)/);
  });

  test("refuses folders that hold runs before it trains anything", async () => {
    const flags = ["compare", "--data", "tones.npz", "--epochs", "1", ...settings, "--out", "both"];
    const before = contentOf(cwd);
    await fail([...flags, "--models", "skip,spectrogram"], 1, /both.spectrogram already holds a run/, {
      cwd,
    });
    expect(contentOf(cwd)).toEqual(before);
  });

  test("Ctrl-C stops the training under way, which can be gone on with", async () => {
    const flags = ["--data", "tones.npz", "--models", "skip,spectrogram", "--epochs", "1", ...settings];
    const { code, stdout, stderr } = await kws(["compare", ...flags, "--out", "stopped"], {
      cwd,
      interruptAt: "skip: backend: ",
    });
    expect(code).toBe(130);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/continue with kws train --resume stopped.skip$/m);
    expect(new RunFolder(at("stopped/spectrogram")).exists()).toBe(false);
  });
});

describe("kws compare RUN RUN", () => {
  const runs = ["both/conv1d", "both/spectrogram"];

  test("gives the figures of evaluate, with paired statistics that follow from the predictions", async () => {
    const comparison = await compare(...runs, ...wasm, "--report", "again");
    expect(JSON.parse(readFileSync(at("again/comparison.json"), "utf8"))).toEqual(comparison);
    const right: number[][] = [];
    let speakers: string[] = [];
    for (const [i, run] of runs.entries()) {
      const evaluate = ["evaluate", run, "--predictions", "p.csv", ...wasm];
      const metrics = await succeedWithJson<Metrics>(evaluate, { cwd });
      const { params } = new RunFolder(at(run)).readConfig();
      expect(comparison.runs[i]).toMatchObject({
        run,
        model: run.slice(5),
        input: i === 0 ? "waveform" : "spectrogram",
        params,
        macs: expect.any(Number),
        accuracy: metrics.accuracy,
        loss: metrics.loss,
        macroF1: metrics.macroF1,
        msPerClip: expect.any(Number),
      });
      const lines = readFileSync(at("p.csv"), "utf8").trimEnd().split("\n").slice(1);
      right.push(lines.map((line) => Number(line.split(",")[1] === line.split(",")[2])));
      // The tones' speakers take turns, one a round of labels.
      speakers = lines.map((line) => String(Math.floor(Number(line.split(",")[0]) / easyLabels.length) % 10));
      expect(comparison.runs[i]!.accuracyCi95).toEqual(bootstrapAccuracyCi95(right[i]!, speakers, 42));
    }
    const [a, b] = right as [number[], number[]];
    const only = (x: number[], y: number[]) => x.filter((value, k) => value === 1 && y[k] === 0).length;
    const [aOnlyRight, bOnlyRight] = [only(a, b), only(b, a)];
    expect(aOnlyRight + bOnlyRight).toBeGreaterThan(0);
    expect(comparison).toMatchObject({
      examples: 12,
      seenInTraining: [],
      pairs: [
        {
          ...{
            a: runs[0],
            b: runs[1],
            aOnlyRight,
            bOnlyRight,
            mcnemarP: mcnemarExact(aOnlyRight, bOnlyRight),
          },
          differenceCi95: bootstrapDifferenceCi95(a, b, speakers, 42),
        },
      ],
    });
  });

  test("--part takes a part of the data, from where it lies now too", async () => {
    const val = await compare(...runs, ...wasm, "--part", "val", "--report", "on-val");
    expect(val).toMatchObject({ examples: 12, seenInTraining: runs.map((run) => ({ run, clips: 12 })) });
    cpSync(at("tones.npz"), at("moved", "tones.npz"));
    const moved = ["--data", "moved/tones.npz", "--part", "test", "--report", "on-moved"];
    const { examples, seenInTraining, runs: compared } = await compare(...runs, ...wasm, ...moved);
    const own = JSON.parse(readFileSync(at("again/comparison.json"), "utf8")) as Comparison;
    expect({ examples, seenInTraining }).toEqual({ examples: 12, seenInTraining: [] });
    expect(compared.map(({ loss }) => loss)).toEqual(own.runs.map(({ loss }) => loss));
  });

  test("a report takes the place of one of the other kind, of which no figure stays", async () => {
    await succeed(["evaluate", "both/conv1d", ...wasm, "--report", "either"], { cwd });
    writeFileSync(at("either", "notes.txt"), "mine");
    expect(Object.keys(contentOf(at("either")))).toContain("evaluation.json");
    await compare(...runs, ...wasm, "--report", "either");
    expect(Object.keys(contentOf(at("either"))).sort()).toEqual([
      "comparison.json",
      "index.html",
      "notes.txt",
    ]);
    await succeed(["evaluate", "both/conv1d", ...wasm, "--report", "either"], { cwd });
    expect(Object.keys(contentOf(at("either")))).not.toContain("comparison.json");
  });

  test("writes its report to a new folder each time", async () => {
    for (const folder of ["comparison", "comparison-2"]) {
      const { stdout } = await succeed(["compare", ...runs, ...wasm], { cwd });
      expect(stdout).toContain(`report: ${join("checkpoints", folder, "index.html")}`);
    }
  });

  test("pairs the same clips of runs that read the same files in another order", async () => {
    await train("--data", "tones.npz", "--data", "other.npz", "--out", "ab");
    await train("--data", "other.npz", "--data", "tones.npz", "--out", "ba", "--width", "0.04");
    const { pairs, examples } = await compare("ab", "ba", ...wasm, "--report", "order");
    const right = async (run: string, order: string[]) => {
      await succeed(["evaluate", run, "--predictions", "p.csv", ...wasm], { cwd });
      const lines = readFileSync(at("p.csv"), "utf8").trimEnd().split("\n").slice(1);
      // Row 60 on is the second file's.
      return new Map(
        lines.map((line) => {
          const [index, label, predicted] = line.split(",") as [string, string, string];
          return [`${order[Number(index) < 60 ? 0 : 1]}:${Number(index) % 60}`, label === predicted];
        }),
      );
    };
    const [a, b] = [await right("ab", ["t", "o"]), await right("ba", ["o", "t"])];
    expect([...a.keys()].sort()).toEqual([...b.keys()].sort());
    const only = (x: typeof a, y: typeof a) => [...x].filter(([clip, yes]) => yes && !y.get(clip)).length;
    expect(examples).toBe(a.size);
    expect(pairs[0]).toMatchObject({ aOnlyRight: only(a, b), bOnlyRight: only(b, a) });
    expect(only(a, b) + only(b, a)).toBeGreaterThan(0);
  });

  test("refuses runs whose test parts are not the same clips; --data makes them comparable", async () => {
    await train("--data", "tones.npz", "--seed", "5", "--out", "seed5");
    const two = ["compare", "both/spectrogram", "seed5", ...wasm];
    await fail(
      two,
      1,
      /the test parts differ: both.spectrogram has 12 clips, seed5 12, \d+ of them the same; .*--data/,
      {
        cwd,
      },
    );
    const comparison = await compare(...two.slice(1), "--data", "other.npz", "--report", "on-other");
    expect(comparison).toMatchObject({ examples: 60, seenInTraining: [] });
  });

  test("of runs that differ in their seed alone gives mean and spread, and pairs only on the same clips", async () => {
    const paths = [];
    for (const [model, width] of [["thin", "0.05"] as const, ["wide", "0.08"] as const]) {
      for (const seed of [1, 2]) {
        const path = `seeds/${model}-${seed}`;
        await train("--data", "tones.npz", "--width", width, "--seed", String(seed), "--out", path);
        paths.push(path);
      }
    }
    const flags = [...paths, ...wasm, "--report", "seeds/report"];
    const { stdout } = await succeed(["compare", ...flags], { cwd, env: screen });
    const comparison = JSON.parse(readFileSync(at("seeds/report/comparison.json"), "utf8")) as Comparison;
    const { examples, testSets, runs: compared, pairs, groups } = comparison;
    expect(testSets).toBe(2);
    expect(compared.map((run) => [run.run, run.seed, run.examples])).toEqual(
      paths.map((path) => [path, Number(path.at(-1)), 12]),
    );
    expect(examples).toBeGreaterThan(12);
    expect(examples).toBeLessThanOrEqual(24);
    expect(pairs.map(({ a, b }) => [a, b])).toEqual([
      ["seeds/thin-1", "seeds/wide-1"],
      ["seeds/thin-2", "seeds/wide-2"],
    ]);
    expect(groups.map(({ name, seeds }) => [name, seeds])).toEqual([
      ["seeds/thin-*", [1, 2]],
      ["seeds/wide-*", [1, 2]],
    ]);
    groups.forEach(({ accuracy, loss }, i) => {
      const [a, b] = compared.slice(2 * i, 2 * i + 2) as [ComparedRun, ComparedRun];
      expect(accuracy.mean).toBeCloseTo((a.accuracy + b.accuracy) / 2, 12);
      expect(accuracy.sd).toBeCloseTo(Math.abs(a.accuracy - b.accuracy) / Math.SQRT2, 12);
      expect([loss.min, loss.max]).toEqual([a.loss, b.loss].sort((x, y) => x - y));
    });
    expect(stdout).toMatch(/^2 test parts of \d+ different clips; always answering/m);
    expect(stdout).toMatch(/^runs +seeds +accuracy +range +macro F1 +loss$/m);
    expect(stdout).toMatch(/^thin-\* +1, 2 +[\d.]+ ± [\d.]+ % +[\d.]+ to [\d.]+ % /m);
    expect(readFileSync(at("seeds/report/index.html"), "utf8")).toContain("Over seeds");

    // On one set of clips all pairs are tested.
    const flagsOfData = ["--data", "other.npz", ...wasm, "--report", "seeds/other"];
    const onOther = await compare(...paths.slice(0, 3), ...flagsOfData);
    expect([onOther.testSets, onOther.pairs.length]).toEqual([1, 3]);
    expect(onOther.groups.map(({ seeds }) => seeds)).toEqual([[1, 2], [1]]);
    expect(onOther.groups[1]!.accuracy.sd).toBeNull();

    // A mean over one seed's test part says nothing beside one over two.
    await fail(
      ["compare", ...paths.slice(0, 3), ...wasm],
      1,
      /test parts differ: seeds.wide-1 .*same seeds/,
      {
        cwd,
      },
    );
  });

  test("reports clips that a run was trained on, per run", async () => {
    await train("--data", "other.npz", "--out", "on-other-data");
    const flags = ["both/spectrogram", "on-other-data", "--data", "tones.npz", "--report", "seen", ...wasm];
    const { stdout, stderr } = await succeed(["compare", ...flags, "--json"], { cwd });
    expect((JSON.parse(stdout) as Comparison).seenInTraining).toEqual([
      { run: "both/spectrogram", clips: 48 },
    ]);
    expect(stderr).toMatch(
      /^warning: both.spectrogram was trained, .* on 48 of the 60 clips: its figures are optimistic$/m,
    );
    expect(readFileSync(at("seen/index.html"), "utf8")).toContain("on 48 of the 60 clips");
  });
});
