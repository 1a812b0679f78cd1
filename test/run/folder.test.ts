import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { encodeWav } from "../../src/audio/wav/decode.js";
import { startBackend } from "../../src/backend/start.js";
import { packageVersion } from "../../src/base/version.js";
import { buildModel } from "../../src/models/registry.js";
import { type EpochRecord, type RunConfig, RunFolder } from "../../src/run/folder.js";
import { resolveSettings } from "../../src/run/settings.js";
import { writeState } from "../../src/train/callbacks/state.js";
import { startPosition } from "../../src/train/loop.js";
import { resumeTraining, train } from "../../src/train/train.js";
import { writeTones } from "../helpers/clips.js";

const folder = mkdtempSync(join(tmpdir(), "keyspot-run-"));
const at = (...path: string[]) => join(folder, ...path);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const config: Omit<RunConfig, "format"> = {
  ...resolveSettings({ data: ["sample"], model: "conv1d", width: 0.05 }),
  labels: ["yes", "no"],
  sampleRate: 64,
  split: "random",
  keyspot: packageVersion,
  input: "waveform",
  params: 1,
  labelsChosen: true,
  clipLength: 64,
  sources: [{ path: "sample", fingerprint: "0".repeat(64), rows: 60 }],
  examples: { train: 40, val: 10, test: 10 },
};
const build = (labelCount = 2) =>
  buildModel("conv1d", { labelCount, sampleRate: 64, clipLength: 64, width: 0.05, seed: 3 });

beforeAll(async () => {
  await startBackend("cpu", "short");
  const run = new RunFolder(at("run"));
  run.begin(config, false);
  run.unlock();
  await run.writeBest(build());
});

/** A copy of the run, to be damaged. */
function copyOfRun(): RunFolder {
  const path = mkdtempSync(at("copy-"));
  cpSync(at("run"), path, { recursive: true });
  return new RunFolder(path);
}

const changed = (change: (config: Record<string, unknown>) => unknown) => {
  const run = copyOfRun();
  writeFileSync(run.configPath, JSON.stringify(change(JSON.parse(readFileSync(run.configPath, "utf8")))));
  return run;
};

/** A mistake that is the files', not the usage's, told in one line. */
const mistake = (message: RegExp) =>
  expect.objectContaining({ name: "UserError", exitCode: 1, message: expect.stringMatching(message) });

function mistakeOf(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return "no error";
}

describe("config.json", () => {
  test("reads as it was written", () => {
    expect(new RunFolder(at("run")).readConfig()).toEqual({ ...config, format: 1 });
  });

  const cases: [string, () => RunFolder, RegExp][] = [
    ["no folder", () => new RunFolder(at("absent")), /absent: no such run folder$/],
    [
      "an empty folder",
      () => new RunFolder(mkdtempSync(at("empty-"))),
      /expected config\.json, found nothing$/,
    ],
    ["a folder of other things", () => new RunFolder(folder), /expected config\.json, found .*run/],
    ["a file", () => new RunFolder(at("run", "config.json")), /is no run folder: .*found a file$/],
    ["another program's", () => changed(() => ({ name: "x" })), /is no run folder: .*names no version/],
    ["an array", () => changed(() => []), /is no run folder/],
    ["null", () => changed(() => null), /is no run folder/],
    [
      "a later format",
      () => changed((all) => ({ ...all, keyspot: "9.0.0", format: 2 })),
      /was written by keyspot 9\.0\.0 in run format 2, expected format 1$/,
    ],
    [
      "a setting of a later version",
      () => changed((all) => ({ ...all, keyspot: "0.9.0", dithering: 1 })),
      /written by keyspot 0\.9\.0: dithering is not known to this version$/,
    ],
    [
      "a key missing",
      () => changed(({ clipLength: _, ...others }) => others),
      /clipLength: expected a whole number of at least 1, found nothing$/,
    ],
    [
      "a value of the wrong kind within",
      () => changed((all) => ({ ...all, examples: { train: 1, val: "two", test: 3 } })),
      /examples\.val: expected a whole number of at least 1, found "two"$/,
    ],
    [
      "a long wrong value, which is cut",
      () => changed((all) => ({ ...all, sources: "x".repeat(1000) })),
      /sources: expected a list of what was read, found "x{78}…$/,
    ],
  ];
  test.each(cases)("%s is refused", (_, run, message) => {
    expect(mistakeOf(() => run().readConfig())).toEqual(mistake(message));
  });
});

describe("best/", () => {
  test("gives the model back, weight for weight", async () => {
    const [written, read] = [build(), await new RunFolder(at("run")).readBest()];
    expect(read.countParams()).toBe(written.countParams());
    const input = tf.randomNormal([3, 64], 0, 1, "float32", 1);
    const [a, b] = [written, read].map((model) => (model.predict(input) as tf.Tensor).dataSync());
    expect(a).toEqual(b);
  });

  const damage = (work: (run: RunFolder) => void) => () => {
    const run = copyOfRun();
    work(run);
    return run;
  };
  const rewriteModel = (change: (text: string) => string) =>
    damage((run) => writeFileSync(run.bestModelPath, change(readFileSync(run.bestModelPath, "utf8"))));
  const cases: [string, () => RunFolder, RegExp][] = [
    ["no model yet", damage((run) => rmSync(run.bestModelPath)), /has no trained model yet: .*--resume/],
    ["no weights", damage((run) => rmSync(run.bestWeightsPath)), /cannot read .*weights\.bin: no such file/],
    [
      "weights cut short",
      damage((run) => writeFileSync(run.bestWeightsPath, readFileSync(run.bestWeightsPath).subarray(8))),
      /best is damaged: the weights are \d+ bytes, \d+ were expected$/,
    ],
    ["half a model.json", rewriteModel((text) => text.slice(0, 500)), /model\.json is not valid JSON/],
    [
      "a model.json without weights",
      rewriteModel(() => '{"modelTopology": {}}'),
      /model\.json is damaged: weightsManifest: expected a list of weights, found nothing$/,
    ],
    [
      "weights that are none",
      rewriteModel(() => '{"modelTopology": {}, "weightsManifest": [{"weights": [3]}]}'),
      /model\.json is damaged: weightsManifest\.0\.weights\.0: expected .*found 3$/,
    ],
    [
      "a layer that nobody knows",
      rewriteModel((text) => text.replaceAll('"BatchNormalization"', '"BatchMagic"')),
      /best is damaged: Unknown layer: BatchMagic/,
    ],
    [
      "a model for other labels",
      () => changed((all) => ({ ...all, labels: ["a", "b", "c"] })),
      /is of another run: expected \[batch, 64\] in and \[batch, 3\] out, found \[,64\] and \[,2\]$/,
    ],
    [
      "a model for other clips",
      () => changed((all) => ({ ...all, clipLength: 65 })),
      /is of another run: expected \[batch, 65\] in/,
    ],
  ];
  test.each(cases)("%s is refused", async (_, run, message) => {
    const error = await run()
      .readBest()
      .catch((reason: unknown) => reason);
    expect(error).toEqual(mistake(message));
    expect((error as Error).message).not.toContain("\n");
  });
});

describe("history.json", () => {
  const record: EpochRecord = {
    ...{ epoch: 1, loss: 0.5, accuracy: 0.75, valLoss: 0.6, valAccuracy: 0.7 },
    ...{ learningRate: 1e-4, seconds: 2.5 },
  };

  test("reads as it was written, a loss that was no number too", () => {
    const run = copyOfRun();
    const history = [record, { ...record, epoch: 2, loss: Number.NaN, valLoss: Number.NaN }];
    run.writeHistory(history);
    expect(run.readHistory()).toEqual(history);
  });

  test("is refused where it is damaged", () => {
    const run = copyOfRun();
    const written = (value: unknown) => {
      writeFileSync(run.historyPath, JSON.stringify(value));
      return mistakeOf(() => run.readHistory());
    };
    expect(mistakeOf(() => run.readHistory())).toEqual(mistake(/cannot read .*history\.json: no such file/));
    expect(written({})).toEqual(mistake(/history\.json is damaged: expected a list of epochs, found \{\}$/));
    expect(written([record, 3])).toEqual(mistake(/damaged: 1: expected an epoch's figures, found 3$/));
    expect(written([{ ...record, accuracy: "high" }])).toEqual(
      mistake(/damaged: 0\.accuracy: expected a number, found "high"$/),
    );
  });
});

/** Every file and its content. */
function contentOf(path: string): Record<string, string> {
  const names = readdirSync(path, { recursive: true, encoding: "utf8" });
  const files = names.filter((name) => statSync(join(path, name)).isFile()).sort();
  return Object.fromEntries(files.map((name) => [name, readFileSync(join(path, name), "base64")]));
}

describe("an output folder", () => {
  const holding = (...names: string[]) => {
    const path = mkdtempSync(at("out-"));
    for (const name of names) {
      mkdirSync(dirname(join(path, name)), { recursive: true });
      writeFileSync(join(path, name), "mine");
    }
    return new RunFolder(path);
  };
  const lostConfig = () => {
    const run = copyOfRun();
    run.writeHistory([]);
    rmSync(run.configPath);
    return run;
  };
  const check = (run: RunFolder, replace: boolean) => mistakeOf(() => run.checkFree(replace));

  test("is free where it is not there, or empty", () => {
    expect(check(new RunFolder(at("nowhere")), false)).toBe("no error");
    expect(check(holding(), false)).toBe("no error");
  });

  test("that holds anything is not", () => {
    expect(check(copyOfRun(), false)).toEqual(mistake(/already holds a run: .*--resume .* with --force$/));
    expect(check(lostConfig(), false)).toEqual(mistake(/already holds a run: .*--force$/));
    expect(check(holding("notes.txt", "best/model.json"), false)).toEqual(
      mistake(/is not empty \(best, notes\.txt\), a new or an empty folder was expected: .*--force$/),
    );
    expect(check(holding("a", "b", "c", "d", "e", "f"), false)).toEqual(mistake(/\(a, b, c, d, e, …\)/));
  });

  test("can be taken with force, but no file that is not ours", () => {
    expect(check(copyOfRun(), true)).toBe("no error");
    expect(check(lostConfig(), true)).toBe("no error");
    expect(check(holding("notes.txt", "best/notes.txt"), true)).toBe("no error");
    for (const name of ["config.json", "history.json", "best/model.json", "last/state.json", "curves.png"])
      expect(check(holding(name), true), name).toEqual(mistake(/was not written by keyspot and is left/));
  });
});

describe("a run in the place of another", () => {
  const foreign = ["last/mine.bin", "best/mine.txt", "mine.txt"];
  let old: RunFolder;
  let before: Record<string, string>;
  beforeEach(() => {
    old = copyOfRun();
    old.writeHistory([]);
    mkdirSync(old.lastPath);
    for (const name of [...foreign, "last/state.json", "last/tensors-7-1.bin", "curves.svg"])
      writeFileSync(join(old.path, name), "x");
    before = contentOf(old.path);
  });
  /** One that has all but its state. */
  async function begun(): Promise<RunFolder> {
    const run = new RunFolder(old.path);
    run.begin({ ...config, seed: 8 }, true);
    run.unlock();
    await run.writeBest(build());
    return run;
  }
  const state = { position: startPosition(), optimizerStep: 9, callbacks: {} };
  function expectReplaced(): void {
    const run = new RunFolder(old.path);
    expect(run.readConfig().seed).toBe(8);
    expect(Object.keys(contentOf(run.path))).toEqual(
      [
        ...foreign,
        "best/model.json",
        "best/weights.bin",
        "config.json",
        "last/state.json",
        "last/tensors-9-1.bin",
      ].sort(),
    );
    expect(readFileSync(run.lastStatePath, "utf8")).toContain('"optimizerStep":9');
    for (const name of foreign) expect(readFileSync(join(run.path, name), "utf8"), name).toBe("x");
  }

  test("leaves it as it is until its own first state is whole, and then takes its place", async () => {
    const run = await begun();
    const { ".new-run/config.json": _, ...others } = contentOf(old.path);
    expect(others).toMatchObject(before);
    expect(new RunFolder(old.path).readConfig().seed).toBe(42);
    await writeState(run, state, []);
    expectReplaced();
    run.writeHistory([]);
    expect(existsSync(old.historyPath)).toBe(true);
  });

  test("leaves it as it was where it comes to nothing", async () => {
    (await begun()).discard();
    expect(contentOf(old.path)).toEqual(before);
    const left = await begun(); // killed, and tried again
    expect(left.path).toBe(old.path);
    await writeState(await begun(), state, []);
    expectReplaced();
  });

  test("is whole for who opens it next, wherever the taking of the place was cut short", async () => {
    for (const moved of [[], ["last/tensors-9-1.bin", "last/state.json"]]) {
      const run = await begun();
      mkdirSync(run.lastPath);
      writeFileSync(join(run.lastPath, "tensors-9-1.bin"), "");
      writeFileSync(run.lastStatePath, '{"optimizerStep":9}');
      renameSync(join(old.path, ".new-run"), join(old.path, ".new-run-whole"));
      if (moved.length > 0) {
        for (const name of Object.keys(before))
          if (!foreign.includes(name) && name !== "config.json")
            rmSync(join(old.path, name), { force: true });
      }
      for (const name of moved) renameSync(join(old.path, ".new-run-whole", name), join(old.path, name));
      expectReplaced();
      const next = new RunFolder(old.path);
      next.begin({ ...config, seed: 1 }, true);
      next.unlock();
    }
  });
});

test("a run that came to nothing leaves nothing", () => {
  const run = new RunFolder(at("new", "deep", "run"));
  run.begin(config, false);
  run.discard();
  expect(existsSync(at("new"))).toBe(false);
  const shared = new RunFolder(mkdtempSync(at("shared-")));
  writeFileSync(join(shared.path, "mine.txt"), "x");
  shared.begin(config, true);
  shared.discard();
  expect(Object.keys(contentOf(shared.path))).toEqual(["mine.txt"]);
});

test("two trainings do not share a folder", () => {
  const path = at("shared-run");
  const [first, second] = [new RunFolder(path), new RunFolder(path)];
  first.checkFree(false);
  second.checkFree(false); // both found it free before they read their data
  first.begin(config, false);
  const before = contentOf(path);
  expect(() => second.begin({ ...config, seed: 8 }, false)).toThrow(/is being trained by another process/);
  expect(() => second.begin({ ...config, seed: 8 }, true)).toThrow(/is being trained by another process/);
  expect(() => second.checkFree(true)).toThrow(/is being trained by another process/);
  expect(() => second.lock()).toThrow(/is being trained by another process/);
  expect(contentOf(path)).toEqual(before);
  first.unlock();
  expect(() => second.begin({ ...config, seed: 8 }, false)).toThrow(/already holds a run/);
  expect(Object.keys(contentOf(path))).toEqual(["config.json"]);
  // A process that was killed leaves its lock: 2^22 is above all the numbers that Linux gives.
  writeFileSync(join(path, ".training"), `${2 ** 22 + 1}\n`);
  second.lock();
  second.unlock();
  expect(existsSync(join(path, ".training"))).toBe(false);
});

describe("a run without a model says why", () => {
  const record: EpochRecord = {
    ...{ epoch: 1, loss: 0.5, accuracy: 0.75, valLoss: 0.6, valAccuracy: 0.7 },
    ...{ learningRate: 1e-4, seconds: 2.5 },
  };
  const withoutModel = (history: EpochRecord[] | undefined, hasState: boolean) => {
    const run = new RunFolder(mkdtempSync(at("early-")));
    run.begin(config, false);
    if (history !== undefined) run.writeHistory(history);
    if (hasState) {
      mkdirSync(run.lastPath);
      writeFileSync(run.lastStatePath, "{}");
    }
    return mistakeOf(() => run.checkTrained());
  };

  test("and what to do", () => {
    const begins =
      /no trained model yet: it was stopped before its first epoch was done; .*--resume .* begins it again$/;
    expect(withoutModel(undefined, false)).toEqual(mistake(begins));
    expect(withoutModel([record], false)).toEqual(mistake(begins));
    expect(withoutModel(undefined, true)).toEqual(mistake(/within its first epoch; go on with .*--resume/));
    const diverged = [record, record].map((each) => ({ ...each, valLoss: Number.NaN }));
    expect(withoutModel(diverged, true)).toEqual(
      mistake(/its training diverged; .*--learning-rate than 0\.0001$/),
    );
    expect(withoutModel([{ ...record, valLoss: 1e9 }], true)).toEqual(mistake(/diverged/));
    expect(withoutModel([record, record], true)).toEqual(mistake(/is damaged: .*model\.json is missing$/));
    expect(withoutModel([record, record], false)).toEqual(mistake(/is damaged/));
  });
});

describe("last/", () => {
  const settings = { model: "conv1d", width: 0.05, epochs: 2, backend: "cpu" };
  let state: { tensorFile: string; tensors: { name: string }[] };
  beforeAll(async () => {
    writeTones(at("tones.npz"), { rate: 64 });
    await train(resolveSettings({ data: [at("tones.npz")], ...settings }), { out: at("trained") });
    state = JSON.parse(readFileSync(at("trained/last/state.json"), "utf8"));
  });
  const withState = (text: string) => writeFileSync(at("trained/last/state.json"), text);
  const resume = () => resumeTraining(at("trained"), { epochs: 3 }).catch((reason: unknown) => reason);

  test("without it a run begins again, and becomes what it would have been", async () => {
    const run = new RunFolder(at("killed"));
    mkdirSync(join(run.path, "best"), { recursive: true });
    cpSync(at("trained/config.json"), run.configPath);
    writeFileSync(run.bestWeightsPath, "half of it"); // the first epoch was just being stored
    const lines: string[] = [];
    await resumeTraining(run.path, {}, { report: (line) => lines.push(line) });
    expect(lines).toContain(`${run.path} was stopped before its first epoch was done: it begins again`);
    const [whole, again] = [contentOf(at("trained")), contentOf(run.path)];
    expect(Object.keys(again)).toEqual(Object.keys(whole));
    for (const name of ["config.json", "best/weights.bin", `last/${state.tensorFile}`])
      expect(again[name], name).toBe(whole[name]);
  });

  test("is refused where it is damaged or of another run", async () => {
    const tensors = at("trained/last", state.tensorFile);
    const bytes = readFileSync(tensors);
    rmSync(tensors);
    expect(await resume()).toEqual(mistake(/cannot read .*tensors-.*\.bin: no such file/));
    writeFileSync(tensors, bytes.subarray(4));
    expect(await resume()).toEqual(mistake(/tensors-.*\.bin is damaged: expected \d+ bytes, found \d+$/));
    writeFileSync(tensors, bytes);
    withState(JSON.stringify({ ...state, tensors: state.tensors.slice(1) }));
    expect(await resume()).toEqual(mistake(/state\.json is of another run/));
    withState(JSON.stringify({ ...state, position: { epoch: 2 } }));
    expect(await resume()).toEqual(
      mistake(/state\.json is damaged: position\.batch: expected a number, found nothing$/),
    );
    withState("{");
    expect(await resume()).toEqual(mistake(/state\.json is not valid JSON/));
    rmSync(at("trained/last/state.json"));
    expect(await resume()).toEqual(mistake(/has no state to resume from/));
    withState(JSON.stringify(state));
    // Keys in an order of their own stay in it.
    const config = JSON.parse(readFileSync(at("trained/config.json"), "utf8")) as object;
    const turned = Object.fromEntries(Object.entries(config).reverse());
    writeFileSync(at("trained/config.json"), JSON.stringify(turned));
    expect(await resume()).toMatchObject({ epochs: 3 });
    const after = JSON.parse(readFileSync(at("trained/config.json"), "utf8")) as object;
    expect(JSON.stringify(after)).toBe(JSON.stringify({ ...turned, epochs: 3 }));
  });

  test("is not gone on from with other noise", async () => {
    const noise = (level: number) => {
      mkdirSync(at("noise"), { recursive: true });
      const wave = Float32Array.from({ length: 8000 }, (_, i) => level * Math.sin(i * i));
      writeFileSync(at("noise/wind.wav"), encodeWav(wave, 8000));
    };
    noise(0.1);

    const augment = { noise: { probability: 1, snrDb: [0, 10], folder: at("noise") } };
    const noisy = { ...settings, epochs: 1, data: [at("tones.npz")], augment };
    await train(resolveSettings(noisy), { out: at("noisy") });
    const longer = () => resumeTraining(at("noisy"), { epochs: 2 }).catch((reason: unknown) => reason);
    noise(0.2);
    expect(await longer()).toEqual(
      mistake(/the noise in .*noise has changed since the run was begun with it$/),
    );
    noise(0.1);
    expect(await longer()).toMatchObject({ epochs: 2 });
  });
});
