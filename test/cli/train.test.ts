import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { packageVersion } from "../../src/base/version.js";
import type { RunConfig } from "../../src/run/folder.js";
import { RunFolder } from "../../src/run/folder.js";
import type { TrainSummary } from "../../src/train/train.js";
import { writeTones } from "../helpers/clips.js";
import {
  contentOf,
  easyLabels,
  easyTraining,
  fail,
  kws,
  type Result,
  succeed,
  succeedWithJson,
  writeEasyTones,
} from "../helpers/kws.js";

const cwd = mkdtempSync(join(tmpdir(), "keyspot-train-"));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));
const at = (...path: string[]) => join(cwd, ...path);
const runAt = (...path: string[]) => new RunFolder(at(...path));
const training = ["train", "--data", "tones.npz", ...easyTraining];

/** All that two trainings that are the same have the same: everything but paths, the clock and the pictures of it. */
function resultOf(name: string) {
  const run = runAt(name);
  const state = JSON.parse(readFileSync(run.lastStatePath, "utf8"));
  return {
    best: readFileSync(run.bestWeightsPath).toString("base64"),
    last: readFileSync(join(run.lastPath, state.tensorFile)).toString("base64"),
    history: run.readHistory().map((record) => ({ ...record, seconds: 0 })),
    config: run.readConfig(),
  };
}

let whole: Result;
beforeAll(async () => {
  writeEasyTones(at("tones.npz"));
  whole = await succeed([...training, "--epochs", "3", "--out", "whole"], { cwd });
});

describe("kws train", () => {
  test("prints the figures to stdout and all else to stderr", () => {
    expect(whole.stdout).toMatch(/^spectrogram: [\d,]+ parameters, 3 epochs of .* examples\/s, wasm\)$/m);
    expect(whole.stdout).toMatch(/^best epoch \d: validation accuracy [\d.]+ %, loss [\d.]+$/m);
    expect(whole.stdout).toMatch(/^test accuracy [\d.]+ % of 12 clips, loss [\d.]+$/m);
    expect(whole.stdout).toMatch(/always answering "yes" would get 33\.33 %/);
    expect(whole.stdout).toContain("saved to whole; curves in whole/curves.png");
    expect(whole.stdout).toContain("accuracy  ◆"); // the curves
    expect(whole.stderr).toContain("backend: wasm (");
    expect(whole.stderr).toContain("split: speaker");
    expect(whole.stderr).toContain("epoch 1: valLoss improved to ");
  });

  test("prints one line an epoch where there is no terminal", () => {
    const lines = whole.stderr.split("\n").filter((line) => /^epoch \d\/3 /.test(line));
    expect(lines).toHaveLength(3);
    for (const line of lines) {
      expect(line).toMatch(/loss [\d.]+ {2}acc [\d.]+ % {2}val loss [\d.]+ {2}val acc [\d.]+ % {2}[\d.]+ s$/);
    }
    expect(whole.stderr).not.toContain("\r");
  });

  test("writes the run folder of the contract", () => {
    const state = JSON.parse(readFileSync(at("whole/last/state.json"), "utf8"));
    expect(Object.keys(contentOf(at("whole")))).toEqual([
      "best",
      "best/model.json",
      "best/weights.bin",
      "config.json",
      "curves.png",
      "curves.svg",
      "history.json",
      "last",
      "last/state.json",
      `last/${state.tensorFile}`,
    ]);
    expect(readFileSync(at("whole/curves.svg"), "utf8")).toMatch(/^<svg/);
    expect(readFileSync(at("whole/curves.png")).subarray(1, 4).toString()).toBe("PNG");
  });

  test("config.json says how it was trained", () => {
    const config = JSON.parse(readFileSync(at("whole/config.json"), "utf8")) as RunConfig;
    expect(config).toMatchObject({
      data: [at("tones.npz")],
      model: "spectrogram",
      labels: easyLabels,
      sampleRate: 1024,
      clipLength: 1024,
      seed: 42,
      split: "speaker",
      epochs: 3,
      width: 0.05,
      backend: "wasm",
      keyspot: packageVersion,
      sources: [{ path: at("tones.npz"), fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/), rows: 60 }],
      examples: { train: 36, val: 12, test: 12 },
    });
  });

  test("history.json has one object an epoch", () => {
    const history = JSON.parse(readFileSync(at("whole/history.json"), "utf8"));
    expect(history).toHaveLength(3);
    history.forEach((record: object, i: number) => {
      expect(Object.keys(record)).toEqual([
        "epoch",
        "loss",
        "accuracy",
        "valLoss",
        "valAccuracy",
        "learningRate",
        "seconds",
      ]);
      expect(record).toMatchObject({ epoch: i + 1, learningRate: 2e-3, seconds: expect.any(Number) });
    });
  });

  test("--json prints the summary and nothing else; --quiet says nothing on stderr", async () => {
    const { stdout, stderr } = await succeed(
      [...training, "--epochs", "1", "--out", "json", "--json", "--quiet"],
      { cwd },
    );
    expect(stderr).toBe("");
    const [record] = runAt("json").readHistory();
    expect(JSON.parse(stdout)).toMatchObject({
      run: "json",
      model: "spectrogram",
      backend: "wasm",
      epochs: 1,
      params: runAt("json").readConfig().params,
      best: { epoch: 1, valLoss: record!.valLoss, valAccuracy: record!.valAccuracy },
      test: { loss: expect.any(Number), accuracy: expect.any(Number), examples: 12 },
      secondsPerEpoch: record!.seconds,
      examplesPerSecond: expect.closeTo(36 / record!.seconds, 6),
      batchWaitShare: expect.any(Number),
    });
  });

  test("a run's own config.json repeats the run, and a flag goes over it", async () => {
    await succeed(["train", "--config", "whole/config.json", "--out", "again"], { cwd });
    expect(resultOf("again")).toEqual(resultOf("whole"));
    const settings = ["--config", "whole/config.json", "--seed", "7", "--epochs", "1"];
    const { epochs } = await succeedWithJson<TrainSummary>(["train", ...settings, "--out", "other"], { cwd });
    expect(epochs).toBe(1);
    expect(resultOf("other").config.seed).toBe(7);
    expect(resultOf("other").history[0]!.loss).not.toBe(resultOf("whole").history[0]!.loss);
  });

  test("says what a config file asks for in vain; a run's own asks for nothing so", async () => {
    const file = { ...{ teacherWeight: 0.7, freezeEpochs: 1 }, epochs: 1 };
    writeFileSync(at("taught.json"), JSON.stringify(file));
    const flags = ["--config", "taught.json"];
    const { stderr } = await succeed([...training, ...flags, "--out", "untaught"], { cwd });
    expect(stderr).toMatch(/^taught\.json: teacherWeight counts for nothing without --teacher$/m);
    expect(stderr).toMatch(/^taught\.json: freezeEpochs counts for nothing without --from$/m);
    const quiet = await succeed([...training, ...flags, "--out", "quiet", "--quiet"], { cwd });
    expect(quiet.stderr).toBe("");
    const both = ["--from", "whole", "--teacher", "whole", "--labels", "yes,no,up"];
    const taught = await succeed(
      ["train", "--data", "tones.npz", "--backend", "wasm", ...both, ...flags, "--out", "taught"],
      { cwd },
    );
    expect(taught.stderr).not.toContain("for nothing");
    expect(whole.stderr).not.toContain("for nothing");
    const again = await succeed(
      ["train", "--config", "whole/config.json", "--epochs", "1", "--out", "silent"],
      { cwd },
    );
    expect(again.stderr).not.toContain("for nothing");
  });

  test("by default the run lands in checkpoints/<model>, then -2, -3", async () => {
    mkdirSync(at("checkpoints/spectrogram-2"), { recursive: true });
    const runs: string[] = [];
    for (let i = 0; i < 2; i++) {
      const summary = await succeedWithJson<TrainSummary>([...training, "--epochs", "1"], { cwd });
      runs.push(summary.run);
    }
    expect(runs).toEqual(["checkpoints/spectrogram", "checkpoints/spectrogram-3"]);
  });

  test("--limit takes a stratified sample before the split, --labels chooses", async () => {
    const flags = ["--epochs", "1", "--limit", "40", "--labels", "up,yes", "--out", "chosen"];
    await succeed([...training, ...flags], { cwd });
    const { examples, labels, limit } = runAt("chosen").readConfig();
    expect(examples.train + examples.val + examples.test).toBe(40);
    expect(labels).toEqual(["up", "yes"]);
    expect(limit).toBe(40);
  });

  test("the course's split says that its figures are optimistic", async () => {
    const flags = ["--epochs", "1", "--split", "course", "--width", "0.02", "--out", "course"];
    const { stderr } = await succeed(["train", "--data", "tones.npz", "--model", "spectrogram", ...flags], {
      cwd,
    });
    expect(stderr).toMatch(/split: course .*figures are optimistic/);
  });

  test("a training that diverges says so, and its curves are drawn all the same", async () => {
    const flags = ["--learning-rate", "1e300", "--epochs", "2", "--out", "diverged"];
    await fail([...training, ...flags], 1, /the training diverged: .*--learning-rate than 1e\+300/, { cwd });
    expect(runAt("diverged").readHistory()[1]!.valLoss).toBeNaN();
    expect(existsSync(at("diverged/curves.png"))).toBe(true);
    await fail(["predict", "diverged", "x.wav"], 1, /its training diverged; .*--learning-rate than 1e\+300/, {
      cwd,
    });
  });

  test("one that diverges to a loss that is a number, but a huge one, says so too", async () => {
    const flags = ["--learning-rate", "1e3", "--epochs", "1", "--out", "huge"];
    await fail([...training, ...flags], 1, /the training diverged: .* the last with \d+; .*than 1000$/m, {
      cwd,
    });
    expect(runAt("huge").readHistory()[0]!.valLoss).toBeGreaterThan(100);
  });

  test("masks that are larger than the model's picture are refused with both sizes", async () => {
    const before = contentOf(cwd);
    const flags = ["--augment", '{"specAugment": {"bands": 131, "frames": 17}}', "--out", "masked"];
    await fail([...training, ...flags], 2, /of 130 bands and 17 frames; .*found 131 and 17$/m, { cwd });
    expect(contentOf(cwd)).toEqual(before);
  });

  test("a model that no memory holds is refused before it is built, with what it would need", async () => {
    const before = contentOf(cwd);
    for (const width of ["500", "1e200"]) {
      const flags = ["--width", width, "--out", "wide"];
      await fail([...training, ...flags], 1, /would need [\d,.]+ GiB|cannot be so large/, { cwd });
    }
    expect(contentOf(cwd)).toEqual(before);
  });
});

describe("an output folder that is taken", () => {
  test("is refused and left as it was", async () => {
    const before = contentOf(cwd);
    await fail([...training, "--out", "whole"], 1, /whole already holds a run: .*--force/, { cwd });
    expect(contentOf(cwd)).toEqual(before);
  });

  test("is replaced with --force: the run's own files, no others", async () => {
    await succeed([...training, "--epochs", "2", "--out", "replaced"], { cwd });
    writeFileSync(at("replaced/notes.txt"), "mine");
    writeFileSync(at("replaced/best/notes.txt"), "mine too");
    await succeed([...training, "--epochs", "1", "--width", "0.04", "--out", "replaced", "--force"], { cwd });
    expect(runAt("replaced").readHistory()).toHaveLength(1);
    expect(readFileSync(at("replaced/notes.txt"), "utf8")).toBe("mine");
    expect(readFileSync(at("replaced/best/notes.txt"), "utf8")).toBe("mine too");
    await succeed(["evaluate", "replaced", "--backend", "wasm"], { cwd });
  });

  test("with a config.json of something else is left alone, --force or not", async () => {
    mkdirSync(at("project"));
    writeFileSync(at("project/config.json"), '{"name": "something else"}');
    const before = contentOf(at("project"));
    await fail([...training, "--out", "project"], 1, /project is not empty \(config\.json\)/, { cwd });
    await fail([...training, "--out", "project", "--force"], 1, /was not written by keyspot/, { cwd });
    expect(contentOf(at("project"))).toEqual(before);
  });

  test("with other files is refused, and with --force the run is put beside them", async () => {
    mkdirSync(at("notes"));
    writeFileSync(at("notes/notes.txt"), "mine");
    await fail([...training, "--out", "notes"], 1, /notes is not empty \(notes\.txt\), .*--force/, { cwd });
    expect(Object.keys(contentOf(at("notes")))).toEqual(["notes.txt"]);
    await succeed([...training, "--epochs", "1", "--out", "notes", "--force"], { cwd });
    expect(readFileSync(at("notes/notes.txt"), "utf8")).toBe("mine");
    rmSync(at("notes/config.json"));
    await fail([...training, "--out", "notes"], 1, /notes already holds a run: .*--force/, { cwd });
  });

  test("keeps its run where the new one comes to nothing", async () => {
    const before = contentOf(at("whole"));
    const diverging = ["--force", "--teacher", "absent", "--out", "whole"];
    await fail(
      [...training, ...diverging],
      1,
      /absent: expected a run folder or the name of a shipped model/,
      { cwd },
    );
    expect(contentOf(at("whole"))).toEqual(before);
  });

  test("that is a file is refused", async () => {
    await fail([...training, "--out", "tones.npz"], 1, /tones\.npz: expected a folder, found a file/, {
      cwd,
    });
    await fail([...training, "--out", "tones.npz/run"], 1, /tones\.npz is a file/, { cwd });
  });
});

describe("Ctrl-C and --resume", () => {
  test("a run stopped in its first epoch says so to who asks for its answers", async () => {
    mkdirSync(at("killed"));
    writeFileSync(at("killed/config.json"), readFileSync(at("whole/config.json")));
    const why = /^error: killed has no trained model yet: .*kws train --resume killed begins it again$/m;
    for (const command of [
      ["evaluate", "killed", "--report", "r"],
      ["predict", "killed", "x.wav"],
      ["compare", "whole", "killed", "--report", "r"],
    ]) {
      const { code, stderr } = await kws(command, { cwd });
      expect(code).toBe(1);
      expect(stderr).toMatch(why);
      expect(stderr.trim().split("\n")).toHaveLength(1); // nothing about a backend before it
    }
    await fail([...training, "--out", "killed"], 1, /go on with kws train --resume killed/, { cwd });
    await succeed(["train", "--resume", "killed"], { cwd });
    expect(resultOf("killed")).toEqual(resultOf("whole"));
  });

  test("a training stopped within an epoch and resumed ends as one that was not stopped", async () => {
    const flags = ["--epochs", "3", "--out", "stopped"];
    const stopped = await kws([...training, ...flags], { cwd, interruptAt: "backend: " });
    expect(stopped.code).toBe(130);
    expect(stopped.stdout).toBe("");
    expect(stopped.stderr).toMatch(/^stopped; .*: continue with kws train --resume stopped$/m);
    const { position } = JSON.parse(readFileSync(at("stopped/last/state.json"), "utf8"));
    expect(position.epoch).toBe(1);
    expect(position.batch).toBeGreaterThan(0);

    const { stderr } = await succeed(["train", "--resume", "stopped"], { cwd });
    expect(stderr).toContain(`resuming stopped at epoch 1, batch ${position.batch + 1}`);
    expect(resultOf("stopped")).toEqual(resultOf("whole"));
  });

  test("more epochs end as if they had been asked for at once; fewer are wrong usage", async () => {
    await succeed([...training, "--epochs", "2", "--out", "longer"], { cwd });
    await succeed(["train", "--resume", "longer", "--epochs", "3"], { cwd });
    expect(resultOf("longer")).toEqual(resultOf("whole"));
    await fail(
      ["train", "--resume", "longer", "--epochs", "2"],
      2,
      /--epochs: expected at least the 3 epochs .*, found 2$/m,
      {
        cwd,
      },
    );
  });

  test("a finished run changes nothing and prints its figures again", async () => {
    const before = resultOf("whole");
    const { stdout, stderr } = await succeed(["train", "--resume", "whole"], { cwd });
    expect(stderr).toContain("whole has all its 3 epochs");
    expect(stdout).toMatch(/^test accuracy/m);
    expect(resultOf("whole")).toEqual(before);
  });

  test("a training that stopped early stays so", async () => {
    // Of 12 clips an accuracy cannot rise 13 times.
    const flags = ["--early-stop", "1", "--monitor", "valAccuracy", "--epochs", "20", "--out", "early"];
    const { stderr } = await succeed([...training, ...flags], { cwd });
    expect(stderr).toContain("stopped early: valAccuracy has not improved for 1 epoch");
    const { epochs } = await succeedWithJson<TrainSummary>(["train", "--resume", "early"], { cwd });
    expect(epochs).toBe(runAt("early").readHistory().length);
    expect(epochs).toBeLessThan(20);
  });

  test("a run that is missing, or whose state is damaged", async () => {
    await fail(
      ["train", "--resume", "absent"],
      1,
      /absent: expected a run folder or the name of a shipped model/,
      { cwd },
    );
    const state = JSON.parse(readFileSync(at("json/last/state.json"), "utf8"));
    const tensors = at("json/last", state.tensorFile);
    writeFileSync(tensors, readFileSync(tensors).subarray(4));
    await fail(["train", "--resume", "json"], 1, /is damaged: expected \d+ bytes, found \d+/, { cwd });
  });

  test("data that has changed since is refused", async () => {
    writeEasyTones(at("changing.npz"));
    const flags = ["--data", "changing.npz", ...easyTraining, "--epochs", "1", "--out", "changed"];
    await succeed(["train", ...flags], { cwd });
    writeEasyTones(at("changing.npz"), { seed: 2 });
    await fail(["train", "--resume", "changed"], 1, /changing\.npz has changed since the run was trained/, {
      cwd,
    });
    rmSync(at("changing.npz"));
    await fail(["train", "--resume", "changed"], 1, /cannot read .*changing\.npz: no such file/, { cwd });
  });
});

test("without a clip for a part, or with clips too short for the model, nothing is written", async () => {
  writeTones(at("few.npz"), { perLabel: 3, rate: 1024, speakers: 2 });
  writeTones(at("short.npz"), { rate: 64 });
  const before = contentOf(cwd);
  const few = ["train", "--data", "few.npz", "--model", "conv1d", "--backend", "cpu", "--out", "none"];
  await fail(few, 1, /the training part of the speaker split has no clip .*--split random/, { cwd });
  await fail([...few, "--split", "official"], 1, /the \w+ part of the official split has no clip/, { cwd });
  const short = [
    "train",
    "--data",
    "short.npz",
    "--model",
    "spectrogram",
    "--backend",
    "cpu",
    "--out",
    "none",
  ];
  await fail(short, 1, /spectrogram cannot take clips as short as 64 samples/, { cwd });
  await fail(
    [...short, "--labels", "yes,perhaps"],
    1,
    /no clip labelled perhaps; its labels are no, up, yes/,
    { cwd },
  );
  expect(contentOf(cwd)).toEqual(before);
});
