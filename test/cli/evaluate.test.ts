import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Metrics } from "../../src/eval/metrics.js";
import { RunFolder } from "../../src/run.js";
import type { TrainSummary } from "../../src/train/train.js";
import { writeTones } from "../helpers/clips.js";
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

type Document = Metrics & { run: string; seenInTraining: number };

const cwd = mkdtempSync(join(tmpdir(), "keyspot-evaluate-"));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));
const at = (...path: string[]) => join(cwd, ...path);
const wasm = ["--backend", "wasm"];
const evaluate = (...args: string[]) => succeedWithJson<Document>(["evaluate", ...args, ...wasm], { cwd });

let summary: TrainSummary;
beforeAll(async () => {
  writeEasyTones(at("tones.npz"));
  writeEasyTones(at("other.npz"), { seed: 9 });
  const flags = ["--data", "tones.npz", ...easyTraining, "--epochs", "2", "--out", "run"];
  summary = await succeedWithJson<TrainSummary>(["train", ...flags], { cwd });
});

describe("kws evaluate", () => {
  test("without --data evaluates the test part, with the figures that the training printed", async () => {
    const document = await evaluate("run");
    expect(document).toMatchObject({
      run: "run",
      ...summary.test,
      labels: easyLabels,
      macroF1: expect.any(Number),
      seenInTraining: 0,
    });
    expect(document.confusion.flat().reduce((a, b) => a + b)).toBe(document.examples);
    expect(document.perLabel.map(({ label, support }) => [label, support])).toEqual([
      ["yes", 4],
      ["no", 4],
      ["up", 4],
    ]);
  });

  test("prints them as tables", async () => {
    const { stdout, stderr } = await succeed(["evaluate", "run", ...wasm], { cwd });
    expect(stdout).toMatch(/^run: accuracy [\d.]+ % of 12 clips \(test\)$/m);
    expect(stdout).toMatch(/^label +precision +recall +F1 +clips$/m);
    expect(stdout).toMatch(/^yes +[\d.]+ +[\d.]+ +[\d.]+ +4$/m);
    expect(stdout).toContain("true label a row, predicted a column");
    expect(stderr).toMatch(/^backend: wasm \(.+\)\n$/);
  });

  test("--part chooses, and clips that the run was trained on are reported", async () => {
    const { stdout, stderr } = await succeed(["evaluate", "run", "--part", "all", "--json", ...wasm], {
      cwd,
    });
    expect(JSON.parse(stdout)).toMatchObject({ examples: 60, seenInTraining: 48 });
    expect(stderr).toContain("warning: run was trained, or its best epoch chosen, on 48 of these clips");
    const [train, val] = [await evaluate("run", "--part", "train"), await evaluate("run", "--part", "val")];
    expect([train.examples, val.examples]).toEqual([36, 12]);
    expect(val.loss).toBeCloseTo(summary.best.valLoss, 6);
  });

  test("other data is taken whole; the lines of --predictions add up to the figures", async () => {
    const document = await evaluate("run", "--data", "other.npz", "--predictions", "out/predictions.csv");
    expect(document).toMatchObject({ examples: 60, seenInTraining: 0 });

    const [header, ...lines] = readFileSync(at("out/predictions.csv"), "utf8").trimEnd().split("\n");
    expect(header).toBe("index,label,predicted,probability");
    const rows = lines.map((line) => line.split(","));
    expect(rows.map(([index]) => Number(index))).toEqual(Array.from({ length: 60 }, (_, i) => i));
    const confusion = easyLabels.map((label) =>
      easyLabels.map((given) => rows.filter(([, a, b]) => a === label && b === given).length),
    );
    expect(confusion).toEqual(document.confusion);
    const right = rows.filter(([, label, predicted]) => label === predicted).length;
    expect(document.accuracy).toBeCloseTo(right / 60, 12);
    for (const [, , , probability] of rows) {
      expect(Number(probability)).toBeGreaterThan(1 / 3);
      expect(Number(probability)).toBeLessThanOrEqual(1);
    }
  });

  test("--part of other data is made as the run's own are", async () => {
    expect(await evaluate("run", "--data", "other.npz", "--part", "test")).toMatchObject({ examples: 12 });
  });

  test("several --data are joined, at the run's rate", async () => {
    writeTones(at("faster.npz"), { labels: easyLabels, perLabel: 2, rate: 2048 });
    const flags = ["--data", "other.npz", "--data", "faster.npz"];
    expect(await evaluate("run", ...flags)).toMatchObject({ examples: 66 });
  });

  test("labels that the run lacks are an error unless --others-as says what they count as", async () => {
    writeTones(at("more.npz"), { labels: [...easyLabels, "left", "right"], perLabel: 2, rate: 1024 });
    const flags = ["evaluate", "run", "--data", "more.npz", ...wasm];
    await fail(flags, 1, /labels that run lacks: left, right; expected yes, no, up; .*--others-as/, { cwd });
    await fail([...flags, "--others-as", "unknown"], 1, /expected one of .*yes, no, up.*found unknown/, {
      cwd,
    });
    const document = await evaluate("run", "--data", "more.npz", "--others-as", "up");
    expect(document.examples).toBe(10);
    expect(document.perLabel.map(({ support }) => support)).toEqual([2, 2, 6]);
  });

  test("--report writes one page, the picture and the figures", async () => {
    const document = await evaluate("run", "--report", "report");
    expect(Object.keys(contentOf(at("report")))).toEqual([
      "confusion.png",
      "confusion.svg",
      "evaluation.json",
      "index.html",
    ]);
    const { seenInTraining: _, ...figures } = document;
    expect(JSON.parse(readFileSync(at("report/evaluation.json"), "utf8"))).toEqual(figures);
    const html = readFileSync(at("report/index.html"), "utf8");
    expect(html.match(/<svg/g)).toHaveLength(2);
    expect(html).toContain(`${(100 * document.accuracy).toFixed(2)} %`);
    expect(html).not.toMatch(/<script|(src|href)="(?!#)/); // it opens without a network
  });

  test("what cannot be written is found out before the work", async () => {
    const before = contentOf(cwd);
    await fail(
      ["evaluate", "run", "--report", "tones.npz"],
      1,
      /tones\.npz: expected a folder, found a file/,
      {
        cwd,
      },
    );
    await fail(["evaluate", "run", "--predictions", "run"], 1, /run: expected a file, found a folder/, {
      cwd,
    });
    await fail(["evaluate", "run", "--predictions", "tones.npz/p.csv"], 1, /tones\.npz is a file/, { cwd });
    expect(contentOf(cwd)).toEqual(before);
  });

  test("Ctrl-C ends it with 130 and prints nothing", async () => {
    const flags = ["evaluate", "run", "--data", "other.npz", "--backend", "wasm"];
    const { code, stdout } = await kws(flags, { cwd, interruptAt: "backend: " });
    expect(code).toBe(130);
    expect(stdout).toBe("");
  });
});

describe("a run and its data that were moved", () => {
  test("the run is found where it is now; data where --data says, with its own parts", async () => {
    mkdirSync(at("elsewhere"));
    const flags = [
      "--data",
      "other.npz",
      ...easyTraining,
      "--limit",
      "45",
      "--epochs",
      "1",
      "--out",
      "movable",
    ];
    const { test: figures } = await succeedWithJson<TrainSummary>(["train", ...flags], { cwd });
    renameSync(at("movable"), at("elsewhere/moved"));
    expect(await evaluate("elsewhere/moved")).toMatchObject({ run: "elsewhere/moved", ...figures });

    renameSync(at("other.npz"), at("elsewhere/data.npz"));
    await fail(
      ["evaluate", "elsewhere/moved", ...wasm],
      1,
      /the run's own data: cannot read .*other\.npz: no such file or folder; .*--data and --part test/,
      { cwd },
    );
    const moved = ["--data", "elsewhere/data.npz", "--part", "test"];
    expect(await evaluate("elsewhere/moved", ...moved)).toMatchObject({ ...figures, seenInTraining: 0 });
  });
});

// What else can be wrong with one is in test/run.test.ts.
describe("a run folder that will not do", () => {
  const copyOfRun = (name: string) => {
    cpSync(at("run"), at(name), { recursive: true });
    return new RunFolder(at(name));
  };

  test("is missing", async () => {
    await fail(["evaluate", "absent", ...wasm], 1, /absent: no such run folder/, { cwd });
  });

  test("is half-written", async () => {
    const { configPath } = copyOfRun("cut");
    writeFileSync(configPath, readFileSync(configPath).subarray(0, 99));
    await fail(["evaluate", "cut", ...wasm], 1, /cut.config\.json is not valid JSON/, { cwd });
  });

  test("is of another version", async () => {
    const { configPath } = copyOfRun("next");
    const config = JSON.parse(readFileSync(configPath, "utf8"));
    writeFileSync(configPath, JSON.stringify({ ...config, keyspot: "9.0.0", format: 2 }));
    await fail(["evaluate", "next", ...wasm], 1, /next was written by keyspot 9\.0\.0 in run format 2/, {
      cwd,
    });
  });

  test("has damaged weights", async () => {
    const { bestWeightsPath } = copyOfRun("short");
    writeFileSync(bestWeightsPath, readFileSync(bestWeightsPath).subarray(8));
    await fail(["evaluate", "short", ...wasm], 1, /best is damaged: the weights are \d+ bytes/, { cwd });
  });
});
