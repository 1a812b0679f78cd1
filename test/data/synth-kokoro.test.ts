import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { readNpz } from "../../src/data/npz.js";
import { kokoroVoices } from "../../src/data/synth/kokoro.js";
import { fail, succeed, succeedWithJson } from "../helpers/kws.js";

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

const root = mkdtempSync(join(tmpdir(), "keyspot-kokoro-test-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const model = join(root, "kokoro", "onnx", "model.onnx");
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

describe("kokoroVoices", () => {
  test("are the English ones, then mixtures of one of them with another, each by a name of its own", () => {
    const speakers = kokoroVoices(model, 40);
    expect(speakers.slice(0, 2).map(({ id }) => id)).toEqual(["kokoro-af_heart", "kokoro-bm_lewis"]);
    expect(new Set(speakers.map(({ id }) => id)).size).toBe(40);
    const frequencies: Record<string, number> = { af_heart: 200, bm_lewis: 300, jf_alpha: 800 };
    for (const { id, voice } of speakers.slice(2)) {
      const [, first, percent, second] = /^kokoro-(\w+)-(\d+)-(\w+)$/.exec(id)!;
      const share = Number(percent) / 100;
      expect(first).not.toBe(second);
      expect(first).not.toBe("jf_alpha");
      expect(share).toBeGreaterThanOrEqual(0.2);
      expect(share).toBeLessThanOrEqual(0.8);
      expect(voice.accent).toBe(first === "bm_lewis" ? "en-gb" : "en-us");
      const expected = share * frequencies[first!]! + (1 - share) * frequencies[second!]!;
      expect(voice.styles[0]).toBeCloseTo(expected, 3);
      expect(voice.styles[2559]).toBeCloseTo(expected + 0.9, 3);
    }
    expect(kokoroVoices(model, 5)).toEqual(speakers.slice(0, 5)); // more are more of the same
  });

  test("are as many as their mixtures allow", () => {
    expect(kokoroVoices(model, 122)).toHaveLength(122);
    expect(() => kokoroVoices(model, 123)).toThrow("expected 1 to 122 speakers of Kokoro, found 123");
    rmSync(join(voices, "jf_alpha.bin"));
    rmSync(join(voices, "bm_lewis.bin"));
    expect(kokoroVoices(model, 1)).toHaveLength(1);
    expect(() => kokoroVoices(model, 2)).toThrow("expected 1 to 1 speakers of Kokoro, found 2");
  });
});

describe.skipIf(!hasEspeak)("kws data synth --kokoro", () => {
  test("speaks with the voices in turn, in signs that Kokoro knows", async () => {
    const { stdout } = await succeed(synth("--words", "stop,no", "--count", "6", "--kokoro-speakers", "3"), {
      cwd: root,
    });
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
      expect((10 * frequency) % 10).toBeCloseTo(inner.length - 1, 3); // the style for a text as long
      if (Math.floor(frequency) === 200) expect(said.slice(0, 2)).toContainEqual(word);
      if (Math.floor(frequency) === 300) expect(said.slice(2)).toContainEqual(word);
      expect(speed).toBeGreaterThan(90 / 130 - 1e-6);
      expect(speed).toBeLessThan(450 / 130 + 1e-6);
    }
    const clips = await readNpz(join(root, "out.npz"));
    expect(new Set(clips.speakers)).toEqual(new Set(kokoroVoices(model, 3).map(({ id }) => id)));
  });

  test("turns with espeak-ng's, and gives the same clips again", async () => {
    const flags = ["--words", "no", "--count", "8", "--kokoro-speakers", "2", "--voices", "2", "--seed", "3"];
    const first = await succeedWithJson<{ speakers: number }>(synth(...flags), { cwd: root });
    expect(first.speakers).toBe(4);
    const before = readFileSync(join(root, "out.npz"));
    await succeed(synth(...flags), { cwd: root });
    expect(readFileSync(join(root, "out.npz")).equals(before)).toBe(true);
  });

  test("one line for what is wrong", async () => {
    const one = synth("--words", "no", "--count", "1", "--kokoro-speakers", "1");
    const expectError = (code: number, message: RegExp) => fail(one, code, message, { cwd: root });
    writeFileSync(model, "broken");
    await expectError(1, /model\.onnx: ONNX Runtime cannot read it: Protobuf parsing failed\.$/m);
    rmSync(join(root, "node_modules"), { recursive: true });
    await expectError(1, /Kokoro speaks by onnxruntime-node, which is not installed: npm install/);
    writeFileSync(join(voices, "af_heart.bin"), Buffer.alloc(1000));
    await expectError(1, /af_heart\.bin: expected rows of 256 float32, .* found 1000 bytes/);
    writeFileSync(join(root, "kokoro", "tokenizer.json"), "{");
    await expectError(1, /tokenizer\.json: expected the numbers of Kokoro's symbols in JSON/);
    rmSync(join(root, "kokoro", "tokenizer.json"));
    await expectError(1, /expected the numbers of Kokoro's symbols in tokenizer\.json or config\.json/);
    rmSync(voices, { recursive: true });
    await expectError(1, /onnx lacks voices: beside Kokoro's model, or a folder above it, expected voices\//);
    rmSync(model);
    await expectError(1, /model\.onnx is not there: expected Kokoro's model, an \.onnx file/);
  });
});

// The real thing: its model and voices, where a path to them is given, and the runtime in the folder of that path.
const real = process.env.KEYSPOT_KOKORO;
if (real === undefined) console.warn("skipped: KEYSPOT_KOKORO names no model of Kokoro to speak with");
describe.skipIf(real === undefined || !hasEspeak)("Kokoro itself", () => {
  test("says words that the shipped model, which has heard people alone, understands", async () => {
    const flags = ["--words", "yes,left,right,go", "--count", "5", "--kokoro-speakers", "5"];
    const out = join(root, "real.npz");
    await succeed(
      [
        "data",
        "synth",
        ...flags,
        ...["--unknown", "0", "--silence", "0", "--voices", "0"],
        "--kokoro",
        real!,
        "-o",
        out,
      ],
      {
        cwd: join(real!, ".."),
      },
    );
    const run = new URL("../../pretrained/kws-8k", import.meta.url).pathname;
    const { accuracy } = await succeedWithJson<{ accuracy: number }>(
      ["evaluate", run, "--data", out, "--backend", "wasm"],
      { cwd: root },
    );
    expect(accuracy).toBeGreaterThan(0.75);
  }, 120_000);
});
