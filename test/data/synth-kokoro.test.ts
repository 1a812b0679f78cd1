import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { readNpz } from "../../src/data/formats/npz.js";
import { ipa } from "../../src/data/synth/espeak.js";
import { Kokoro, kokoroSpelling } from "../../src/data/synth/kokoro.js";
import { fail, kws, succeed, succeedWithJson } from "../helpers/kws.js";

/**
 * A stand-in for ONNX Runtime with what is used of its interface: a tone of 0.1 s a sign, the slower the longer, whose frequency
 * is the style's first number. It writes down what it was asked.
 */
const runtime = `
const { appendFileSync, readFileSync } = require("node:fs");
class Tensor {
  constructor(type, data, dims) {
    if (dims.reduce((a, b) => a * b) !== data.length) throw new Error("shape");
    Object.assign(this, { type, data, dims });
  }
}
const InferenceSession = {
  async create(path) {
    if (readFileSync(path, "utf8") === "crashes") process.exit(3);
    if (readFileSync(path, "utf8") === "broken") throw new Error("Protobuf parsing failed.\\nmore");
    return {
      inputNames: ["input_ids", "style", "speed"],
      outputNames: ["waveform"],
      async run({ input_ids, style, speed }) {
        const signs = [...input_ids.data].map(Number);
        const frequency = style.data[0];
        appendFileSync("asked", JSON.stringify({ signs, type: input_ids.type, dims: input_ids.dims, styleDims: style.dims, frequency, speed: speed.data[0] }) + "\\n");
        const length = Math.round((2400 * (signs.length - 2)) / speed.data[0]);
        return { waveform: { data: Float32Array.from({ length }, (_, i) => 0.3 * Math.sin((2 * Math.PI * frequency * i) / 24000)) } };
      },
    };
  },
};
module.exports = { Tensor, InferenceSession };
`;

/** Hides the onnxruntime-node that this package may have, so that the stand-in is found where the command runs. */
const hiding = `
const Module = require("node:module");
const original = Module._resolveFilename;
Module._resolveFilename = function (name, ...rest) {
  const path = original.call(this, name, ...rest);
  if (name === "onnxruntime-node" && !path.startsWith(__dirname)) throw new Error("not installed");
  return path;
};`;

const root = mkdtempSync(join(tmpdir(), "keyspot-kokoro-test-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const model = join(root, "kokoro", "onnx", "model.onnx");
const inRoot = { cwd: root, env: { NODE_OPTIONS: `--require ${join(root, "hiding.cjs")}` } };
const voices = join(root, "kokoro", "voices");
const signs = Object.fromEntries([..." .!?,ˈstɑɒpnOQjɛ"].map((sign, i) => [sign, i + 1]));

/** A voice of ten styles of 256 numbers: all of a row are the frequency and a tenth of the row. */
function voice(name: string, frequency: number): void {
  const style = Float32Array.from({ length: 2560 }, (_, i) => frequency + Math.floor(i / 256) / 10);
  writeFileSync(join(voices, `${name}.bin`), Buffer.from(style.buffer));
}

beforeEach(() => {
  rmSync(root, { recursive: true, force: true });
  const installed = join(root, "node_modules", "onnxruntime-node");
  for (const folder of [installed, join(root, "kokoro", "onnx"), voices])
    mkdirSync(folder, { recursive: true });
  writeFileSync(join(installed, "package.json"), JSON.stringify({ main: "index.js" }));
  writeFileSync(join(installed, "index.js"), runtime);
  writeFileSync(join(root, "hiding.cjs"), hiding);
  writeFileSync(model, "");
  // As Transformers.js keeps them: the first has no symbols.
  writeFileSync(
    join(root, "kokoro", "config.json"),
    JSON.stringify({ model_type: "style_text_to_speech_2" }),
  );
  writeFileSync(join(root, "kokoro", "tokenizer.json"), JSON.stringify({ model: { vocab: signs } }));
  voice("af_heart", 200);
  voice("bm_lewis", 300);
  voice("jf_alpha", 800);
});

const hasEspeak = spawnSync("espeak-ng", ["--version"]).status === 0;
if (!hasEspeak) console.warn("skipped: espeak-ng is not installed");

interface Asked {
  signs: number[];
  type: string;
  dims: number[];
  styleDims: number[];
  frequency: number;
  speed: number;
}
const asked = (): Asked[] =>
  readFileSync(join(root, "asked"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Asked);
const synth = (...flags: string[]) => [
  ...["data", "synth", "-o", "out.npz", "--unknown", "0", "--silence", "0", "--voices", "0"],
  ...["--kokoro", model, ...flags],
];

const voicesOf = (count?: number) => new Kokoro(model).voices(count);

describe("Kokoro's voices", () => {
  test("are the English ones, then mixtures of one of them with another, each pair once", () => {
    for (const name of ["af_bella", "am_adam", "bf_emma", "zf_xiaoni", "em_alex"]) voice(name, 400);
    const speakers = voicesOf();
    // Of five English voices and three others ten and fifteen pairs.
    expect(speakers).toHaveLength(30);
    const english = ["af_bella", "af_heart", "am_adam", "bf_emma", "bm_lewis"];
    expect(speakers.slice(0, 5).map(({ id }) => id)).toEqual(english.map((name) => `kokoro-${name}`));
    const pairs = speakers.slice(5).map(({ id, voice: { first, second, percent } }) => {
      expect(id).toBe(`kokoro-${first}-${percent}-${second}`);
      expect(english).toContain(first);
      expect(second).not.toBe(first);
      expect(percent).toBeGreaterThanOrEqual(20);
      expect(percent).toBeLessThanOrEqual(80);
      return [first, second].sort().join();
    });
    expect(new Set(pairs).size).toBe(25);
    expect(voicesOf(7)).toEqual(speakers.slice(0, 7)); // more are more of the same
  });

  test("are as many as there are, or as are asked for", () => {
    expect(voicesOf()).toHaveLength(5);
    expect(voicesOf(3)).toHaveLength(3);
    expect(() => voicesOf(6)).toThrow("--kokoro-speakers: expected 1 to 5, found 6");
    rmSync(join(voices, "jf_alpha.bin"));
    rmSync(join(voices, "bm_lewis.bin"));
    expect(voicesOf().map(({ id }) => id)).toEqual(["kokoro-af_heart"]);
    rmSync(join(voices, "af_heart.bin"));
    expect(() => voicesOf()).toThrow(/voices has no English voice of Kokoro, such as af_heart\.bin/);
  });
});

// espeak-ng's phonemes are what is spelt anew.
test.skipIf(!hasEspeak).each([
  ["bird", "bˈɜɹd", "bˈɜːd"],
  ["eight", "ˈAt", "ˈAt"],
  ["right", "ɹˈIt", "ɹˈIt"],
  ["house", "hˈWs", "hˈWs"],
  ["go", "ɡˈO", "ɡˈQ"],
  ["boy", "bˈY", "bˈY"],
  ["judge", "ʤˈʌʤ", "ʤˈʌʤ"],
  ["church", "ʧˈɜɹʧ", "ʧˈɜːʧ"],
  ["hair", "hˈɛɹ", "hˈɛː"],
  ["three", "θɹˈi", "θɹˈiː"],
  ["teacher", "tˈiʧəɹ", "tˈiːʧə"],
])("%s is spelt %s in America and %s in Britain", async (word, american, british) => {
  expect(kokoroSpelling(await ipa(word, "en-us"), "en-us")).toBe(american);
  expect(kokoroSpelling(await ipa(word, "en-gb"), "en-gb")).toBe(british);
});

// espeak-ng says how words are pronounced; where it is missing the line above says what is skipped.
describe.skipIf(!hasEspeak)("kws data synth --kokoro", () => {
  test("speaks with the voices in turn, in tokens that Kokoro knows", async () => {
    const { stdout } = await succeed(
      synth("--words", "stop,no", "--count", "6", "--kokoro-speakers", "3"),
      inRoot,
    );
    expect(stdout).toBe("out.npz: 12 clips at 8000 Hz by 3 synthetic speakers\nstop 6, no 6\n");
    const spelt = (text: string) => [...text].map((sign) => signs[sign]!);
    const said = [spelt("stˈɑp"), spelt("nˈO"), spelt("stˈɒp"), spelt("nˈQ")];
    for (const { signs: given, type, dims, styleDims, frequency, speed } of asked()) {
      expect(type).toBe("int64");
      expect(dims).toEqual([1, given.length]);
      expect(styleDims).toEqual([1, 256]);
      expect([given[0], given.at(-1)]).toEqual([0, 0]);
      const inner = given.slice(1, -1);
      const word = inner.at(-1)! <= 5 ? inner.slice(0, -1) : inner; // without the mark at its end
      expect(said).toContainEqual(word);
      if (Math.floor(frequency) === 200) expect(said.slice(0, 2)).toContainEqual(word);
      if (Math.floor(frequency) === 300) expect(said.slice(2)).toContainEqual(word);
      expect(speed).toBeGreaterThan(90 / 130 - 1e-6);
      expect(speed).toBeLessThan(450 / 130 + 1e-6);
    }
    const clips = await readNpz(join(root, "out.npz"));
    expect(new Set(clips.speakers)).toEqual(new Set(voicesOf(3).map(({ id }) => id)));
    // The third is a mixture of two, whose frequencies are shares of theirs.
    const { first, second, percent } = voicesOf(3)[2]!.voice;
    const frequencies: Record<string, number> = { af_heart: 200, bm_lewis: 300, jf_alpha: 800 };
    const mixed = (percent * frequencies[first]! + (100 - percent) * frequencies[second]!) / 100;
    const heard = asked().map(({ frequency, signs: { length } }) => frequency - (length - 3) / 10);
    for (const frequency of [200, 300, mixed])
      expect(heard.filter((each) => Math.abs(each - frequency) < 0.01).length).toBeGreaterThanOrEqual(4);
  });

  test("turns with espeak-ng's, and gives the same clips again", async () => {
    const flags = ["--words", "no", "--count", "8", "--kokoro-speakers", "2", "--voices", "2", "--seed", "3"];
    const first = await succeedWithJson<{ speakers: number }>(synth(...flags), inRoot);
    expect(first.speakers).toBe(4);
    const before = readFileSync(join(root, "out.npz"));
    await succeed(synth(...flags), inRoot);
    expect(readFileSync(join(root, "out.npz")).equals(before)).toBe(true);
  });

  test("one line for what is wrong", async () => {
    const one = synth("--words", "no", "--count", "1", "--kokoro-speakers", "1");
    const expectError = (code: 1 | 2, message: RegExp) => fail(one, code, message, inRoot);
    writeFileSync(model, "broken");
    await expectError(1, /model\.onnx: ONNX Runtime cannot read it: Protobuf parsing failed\.$/m);
    writeFileSync(model, "crashes");
    await expectError(1, /the process in which Kokoro speaks ended with code 3/);
    const long = synth("--words", "no ".repeat(9), "--count", "1");
    await fail(long, 1, /Kokoro cannot say ".*": expected 1 to 10 of its tokens, found \d\d/, inRoot);
    rmSync(join(root, "node_modules"), { recursive: true });
    await expectError(1, /Kokoro needs onnxruntime-node, which is not installed: npm install/);
    writeFileSync(join(root, "kokoro", "tokenizer.json"), '{ "vocab": { "x": 1 } }');
    await expectError(1, /Kokoro cannot say "no.?": expected 1 to \d+ of its tokens, found [01]$/m);
    writeFileSync(join(voices, "af_heart.bin"), Buffer.alloc(1000));
    await expectError(1, /af_heart\.bin: expected rows of 256 float32, .* found 1000 bytes/);
    writeFileSync(join(root, "kokoro", "tokenizer.json"), "{");
    await expectError(1, /tokenizer\.json: expected Kokoro's vocabulary in JSON/);
    rmSync(join(root, "kokoro", "tokenizer.json"));
    await expectError(1, /onnx: expected Kokoro's vocabulary in tokenizer\.json, config\.json, vocab\.json/);
    rmSync(voices, { recursive: true });
    await expectError(
      1,
      /onnx has no voices: expected voices\/\*\.bin and tokenizer\.json beside Kokoro's model, or in the folder above$/m,
    );
    writeFileSync(voices, "");
    writeFileSync(join(root, "kokoro", "vocab.json"), JSON.stringify({ vocab: signs }));
    await expectError(1, /cannot read .*voices: a part of the path is not a folder$/m);
    rmSync(model);
    await expectError(1, /model\.onnx does not exist: expected Kokoro's model, an \.onnx file/);
    mkdirSync(model);
    await expectError(1, /model\.onnx is not a file: expected Kokoro's model, an \.onnx file/);
  });
});

// The real thing, 0.4 GB that no test fetches: its model and voices, where a path to them is given, as CI does.
const real = process.env.KEYSPOT_KOKORO && resolve(process.env.KEYSPOT_KOKORO);
if (!real) console.warn("skipped: KEYSPOT_KOKORO names no model of Kokoro to speak with");
describe.skipIf(!real || !hasEspeak)("Kokoro itself", () => {
  const cwd = mkdtempSync(join(tmpdir(), "keyspot-kokoro-itself-"));
  afterAll(() => rmSync(cwd, { recursive: true, force: true }));
  const speak = (...flags: string[]) => [
    ...["data", "synth", "--words", "yes,left,right,go", "--unknown", "0", "--silence", "0", "--voices", "0"],
    ...["--kokoro", real!, "-o", "real.npz", ...flags],
  ];

  test("says words that the shipped model understands, and the same again", async () => {
    const five = speak("--count", "5", "--kokoro-speakers", "5");
    await succeed(five, { cwd });
    const run = fileURLToPath(new URL("../../pretrained/kws-8k", import.meta.url));
    const { accuracy } = await succeedWithJson<{ accuracy: number }>(
      ["evaluate", run, "--data", "real.npz", "--backend", "wasm"],
      { cwd },
    );
    expect(accuracy).toBeGreaterThan(0.75);
    const before = readFileSync(join(cwd, "real.npz"));
    await succeed(five, { cwd });
    expect(readFileSync(join(cwd, "real.npz")).equals(before)).toBe(true);
  });

  test("is quiet after Ctrl-C", async () => {
    const { code, stderr } = await kws(speak("--count", "200"), { cwd, interruptAt: "speaking" });
    expect(code).toBe(130);
    expect(stderr).not.toMatch(/terminate|error/i);
  });
});
