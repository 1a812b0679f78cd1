import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { augmentRecipes } from "../../src/data/augment/settings.js";
import {
  defaultSettings,
  flagName,
  idleSettings,
  readConfigFile,
  resolveSettings,
} from "../../src/run/settings.js";

const folder = mkdtempSync(join(tmpdir(), "keyspot-settings-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const given = { data: ["sample"], model: "conv1d" };

describe("resolveSettings", () => {
  test("flag over file over default", () => {
    const file = { path: "c.json", settings: { epochs: 3, width: 0.5 } };
    expect(resolveSettings({ ...given, epochs: 4, seed: undefined }, file)).toEqual({
      ...defaultSettings,
      ...given,
      epochs: 4,
      width: 0.5,
    });
  });

  test("the defaults are the course's", () => {
    expect(resolveSettings(given)).toMatchObject({
      epochs: 10,
      batchSize: 32,
      learningRate: 1e-4,
      width: 1,
      augment: {},
      earlyStop: 0,
      seed: 42,
      valSize: 0.1,
      testSize: 0.1,
    });
  });

  test("sizes belong to splits that have none of their own", () => {
    const sizes = { valSize: 0.2, testSize: 0.2 };
    const resolve = (flags: object, settings: object) =>
      resolveSettings({ ...given, ...flags }, { path: "c.json", settings });
    expect(() => resolve({}, { split: "official", ...sizes })).toThrow(/^--val-size in c.json: the official/);
    expect(resolve({ split: "course" }, { split: "random", ...sizes }).split).toBe("course");
    expect(resolve({ split: "random", ...sizes }, { split: "course" })).toMatchObject(sizes);
  });

  test.each([
    [{ epochs: 0 }, /^--epochs: expected a whole number of at least 1, found 0$/],
    [{ epochs: Number.POSITIVE_INFINITY }, /^--epochs: .*found Infinity$/],
    [{ learningRate: Number.NaN }, /^--learning-rate: expected a number above 0, found NaN$/],
    [{ labels: ["yes", ""] }, /^--labels: expected at least two labels, found \["yes",""\]$/],
    [{ valSize: 0.7, testSize: 0.3 }, /^--val-size and --test-size: .*found 0.7 and 0.3$/],
    [
      { split: "course", valSize: 0.2 },
      /^--val-size: the course split has parts of its own; .*found --split course$/,
    ],
    [{ split: "official", testSize: 0.2 }, /^--test-size: the official split has parts of its own/],
    [{ colour: "red" }, /^unknown setting colour$/],
    [{ augment: "loud" }, /^--augment: expected strengths, or one of none, standard, found "loud"$/],
    [
      { teacherWeight: 0.5 },
      /^--teacher-weight: counts only beside --teacher; expected both or neither, found it alone$/,
    ],
    [{ from: "run", temperature: 3 }, /^--temperature: counts only beside --teacher; /],
    [{ teacher: ["run"], freezeEpochs: 0 }, /^--freeze-epochs: counts only beside --from; /],
    [
      { augment: { colour: 3 } },
      /^--augment: colour is not known to this version; expected speed, timeShiftMs, reverb, noise, gainDb, mixup, specAugment$/,
    ],
    [
      { augment: { noise: { probability: 1, snrDb: [5, 20], snr: 3 } } },
      /^--augment: noise.snr is not known to this version; expected probability, snrDb, folder$/,
    ],
    [{ augment: { gainDb: -1 } }, /^--augment: gainDb: expected a number from 0 to 60, found -1$/],
    [
      { augment: { noise: { probability: 1, snrDb: [20, 5] } } },
      /^--augment: noise.snrDb: expected the lowest and the highest, .* found \[20,5\]$/,
    ],
    [
      { augment: { reverb: {} } },
      /^--augment: reverb.probability: expected a number from 0 to 1, found nothing$/,
    ],
  ])("%o is wrong usage", (settings, message) => {
    const resolve = () => resolveSettings({ ...given, ...settings });
    expect(resolve).toThrow(message);
    expect(resolve).toThrow(expect.objectContaining({ name: "UserError", exitCode: 2 }));
  });

  test("a file may hold what counts only beside a flag that is not given", () => {
    const settings = { teacherWeight: 0.5, temperature: 3, freezeEpochs: 1 };
    const resolve = (flags: object) => resolveSettings({ ...given, ...flags }, { path: "c.json", settings });
    const idle = (flags: object) => idleSettings(resolve(flags), settings).map(({ key }) => key);
    expect(idle({})).toEqual(["teacherWeight", "temperature", "freezeEpochs"]);
    expect(idle({ teacher: "run" })).toEqual(["freezeEpochs"]);
    expect(idle({ teacher: "run", teacherWeight: 0.2, from: "run", freezeEpochs: 2 })).toEqual([]);
  });

  test("an augmentation recipe's name stands for its strengths, which are what is kept", () => {
    const { augment } = resolveSettings({ ...given, augment: "standard" });
    expect(augment).toEqual(augmentRecipes.standard);
    expect(resolveSettings({ ...given, augment })).toEqual(
      resolveSettings({ ...given, augment: "standard" }),
    );
    const own = { gainDb: 6, noise: { probability: 0.5, snrDb: [0, 20] } };
    expect(resolveSettings({ ...given, augment: own }).augment).toEqual(own);
  });

  test("a message names the file where the value is the file's", () => {
    const file = { path: "c.json", settings: { epochs: 0, width: 0 } };
    expect(() => resolveSettings({ ...given, epochs: 2 }, file)).toThrow(/^--width in c\.json: /);
    expect(() => resolveSettings({ ...given, width: -1, epochs: 2 }, file)).toThrow(/^--width: .*found -1$/);
  });

  test("flags are the keys with dashes", () => {
    expect(flagName("batchSize")).toBe("--batch-size");
  });
});

describe("readConfigFile", () => {
  const write = (value: unknown) => {
    writeFileSync(join(folder, "config.json"), JSON.stringify(value));
    return join(folder, "config.json");
  };
  const facts = { keyspot: "1.0.0", format: 1, params: 5 };

  test("passes over what a run's own config says beside its settings", () => {
    const settings = { ...given, epochs: 3, labels: ["yes", "no"] };
    expect(readConfigFile(write({ ...settings, ...facts, labelsChosen: true }))).toEqual(settings);
    const course = { ...settings, split: "course" };
    const stored = { ...course, ...facts, labelsChosen: true, valSize: 0.1, testSize: 0.1 };
    expect(readConfigFile(write(stored))).toEqual(course); // sizes that were of no account
  });

  test("passes over what counted for nothing in a run, so that nobody is told of it", () => {
    const idle = { teacherWeight: 0.5, temperature: 2, freezeEpochs: 5 };
    expect(readConfigFile(write({ ...given, ...facts, ...idle }))).toEqual(given);
    expect(readConfigFile(write({ ...given, ...idle }))).toEqual({ ...given, ...idle }); // no run's
    const learned = { ...given, ...idle, from: "a", teacher: ["b"] };
    expect(readConfigFile(write({ ...learned, ...facts }))).toEqual(learned);
    const own = { ...given, freezeEpochs: 1 }; // or repeating the run would make another config of it
    expect(readConfigFile(write({ ...own, ...facts }))).toEqual(own);
  });

  test("takes a run's labels only where they were chosen", () => {
    const settings = { ...given, labels: ["yes", "no"], ...facts, labelsChosen: false };
    expect(readConfigFile(write(settings))).toEqual(given);
  });

  test("an unknown key is wrong usage; so is a run's fact in a file that is no run's", () => {
    expect(() => readConfigFile(write({ ...given, epoch: 3 }))).toThrow(
      /config\.json: unknown setting epoch; /,
    );
    expect(() => readConfigFile(write({ ...given, params: 3 }))).toThrow(/unknown setting params/);
    expect(() => readConfigFile(write({ ...given, ...facts, epoch: 3 }))).toThrow(/unknown setting epoch/);
  });
});
