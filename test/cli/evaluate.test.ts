import { spawn } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  watch,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encodeWav } from "../../src/audio/wav/decode.js";
import { Random } from "../../src/base/random.js";
import { readNpz } from "../../src/data/formats/npz.js";
import type { EvaluationDocument } from "../../src/eval/evaluate-run.js";
import { RunFolder } from "../../src/run/folder.js";
import type { TrainSummary } from "../../src/train/train.js";
import { writeTones } from "../helpers/clips.js";
import {
  contentOf,
  easyLabels,
  easyTraining,
  fail,
  kws,
  program,
  succeed,
  succeedWithJson,
  writeEasyTones,
} from "../helpers/kws.js";

type Document = EvaluationDocument;

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
    expect(stderr).toContain(
      "warning: run was trained, or its best epoch chosen, on 48 of the 60 clips: its figures are optimistic",
    );
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

  test("tells more than the contract's figures, and adds no noise unasked", async () => {
    const document = await evaluate("run", "--data", "other.npz");
    const { topK, detection, calibration, speakers, mistakes } = document;
    expect(topK.map(({ k }) => k)).toEqual([1, 2, 3]);
    expect(topK[0]!.accuracy).toBeCloseTo(document.accuracy, 12);
    expect(topK[2]!.accuracy).toBe(1);
    expect(detection.perKeyword.map(({ label, positives }) => [label, positives])).toEqual(
      easyLabels.map((label) => [label, 20]),
    );
    expect(calibration.bins.reduce((sum, { clips }) => sum + clips, 0)).toBe(60);
    expect(speakers!.map(({ speaker }) => speaker).sort()).toEqual(
      Array.from({ length: 10 }, (_, i) => `speaker${i}`),
    );
    expect(speakers!.reduce((sum, { right }) => sum + right, 0)).toBe(Math.round(60 * document.accuracy));
    expect(mistakes).toHaveLength(Math.min(20, Math.round(60 * (1 - document.accuracy))));
    expect(document).not.toHaveProperty("noise");
  });

  test("--report writes one page, its pictures, the figures and the mistakes", async () => {
    // What is labelled "yes" sounds like "up": all of it is a mistake.
    writeTones(at("swapped.npz"), { labels: ["up", "no", "yes"], perLabel: 4, rate: 1024, speakers: 4 });
    mkdirSync(at("report/mistakes"), { recursive: true });
    writeFileSync(at("report/mistakes/07-old-as-older.wav"), "of an earlier report");
    writeFileSync(at("report/mistakes/notes.txt"), "mine");
    const document = await evaluate("run", "--data", "swapped.npz", "--report", "report");
    const names = ["confusion", "det", "noise", "reliability", "roc", "speakers", "top-k"];
    const files = Object.keys(contentOf(at("report")));
    expect(files.filter((file) => /\.(svg|png)$/.test(file))).toEqual(
      names.flatMap((name) => [`${name}.png`, `${name}.svg`]),
    );
    expect(document.mistakes.length).toBeGreaterThan(0);
    expect(document.noise).toMatchObject({ source: "pink", seconds: null, seed: 42 });
    expect(document.noise!.levels.map(({ snrDb }) => snrDb)).toEqual([20, 15, 10, 5, 0, -5]);

    const written = JSON.parse(readFileSync(at("report/evaluation.json"), "utf8")) as Document;
    expect({ ...written, mistakes: written.mistakes.map(({ file: _, ...mistake }) => mistake) }).toEqual(
      document,
    );
    expect(files.filter((file) => file.startsWith("mistakes"))).toEqual(
      ["mistakes", "mistakes/notes.txt", ...written.mistakes.map(({ file }) => file)].sort(),
    );
    const clips = await readNpz(at("swapped.npz"));
    for (const { file, index, label, speaker } of written.mistakes) {
      expect([clips.labels[index], clips.speakers![index]]).toEqual([label, speaker]);
      const wav = readFileSync(at("report", file!));
      const expected = new Float32Array(1024);
      clips.samples.read(index, expected);
      expect(wav.readUInt32LE(24)).toBe(1024); // Hz
      expect(wav.length).toBe(44 + 2 * 1024);
      expected.forEach((sample, i) => {
        expect(Math.abs(wav.readInt16LE(44 + 2 * i) - 32768 * sample)).toBeLessThanOrEqual(0.5001);
      });
    }

    const html = readFileSync(at("report/index.html"), "utf8");
    expect(html.match(/<svg/g)).toHaveLength(names.length + 1); // and the training's curves
    expect(html.match(/<audio/g)).toHaveLength(document.mistakes.length);
    expect(html).toContain(`${(100 * document.accuracy).toFixed(2)} %`);
    expect(html).not.toMatch(/<script|(src|href)="(?!#|data:)/); // it opens without a network
  });

  test("--noise-from takes recordings of noise, generated noise or the data's silence", async () => {
    const noise = new Random(1, "noise");
    const wave = Float32Array.from({ length: 20_000 }, () => 0.1 * noise.normal());
    mkdirSync(at("noises"));
    writeFileSync(at("noises/hiss.wav"), encodeWav(wave, 8000));
    const { stdout } = await succeed(["evaluate", "run", "--noise-from", "noises", ...wasm], { cwd });
    expect(stdout).toMatch(/^with noise added \(noises\)\nsignal-to-noise ratio +accuracy +macro F1 +loss$/m);
    expect(stdout).toMatch(/^ +-5 dB +[\d.]+ % /m);
    const document = await evaluate("run", "--noise-from", "noises");
    expect(document.noise).toMatchObject({ source: "noises", seconds: 2 });
    // A noise far below the voice changes little, one above it much.
    const [quiet, , , , , loud] = document.noise!.levels;
    expect(Math.abs(quiet!.loss - document.loss)).toBeLessThan(Math.abs(loud!.loss - document.loss));
    expect((await evaluate("run", "--noise-from", "noises")).noise).toEqual(document.noise);
    expect((await evaluate("run", "--noise-from", "pink")).noise!.source).toBe("pink");
  });

  test("noise that is not there is an error before the work", async () => {
    mkdirSync(at("quiet"));
    writeFileSync(at("quiet/zeros.wav"), encodeWav(new Float32Array(16_000), 8000));
    const flags = ["evaluate", "run", ...wasm, "--noise-from"];
    await fail([...flags, "silence"], 1, /no silence clips to take noise from.*expected pink or a folder/, {
      cwd,
    });
    await fail([...flags, "absent"], 1, /cannot read absent: no such file or folder/, { cwd });
    await fail([...flags, "run"], 1, /run has no WAV file/, { cwd });
    await fail([...flags, "quiet"], 1, /quiet: expected recordings of noise, found none louder than -60 dB/, {
      cwd,
    });
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

  test("a report that was interrupted can be written again", async () => {
    const flags = ["evaluate", "run", "--report", "stopped", ...wasm];
    mkdirSync(at("stopped"));
    const child = spawn(process.execPath, [program, ...flags], { cwd });
    const ended = new Promise((resolve) => child.on("close", resolve));
    const watcher = watch(at("stopped"), () => child.kill("SIGINT")); // its first file has appeared
    await ended;
    watcher.close();
    await succeed(flags, { cwd });
    expect(readdirSync(at("stopped"))).toContain("evaluation.json");
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
    await fail(
      ["evaluate", "absent", ...wasm],
      1,
      /absent: expected a run folder or the name of a shipped model/,
      { cwd },
    );
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
