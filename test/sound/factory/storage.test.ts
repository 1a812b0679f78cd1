import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { UserError } from "../../../src/base/errors.js";
import { Random } from "../../../src/base/random.js";
import { packageVersion } from "../../../src/base/version.js";
import { SpectrogramFactory } from "../../../src/sound/factory/factory.js";
import type { RealArray } from "../../../src/sound/factory/real-array.js";
import type { FactorySettings } from "../../../src/sound/factory/settings.js";
import type { PaddingFunction } from "../../../src/sound/factory/steps/padding.js";
import { magnitudePhase, type SpectrumProcessor } from "../../../src/sound/factory/steps/processors.js";
import { scaler } from "../../../src/sound/factory/steps/scaler.js";
import type { LearningTransform, Transform } from "../../../src/sound/factory/steps/transforms.js";

const root = mkdtempSync(join(tmpdir(), "factory-storage-"));
afterAll(() => rmSync(root, { recursive: true }));
let folders = 0;
const newFolder = () => join(root, `${folders++}`, "deep");

/** Where a folder's factory keeps what its first transform has learnt. */
const stateFile = (folder: string) =>
  readdirSync(folder).find((name) => /^transform-0-.*\.state$/.test(name))!;

const random = new Random(1, "storage test");
const noise = (length: number) => Float32Array.from({ length }, () => random.between(-1, 1));
const sound = { sampleRate: 8000, channels: [noise(500), noise(500)] };
const basic: FactorySettings = { sampleRate: 8000, stft: { nFft: 64, hop: 16 } };

/** Saves and loads, and expects the same arrays and the same way back. */
async function expectSame(settings: FactorySettings, own = {}): Promise<SpectrogramFactory> {
  const factory = await new SpectrogramFactory(settings).fit([sound]);
  const folder = newFolder();
  await factory.save(folder);
  const loaded = await SpectrogramFactory.load(folder, own);
  const example = factory.forward(sound);
  expect(loaded.forward(sound)).toEqual(example);
  expect(loaded.backward(example)).toEqual(factory.backward(example));
  return loaded;
}

describe("a saved factory is the same once it is loaded", () => {
  test.each<[string, Partial<FactorySettings>]>([
    ["with defaults", {}],
    [
      "with everything",
      {
        stft: { nFft: 64, hop: 16, winLength: 50, window: "blackman", padMode: "reflect" },
        processor: "magnitude-phase",
        order: [0, 2, 1, 3],
        padding: { length: 700, policy: "center-lcut" },
        transforms: [scaler({ range: [0, 1], mean: 0.5 }), scaler()],
      },
    ],
    ["without centring", { stft: { nFft: 64, hop: 16, center: false } }],
    ["with Tukey's window", { stft: { nFft: 64, hop: 16, window: { name: "tukey", alpha: 0.3 } } }],
    [
      "with a window of one's own",
      { stft: { nFft: 64, hop: 16, window: Float64Array.from({ length: 64 }, (_, i) => 1 + (i % 3)) } },
    ],
  ])("%s", async (_, settings) => {
    const loaded = await expectSame({ ...basic, ...settings });
    const { stft } = new SpectrogramFactory({ ...basic, ...settings }).settings;
    expect({ ...loaded.settings.stft, window: 0 }).toEqual({ ...stft, window: 0 });
  });

  test("its file says what the settings are, by whom and in which format", async () => {
    const folder = newFolder();
    const factory = new SpectrogramFactory({ ...basic, transforms: [scaler({ range: [0, 1] })] });
    await factory.fit([sound]);
    await factory.save(folder);
    expect(readdirSync(folder).sort()).toEqual(["factory.json", stateFile(folder)]);
    const stored = JSON.parse(readFileSync(join(folder, "factory.json"), "utf8"));
    expect(stored).toMatchObject({
      keyspot: packageVersion,
      format: 1,
      sampleRate: 8000,
      // Those with defaults too, so that a later version's other defaults do not change it.
      stft: { nFft: 64, hop: 16, winLength: 64, window: "hann", center: true, padMode: "constant" },
      processor: "real-imaginary",
      transforms: [{ name: "scaler", settings: { range: [0, 1] }, learnt: { file: stateFile(folder) } }],
    });
  });

  test("saved over another one it leaves that whole until it is whole itself", async () => {
    const folder = newFolder();
    const old = await new SpectrogramFactory({ ...basic, transforms: [scaler()] }).fit([sound]);
    await old.save(folder);
    const file = stateFile(folder);
    const contents = readFileSync(join(folder, "factory.json"), "utf8");
    // The last step fails: a folder stands where the new factory.json is to go.
    rmSync(join(folder, "factory.json"));
    mkdirSync(join(folder, "factory.json"));
    const quieter = {
      ...sound,
      channels: sound.channels.map((samples) => samples.map((value) => value / 2)),
    };
    const other = await new SpectrogramFactory({ ...basic, transforms: [scaler()] }).fit([quieter]);
    await expect(other.save(folder)).rejects.toThrow(UserError);
    rmdirSync(join(folder, "factory.json"));
    writeFileSync(join(folder, "factory.json"), contents);
    expect((await SpectrogramFactory.load(folder)).forward(sound)).toEqual(old.forward(sound));
    await other.save(folder);
    expect(readdirSync(folder).sort()).toEqual(["factory.json", stateFile(folder)]);
    expect(stateFile(folder)).not.toBe(file);
  });

  test("saved over another one it is the new one", async () => {
    const folder = newFolder();
    await (await new SpectrogramFactory({ ...basic, transforms: [scaler()] }).fit([sound])).save(folder);
    await new SpectrogramFactory({ ...basic, processor: magnitudePhase }).save(folder);
    const loaded = await SpectrogramFactory.load(folder);
    expect(loaded.settings.processor.name).toBe("magnitude-phase");
    expect(loaded.settings.transforms).toEqual([]);
  });
});

const power: SpectrumProcessor = {
  name: "power-phase",
  arrays: ["power", "phase"],
  forward: (spectrum) => {
    const [size, angle] = magnitudePhase.forward(spectrum) as [Float64Array, Float64Array];
    return [size.map((value) => value * value), angle];
  },
  backward: ([power, angle], size) => magnitudePhase.backward([power!.map(Math.sqrt), angle!], size),
};

const repeated: PaddingFunction = function repeated(channels, length) {
  return channels.map((samples) => Float32Array.from({ length }, (_, i) => samples[i % samples.length]!));
};

const times = (factor: number): Transform => ({
  name: "times",
  settings: { factor },
  forward: ({ data, shape }) => ({ data: data.map((value) => value * factor), shape }),
  backward: ({ data, shape }) => ({ data: data.map((value) => value / factor), shape }),
});

/** Divides by the largest value that it saw. */
function peak(): LearningTransform {
  let largest: number | undefined;
  const learnt = () => {
    if (largest === undefined) throw new Error("not fitted");
    return largest;
  };
  return {
    name: "peak",
    get fitted() {
      return largest !== undefined;
    },
    async fit(examples: Iterable<RealArray> | AsyncIterable<RealArray>) {
      let found = 0;
      for await (const { data } of examples) for (const value of data) found = Math.max(found, value);
      largest = found;
    },
    save: (path) => writeFileSync(path, String(learnt())),
    load(path) {
      largest = Number(readFileSync(path, "utf8"));
    },
    forward: ({ data, shape }) => ({ data: data.map((value) => value / learnt()), shape }),
    backward: ({ data, shape }) => ({ data: data.map((value) => value * learnt()), shape }),
  };
}

describe("parts of one's own", () => {
  const own = {
    processors: { "power-phase": power },
    paddings: { repeated },
    transforms: {
      times: (settings: unknown) => times((settings as { factor: number }).factor),
      peak: () => peak(),
    },
  };
  const settings: FactorySettings = {
    ...basic,
    processor: power,
    padding: { length: 800, policy: repeated },
    transforms: [times(3), peak(), scaler()],
  };

  test("are given again on loading; transforms get their settings and what they learnt", async () => {
    const loaded = await expectSame(settings, own);
    expect(loaded.settings.transforms.map(({ name }) => name)).toEqual(["times", "peak", "scaler"]);
    expect(loaded.settings.transforms[0]!.settings).toEqual({ factor: 3 });
  });

  test.each<[keyof typeof own, RegExp]>([
    [
      "processors",
      /uses the processor "power-phase", .* pass it to load as \{ processors: \{ "power-phase": … \} \}$/,
    ],
    ["paddings", /uses the padding "repeated", .* as \{ paddings: \{ "repeated": … \} \}$/],
    ["transforms", /uses the transform "times", .* as \{ transforms: \{ "times": … \} \}$/],
  ])("without %s it is an error", async (missing, message) => {
    const { [missing]: _, ...given } = own;
    const folder = newFolder();
    await (await new SpectrogramFactory(settings).fit([sound])).save(folder);
    await expect(SpectrogramFactory.load(folder, given)).rejects.toThrow(message);
    await expect(SpectrogramFactory.load(folder, given)).rejects.toThrow(
      expect.objectContaining({ name: "UserError", exitCode: 2 }),
    );
  });

  test("that learn where those that were saved did not, or the other way round, are an error", async () => {
    const [plain, learning] = [newFolder(), newFolder()];
    await new SpectrogramFactory({ ...basic, transforms: [times(2)] }).save(plain);
    await (await new SpectrogramFactory({ ...basic, transforms: [peak()] }).fit([sound])).save(learning);
    await expect(SpectrogramFactory.load(plain, { transforms: { times: () => peak() } })).rejects.toThrow(
      /times does not learn, the given one does$/,
    );
    await expect(SpectrogramFactory.load(learning, { transforms: { peak: () => times(1) } })).rejects.toThrow(
      /peak learns, the given one does not$/,
    );
  });

  test("a padding function without a name cannot be saved", async () => {
    const policies: PaddingFunction[] = [(channels) => channels];
    const factory = new SpectrogramFactory({ ...basic, padding: { length: 9, policy: policies[0]! } });
    const folder = newFolder();
    await expect(factory.save(folder)).rejects.toThrow(/needs a name that is not a built-in policy/);
    expect(existsSync(folder)).toBe(false);
  });
});

describe("mistakes", () => {
  async function saved(): Promise<string> {
    const folder = newFolder();
    await (await new SpectrogramFactory({ ...basic, transforms: [scaler()] }).fit([sound])).save(folder);
    return folder;
  }
  const edit = (folder: string, change: (stored: Record<string, never>) => object) => {
    const path = join(folder, "factory.json");
    writeFileSync(path, JSON.stringify(change(JSON.parse(readFileSync(path, "utf8")))));
  };
  const stft = { nFft: 64, hop: 16, winLength: 64, window: "hann", center: true, padMode: "constant" };

  test("a factory that was not fitted is not saved", async () => {
    const folder = newFolder();
    const factory = new SpectrogramFactory({ ...basic, transforms: [scaler()] });
    await expect(factory.save(folder)).rejects.toThrow(
      /^the transform scaler is not fitted: fit the factory before it is saved$/,
    );
    expect(existsSync(folder)).toBe(false);
  });

  test.each<[string, (folder: string) => void, 1 | 2, RegExp]>([
    ["no folder", (folder) => rmSync(folder, { recursive: true }), 1, /^cannot read .*factory.json: no such/],
    [
      "no JSON",
      (folder) => writeFileSync(join(folder, "factory.json"), "{"),
      1,
      /factory.json is not valid JSON/,
    ],
    [
      "something else",
      (folder) => edit(folder, () => ({ hello: 1 })),
      1,
      /factory.json is not a saved spectrogram factory/,
    ],
    [
      "another version's format",
      (folder) => edit(folder, (stored) => ({ ...stored, format: 2, keyspot: "9.1.0" })),
      1,
      /factory.json was written by keyspot 9.1.0 in factory format 2, expected format 1$/,
    ],
    [
      "a setting that it does not know",
      (folder) => edit(folder, (stored) => ({ ...stored, colour: "red" })),
      1,
      /written by keyspot .*colour/,
    ],
    [
      "a setting of another type",
      (folder) => edit(folder, (stored) => ({ ...stored, stft: { ...stft, hop: "16" } })),
      1,
      /stft.hop: expected a number, found "16"$/,
    ],
    [
      "a setting out of its range",
      (folder) => edit(folder, (stored) => ({ ...stored, stft: { ...stft, hop: 0 } })),
      2,
      /^hop must be a whole number of at least 1, got 0$/,
    ],
    [
      "a transform that nobody knows",
      (folder) => edit(folder, (stored) => ({ ...stored, transforms: [{ name: "magic" }] })),
      2,
      /uses the transform "magic"/,
    ],
    [
      "an object's member as a transform",
      (folder) => edit(folder, (stored) => ({ ...stored, transforms: [{ name: "toString" }] })),
      2,
      /uses the transform "toString"/,
    ],
    [
      "what a transform learnt is missing",
      (folder) => rmSync(join(folder, stateFile(folder))),
      1,
      /^cannot read .*transform-0-.*\.state: no such file/,
    ],
    [
      "what a transform learnt was changed",
      (folder) =>
        writeFileSync(join(folder, stateFile(folder)), '{"scaler":[{"minimum":0,"maximum":1,"mean":0}]}'),
      1,
      /transform-0-.*\.state is damaged, or not the one that .*factory.json was saved with$/,
    ],
  ])("%s", async (_, damage, exitCode, message) => {
    const folder = await saved();
    damage(folder);
    await expect(SpectrogramFactory.load(folder)).rejects.toThrow(UserError);
    await expect(SpectrogramFactory.load(folder)).rejects.toThrow(message);
    await expect(SpectrogramFactory.load(folder)).rejects.toThrow(expect.objectContaining({ exitCode }));
  });
});
