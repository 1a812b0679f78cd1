import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { piperVoices } from "../../src/data/synth/piper.js";
import { synthesize } from "../../src/data/synth/synthesise.js";

/**
 * A stand-in for piper with its interface: a line of text on stdin, a WAV file at 22,050 Hz. It says a tone whose frequency is
 * the speaker's and whose length follows the pace, and writes down how it was called.
 */
const program = `#!${process.execPath}
const { appendFileSync, readFileSync, writeFileSync } = require("node:fs");
const args = process.argv.slice(2);
const text = readFileSync(0, "utf8");
const value = (name, otherwise) => (args.includes(name) ? args[args.indexOf(name) + 1] : otherwise);
appendFileSync(process.env.PIPER_LOG, JSON.stringify({ args, text }) + "\\n");
if (text.includes("fail")) {
  console.error("Traceback (most recent call last):\\n  File \\"piper\\"\\nValueError: no such phoneme");
  process.exit(1);
}
const length = Math.round(0.4 * 22050 * Number(value("--length_scale", 1)));
const frequency = 300 + 100 * Number(value("--speaker", 0));
const wav = Buffer.alloc(44 + 2 * length);
wav.write("RIFF");
wav.writeUInt32LE(36 + 2 * length, 4);
wav.write("WAVEfmt ", 8);
wav.writeUInt32LE(16, 16);
wav.writeUInt16LE(1, 20);
wav.writeUInt16LE(1, 22);
wav.writeUInt32LE(22050, 24);
wav.writeUInt32LE(44100, 28);
wav.writeUInt16LE(2, 32);
wav.writeUInt16LE(16, 34);
wav.write("data", 36);
wav.writeUInt32LE(2 * length, 40);
for (let i = 0; i < length; i++) {
  const sample = text.includes("mute") ? 0 : 8000 * Math.sin((2 * Math.PI * frequency * i) / 22050);
  wav.writeInt16LE(Math.round(sample), 44 + 2 * i);
}
writeFileSync(value("--output_file"), wav);
`;

const root = mkdtempSync(join(tmpdir(), "keyspot-piper-test-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const one = join(root, "en_GB-alan.onnx");
const many = join(root, "en_US-many.onnx");
const log = join(root, "log");

beforeEach(() => {
  mkdirSync(join(root, "bin"), { recursive: true });
  writeFileSync(join(root, "bin", "piper"), program);
  chmodSync(join(root, "bin", "piper"), 0o755);
  for (const [model, people] of [
    [one, 1],
    [many, 3],
  ] as const) {
    writeFileSync(model, "");
    writeFileSync(`${model}.json`, JSON.stringify({ num_speakers: people, audio: { sample_rate: 22050 } }));
  }
  writeFileSync(log, "");
  vi.stubEnv("PATH", `${join(root, "bin")}${delimiter}${process.env.PATH}`);
  vi.stubEnv("PIPER_LOG", log);
});
afterEach(() => vi.unstubAllEnvs());

interface Call {
  args: string[];
  text: string;
}
const calls = (): Call[] =>
  readFileSync(log, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Call);
const argument = ({ args }: Call, name: string) => args[args.indexOf(name) + 1];
const few = { unknownClips: 0, silenceClips: 0, speakers: 0 };

// A shell's script is what a stand-in can be: Windows starts no such files.
describe.skipIf(process.platform === "win32")("synthesize, with piper", () => {
  test("all people of the models take turns, by names of their own", async () => {
    const clips = await synthesize({ words: ["lumos"], clipsPerWord: 8, piperVoices: [one, many], ...few });
    const names = ["en_GB-alan", "en_US-many-0", "en_US-many-1", "en_US-many-2"];
    expect([...new Set(clips.speakers)].sort()).toEqual(names);
    for (const name of names) expect(clips.speakers!.filter((each) => each === name)).toHaveLength(2);
    const said = calls();
    expect(said.length).toBeGreaterThanOrEqual(8);
    for (const call of said) {
      expect(call.text).toMatch(/^lumos[.!?,]?\n$/);
      const isMany = argument(call, "--model") === many;
      expect(call.args.includes("--speaker")).toBe(isMany); // a model of one person takes none
    }
    const paces = said.map((call) => Number(argument(call, "--length_scale")));
    expect(Math.max(...paces) / Math.min(...paces)).toBeGreaterThan(1.15);
  });

  test("what is heard is what piper said, at some pitch", async () => {
    const clips = await synthesize({ words: ["lumos"], clipsPerWord: 9, piperVoices: [many], ...few });
    const pitches = new Set<number>();
    clips.speakers!.forEach((name, i) => {
      const wave = new Float32Array(8000);
      clips.samples.read(i, wave);
      const frequency = 300 + 100 * Number(name.at(-1));
      const heard = loudestFrequency(wave);
      expect(heard / frequency).toBeGreaterThan(0.92);
      expect(heard / frequency).toBeLessThan(1.08);
      pitches.add(Math.round((1000 * heard) / frequency));
    });
    expect(pitches.size).toBeGreaterThan(4);
  });

  test.each([
    ["fail", /^piper --model .*en_GB-alan\.onnx .* failed: ValueError: no such phoneme$/],
    ["mute", /^piper says nothing for "mute"$/],
  ])("%s", async (word, message) => {
    const failing = synthesize({ words: [word], clipsPerWord: 1, piperVoices: [one], ...few });
    await expect(failing).rejects.toMatchObject({
      name: "UserError",
      message: expect.stringMatching(message),
    });
  });

  test("one line that names the package where piper is missing", async () => {
    vi.stubEnv("PATH", "");
    const failing = synthesize({ words: ["a"], clipsPerWord: 1, piperVoices: [one], ...few });
    await expect(failing).rejects.toMatchObject({
      name: "UserError",
      message: expect.stringMatching(/^--piper-voice needs piper, .*install it \(pip install piper-tts\)$/),
    });
  });
});

describe("piperVoices", () => {
  test("what the user can mend", () => {
    expect(() => piperVoices(join(root, "absent.onnx"))).toThrow(
      /absent\.onnx does not exist: .*\.onnx\.json beside it/,
    );
    rmSync(`${one}.json`);
    expect(() => piperVoices(one)).toThrow(/en_GB-alan\.onnx\.json does not exist/);
    writeFileSync(`${one}.json`, "{");
    expect(() => piperVoices(one)).toThrow(/expected a voice's description in JSON/);
    writeFileSync(`${one}.json`, '{"num_speakers": "two"}');
    expect(() => piperVoices(one)).toThrow(/expected num_speakers to be a whole number above 0, found two/);
    writeFileSync(`${one}.json`, "{}");
    expect(piperVoices(one)).toEqual([{ id: "en_GB-alan", voice: { model: one } }]);
  });
});

/** Hz, by the definition of the discrete Fourier transform, in steps of 1 Hz. */
function loudestFrequency(wave: Float32Array): number {
  let best = { power: 0, frequency: 0 };
  for (let frequency = 250; frequency < 600; frequency++) {
    let [re, im] = [0, 0];
    wave.forEach((value, i) => {
      re += value * Math.cos((2 * Math.PI * frequency * i) / 8000);
      im += value * Math.sin((2 * Math.PI * frequency * i) / 8000);
    });
    const power = re * re + im * im;
    if (power > best.power) best = { power, frequency };
  }
  return best.frequency;
}
