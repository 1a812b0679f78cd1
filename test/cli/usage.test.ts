import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { contentOf, fail, kws, program, succeed, writeEasyTones } from "../helpers/kws.js";

const cwd = mkdtempSync(join(tmpdir(), "keyspot-usage-"));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));
beforeAll(() => writeEasyTones(join(cwd, "tones.npz")));

const commands = ["train", "evaluate", "predict", "compare", "models", "doctor", "backend install"];

// Windows has no executable bit: there npm writes a script that starts node.
test.skipIf(process.platform === "win32")(
  "a build leaves a command that runs by itself, as npx starts it",
  () => {
    expect(execFileSync(program, ["--version"], { encoding: "utf8" })).toMatch(/^\d+\.\d+\.\d+\n$/);
  },
);

describe("help", () => {
  test("kws alone prints the help to stderr and is wrong usage", async () => {
    const { code, stdout, stderr } = await kws([]);
    expect(code).toBe(2);
    expect(stdout).toBe("");
    for (const name of commands) expect(stderr).toContain(`  ${name.split(" ")[0]} `);
    expect(stderr).not.toContain("error:");
  });

  test("kws --help prints it to stdout, with an example", async () => {
    const { stdout, stderr } = await succeed(["--help"]);
    expect(stdout).toMatch(/Example:\n {2}\$ kws train /);
    expect(stderr).toBe("");
  });

  test.each(commands)("kws %s --help has examples and the flags that every command takes", async (name) => {
    const { stdout, stderr } = await succeed([...name.split(" "), "--help"]);
    expect(stdout).toMatch(new RegExp(`Examples?:\\n  \\$ kws ${name}\\b`));
    for (const flag of ["--json", "--quiet", "--no-color", "--config <file>", "--debug"])
      expect(stdout).toContain(flag);
    expect(stderr).toBe("");
  });

  test("kws --version prints the package's version", async () => {
    const { stdout } = await succeed(["--version"]);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

// Wrong usage is 2 "whatever the files say": none of the files here exists.
const train = ["train", "--data", "absent.npz", "--model", "conv1d"];
const wrongUsage: [string, string[], RegExp][] = [
  ["an unknown command", ["frobnicate"], /unknown command 'frobnicate'/],
  ["a misspelt command", ["trian"], /Did you mean train\?/],
  ["an unknown flag", [...train, "--frob"], /unknown option '--frob'/],
  ["a misspelt flag", [...train, "--epoch", "3"], /Did you mean --epochs\?/],
  [
    "an unknown model",
    ["train", "--data", "absent.npz", "--model", "conv3d"],
    /"conv3d".*there are conv1d, skip/,
  ],
  ["no data", ["train", "--model", "conv1d"], /--data: expected .*found nothing/],
  ["no model", ["train", "--data", "absent.npz"], /--model: expected .*found nothing/],
  [
    "negative epochs",
    [...train, "--epochs", "-1"],
    /--epochs: expected a whole number of at least 1, found -1/,
  ],
  ["half an epoch", [...train, "--epochs", "1.5"], /--epochs: expected a whole number .*found 1\.5/],
  ["epochs in words", [...train, "--epochs", "ten"], /--epochs: expected .*found "ten"/],
  ["a batch of 0", [...train, "--batch-size", "0"], /--batch-size: .*found 0/],
  ["a learning rate of 0", [...train, "--learning-rate", "0"], /--learning-rate: .*above 0, found 0/],
  ["a width of 0", [...train, "--width", "0"], /--width: .*above 0, found 0/],
  [
    "an unknown recipe",
    [...train, "--augment", "noise"],
    /--augment: expected strengths, or one of none, standard, found "noise"/,
  ],
  [
    "a teacher's share without a teacher",
    [...train, "--teacher-weight", "0.3"],
    /--teacher-weight: counts only beside --teacher; /,
  ],
  [
    "frozen epochs without a run to start from",
    [...train, "--freeze-epochs", "2"],
    /--freeze-epochs: counts only beside --from; /,
  ],
  [
    "an unknown strength",
    [...train, "--augment", '{"nois": 1}'],
    /--augment: nois is not known to this version; expected speed, timeShiftMs, reverb, noise, gainDb, /,
  ],
  [
    "strengths that are no JSON",
    [...train, "--augment", "{'bad'"],
    /^error: --augment: expected a name or an object in JSON, found \{'bad': /,
  ],
  [
    "an unknown split",
    [...train, "--split", "even"],
    /--split: expected one of speaker, random, course, official/,
  ],
  ["an unknown backend", [...train, "--backend", "gpu"], /--backend: expected one of auto, .*found "gpu"/],
  ["a limit of 0", [...train, "--limit", "0"], /--limit: .*found 0/],
  ["a share of 1", [...train, "--val-size", "1"], /--val-size: expected a share .*found 1/],
  [
    "shares that leave nothing",
    [...train, "--val-size", "0.5", "--test-size", "0.5"],
    /--val-size and --test-size: .*found 0\.5 and 0\.5/,
  ],
  [
    "a share where parts are fixed",
    [...train, "--split", "course", "--test-size", "0.2"],
    /--test-size: the course split has parts of its own/,
  ],
  [
    "SpecAugment on samples",
    [...train, "--augment", '{"specAugment": {"bands": 5, "frames": 20}}'],
    /--augment: specAugment hides parts of a picture, and the model conv1d sees the samples/,
  ],
  ["one label", [...train, "--labels", "yes"], /--labels: expected at least two labels, found \["yes"\]/],
  ["a label twice", [...train, "--labels", "yes,no,yes"], /--labels: expected each label once/],
  ["a negative seed", [...train, "--seed", "-3"], /--seed: .*found -3/],
  ["a setting beside --resume", ["train", "--resume", "absent", "--batch-size", "4"], /found --batch-size/],
  ["--out beside --resume", ["train", "--resume", "absent", "--out", "x"], /found --out/],
  ["no run", ["evaluate"], /missing required argument 'run'/],
  ["an unknown part", ["evaluate", "absent", "--part", "half"], /'half' is invalid.*test, val, train, all/],
  ["a run too many", ["evaluate", "absent", "absent"], /too many arguments/],
  ["no WAV", ["predict", "absent"], /expected WAV files .*found none/],
  ["--index without --data", ["predict", "absent", "a.wav", "--index", "3"], /--index needs --data/],
  ["--data without --index", ["predict", "absent", "--data", "absent.npz"], /--data needs --index/],
  [
    "--save-wav without --data",
    ["predict", "absent", "a.wav", "--save-wav", "b.wav"],
    /--save-wav needs --data/,
  ],
  ["a WAV and --data", ["predict", "absent", "a.wav", "--data", "d", "--index", "0"], /found both/],
  ["a negative index", ["predict", "absent", "--data", "d", "--index", "-1"], /--index: .*found "-1"/],
  ["the top 0", ["predict", "absent", "a.wav", "--top-k", "0"], /--top-k: .*at least 1, found "0"/],
  ["one run to compare", ["compare", "absent"], /at least two run folders.*found 1/],
  ["the same run twice", ["compare", "absent", "./absent/"], /expected different run folders/],
  ["runs and models", ["compare", "a", "b", "--models", "conv1d,skip"], /found both/],
  ["one model to compare", ["compare", "--data", "d", "--models", "conv1d"], /at least two different models/],
  ["an unknown model to compare", ["compare", "--data", "d", "--models", "conv1d,x"], /unknown model "x"/],
  [
    "a training's flag for runs",
    ["compare", "a", "b", "--epochs", "3"],
    /--epochs: only together with --models/,
  ],
  ["an unknown backend for runs", ["compare", "a", "b", "--backend", "gpu"], /--backend: .*found "gpu"/],
  ["models for one label", ["models", "--label-count", "1"], /--label-count: .*at least 2, found "1"/],
  ["models of width 0", ["models", "--width", "0"], /--width: expected a number above 0, found "0"/],
];

// Usage is judged before files: here a file stands where a folder is to go, or the config file is missing.
const before: [string, string[], RegExp][] = [
  [
    "an unknown model",
    [...train.slice(0, 3), "--model", "nope", "--out", "tones.npz"],
    /unknown model "nope"/,
  ],
  ["a decay for Adam", [...train, "--weight-decay", "1", "--out", "tones.npz"], /--weight-decay: Adam takes/],
  ["no runs", ["compare", "--report", "tones.npz"], /at least two run folders.*found 0/],
  [
    "a flag for runs",
    ["compare", "a", "b", "--epochs", "3", "--report", "tones.npz"],
    /--epochs: only together/,
  ],
  ["an unknown model to compare", ["compare", "--models", "a,b", "--data", "d", "--out", "tones.npz"], /"a"/],
  ["negative epochs", ["train", "--config", "absent.json", "--epochs", "-1"], /--epochs: .*found -1/],
  ["an unknown model", ["train", "--config", "absent.json", "--model", "nope"], /unknown model "nope"/],
  ["--config beside --resume", ["train", "--resume", "absent", "--config", "absent.json"], /found --config/],
];
test.each(before)("%s is wrong usage, whatever the files say", async (_, args, message) => {
  await fail(args, 2, message, { cwd });
});

const empty: [string[], RegExp][] = [
  [[...train, "--out", ""], /^error: --out <folder>: expected a value, found ""$/m],
  [["train", "--resume", ""], /--resume <run>: expected a value/],
  [["evaluate", ""], /^error: <run>: expected a value, found ""$/m],
  [["predict", "absent", ""], /<files>: expected a value/],
  [["compare", "absent", "", "--report", "r"], /<runs>: expected a value/],
];
test.each(empty)("an empty text is wrong usage: %j", async (args, message) => {
  await fail(args, 2, message, { cwd });
});

test.each(wrongUsage)("%s is wrong usage", async (_, args, message) => {
  const before = contentOf(cwd);
  await fail(args, 2, message, { cwd });
  expect(contentOf(cwd)).toEqual(before);
});

describe("--config", () => {
  const config = (text: string) => {
    writeFileSync(join(cwd, "config.json"), text);
    return ["--config", "config.json"];
  };
  const ofFile = (settings: object) => config(JSON.stringify(settings));

  test("an unknown key is wrong usage, in every command", async () => {
    const key = { epochz: 3 };
    await fail(["train", ...ofFile(key)], 2, /config\.json: unknown setting epochz; expected .*epochs/, {
      cwd,
    });
    await fail(["compare", "a", "b", ...ofFile(key)], 2, /unknown setting epochz/, { cwd });
    await fail(["evaluate", "a", ...ofFile(key)], 2, /unknown setting epochz; expected .*predictions/, {
      cwd,
    });
    await fail(["predict", "a", "b.wav", ...ofFile(key)], 2, /unknown setting epochz/, { cwd });
    await fail(["models", ...ofFile(key)], 2, /unknown setting epochz; expected .*labelCount/, { cwd });
  });

  test("a value is checked as the flag's is, and the message names the file", async () => {
    await fail([...train, ...ofFile({ epochs: -2 })], 2, /--epochs in config\.json: .*found -2/, { cwd });
    await fail([...train, ...ofFile({ epochs: [3] })], 2, /--epochs in config\.json: .*found \[3\]/, { cwd });
    await fail(["models", ...ofFile({ width: 0 })], 2, /--width: .*found "0" in config\.json/, { cwd });
    await fail(["models", ...ofFile({ json: "yes" })], 2, /--json in config\.json: expected true or false/, {
      cwd,
    });
    await fail(["evaluate", "a", ...ofFile({ part: "half" })], 2, /--part in config\.json: expected one of/, {
      cwd,
    });
  });

  test("a run's own is passed to compare too, which names its models itself", async () => {
    const flags = ["--data", "absent.npz", "--models", "conv1d,skip", "--backend", "cpu"];
    const ofRun = ofFile({ keyspot: "0.1.0", format: 1, model: "spectrogram", width: 0.05 });
    await fail(["compare", ...ofRun, ...flags], 1, /cannot read absent\.npz/, { cwd });
    await fail(["evaluate", "a", ...ofRun], 2, /unknown setting model, width/, { cwd });
  });

  test("what a command cannot do without may come from it", async () => {
    const { stdout } = await succeed(
      ["signal", "sine", ...ofFile({ frequency: 1, rate: 4, duration: "1s" })],
      { cwd },
    );
    expect(stdout).toBe("1, 0, -1, 0\n");
    await fail(["signal", "sine", ...ofFile({ frequency: 1 })], 2, /required option '--rate <hz>'/, { cwd });
  });

  test("of a run's own, what it started from does not count in a comparison", async () => {
    const ofRun = ofFile({ keyspot: "0.1.0", format: 1, model: "skip", from: "base", freezeEpochs: 3 });
    const flags = ["--data", "absent.npz", "--models", "conv1d,skip", "--backend", "cpu"];
    await fail(["compare", ...ofRun, ...flags], 1, /cannot read absent\.npz/, { cwd });
  });

  test("flag over file over default", async () => {
    const params = async (args: string[]) => {
      const { stdout } = await succeed(["models", "--json", ...args], { cwd });
      return (JSON.parse(stdout) as { params: number }[])[0]!.params;
    };
    const file = ofFile({ width: 0.1, labelCount: 5 });
    const [both, overWidth] = [await params(file), await params([...file, "--width", "0.05"])];
    expect(both).toBe(await params(["--width", "0.1", "--label-count", "5"]));
    expect(overWidth).toBe(await params(["--width", "0.05", "--label-count", "5"]));
    expect(both).not.toBe(overWidth);
  });

  test("a file that is missing, no JSON or no object is an error", async () => {
    await fail(
      ["models", "--config", "absent.json"],
      1,
      /--config: expected a file .*, found absent\.json$/m,
      { cwd },
    );
    await fail(["models", ...config('{"width": 0.5')], 1, /config\.json is not valid JSON/, { cwd });
    await fail(["models", ...config("[1]")], 1, /config\.json: expected a JSON object .*found \[1\]/, {
      cwd,
    });
  });
});

describe("--debug", () => {
  test("adds a stack trace to the error", async () => {
    const { code, stderr } = await kws([...train, "--debug"], { cwd });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: cannot read absent\.npz: no such file or folder$/m);
    expect(stderr).toMatch(/^ {4}at /m);
  });
});

describe("colours", () => {
  // A terminal is stood for by FORCE_COLOR.
  const models = (args: string[], env: Record<string, string>) =>
    succeed(["models", "--width", "0.05", ...args], { env });
  const colour = "\u001b[";

  test("are there where they are asked for, and not in a pipe", async () => {
    expect((await models([], { FORCE_COLOR: "1" })).stdout).toContain(colour);
    expect((await models([], {})).stdout).not.toContain(colour);
  });

  test("are left out with --no-color and with NO_COLOR", async () => {
    expect((await models(["--no-color"], { FORCE_COLOR: "1" })).stdout).not.toContain(colour);
    expect((await models([], { FORCE_COLOR: "1", NO_COLOR: "1" })).stdout).not.toContain(colour);
    const { stderr } = await kws(["models", "--width", "0", "--no-color"], { env: { FORCE_COLOR: "1" } });
    expect(stderr).toMatch(/^error: /);
  });
});
