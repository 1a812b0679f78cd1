import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startBackend } from "../src/backend/index.js";
import { buildModel } from "../src/models/registry.js";
import { type EpochRecord, type RunConfig, RunFolder } from "../src/run.js";
import { resolveSettings } from "../src/settings.js";
import { resumeTraining, train } from "../src/train/train.js";
import { packageVersion } from "../src/version.js";
import { writeTones } from "./helpers/clips.js";

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
  run.begin(config);
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
    ["no model yet", damage((run) => rmSync(run.bestModelPath)), /has no trained model yet .*--resume/],
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

describe("beginning a run", () => {
  test("takes away what an earlier one left, and nothing else", () => {
    const run = copyOfRun();
    mkdirSync(run.lastPath);
    for (const name of [
      "last/state.json",
      "last/tensors-7-1.bin",
      "last/mine.bin",
      "best/mine.txt",
      "mine.txt",
    ])
      writeFileSync(join(run.path, name), "x");
    run.begin({ ...config, seed: 8 });
    expect(run.readConfig().seed).toBe(8);
    for (const name of ["best/model.json", "best/weights.bin", "last/state.json", "last/tensors-7-1.bin"])
      expect(existsSync(join(run.path, name)), name).toBe(false);
    for (const name of ["last/mine.bin", "best/mine.txt", "mine.txt"])
      expect(existsSync(join(run.path, name)), name).toBe(true);
  });

  test("that came to nothing leaves nothing", () => {
    const run = new RunFolder(at("new", "run"));
    run.begin(config);
    run.discard();
    expect(existsSync(run.path)).toBe(false);
    const shared = new RunFolder(mkdtempSync(at("shared-")));
    writeFileSync(join(shared.path, "mine.txt"), "x");
    shared.begin(config);
    shared.discard();
    expect(existsSync(join(shared.path, "mine.txt"))).toBe(true);
    expect(shared.exists()).toBe(false);
  });
});

describe("last/", () => {
  let state: { tensorFile: string; tensors: { name: string }[] };
  beforeAll(async () => {
    writeTones(at("tones.npz"), { rate: 64 });
    const settings = { data: [at("tones.npz")], model: "conv1d", width: 0.05, epochs: 1, backend: "cpu" };
    await train(resolveSettings(settings), { out: at("trained") });
    state = JSON.parse(readFileSync(at("trained/last/state.json"), "utf8"));
  });
  const withState = (text: string) => writeFileSync(at("trained/last/state.json"), text);
  const resume = () => resumeTraining(at("trained"), { epochs: 2 }).catch((reason: unknown) => reason);

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
    expect(await resume()).toEqual(mistake(/has no state to go on from/));
    withState(JSON.stringify(state));
    expect(await resume()).toMatchObject({ epochs: 2 });
  });
});
