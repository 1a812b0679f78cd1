import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decodeWav, encodeWav } from "../../src/audio/wav/decode.js";
import { Random } from "../../src/base/random.js";
import { readNpz } from "../../src/data/formats/npz.js";
import { RunFolder } from "../../src/run/folder.js";
import { tone } from "../helpers/clips.js";
import {
  easyLabels,
  easyTraining,
  fail,
  kws,
  succeed,
  succeedWithJson,
  writeEasyTones,
} from "../helpers/kws.js";
import { wavFile } from "../helpers/wav.js";

interface Document {
  file: string;
  label: string;
  probability: number;
  top: { label: string; probability: number }[];
  seconds: number;
  index?: number;
  trueLabel?: string;
  correct?: boolean;
}

const cwd = mkdtempSync(join(tmpdir(), "keyspot-predict-"));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));
/** Hz: a WAV file has no lower one. */
const rate = 8000;
const at = (...path: string[]) => join(cwd, ...path);
const predict = (...args: string[]) => succeedWithJson<Document[]>(["predict", "run", ...args], { cwd });

beforeAll(async () => {
  writeEasyTones(at("tones.npz"), { rate });
  const flags = ["--data", "tones.npz", ...easyTraining, "--epochs", "3", "--out", "run"];
  await succeed(["train", ...flags], { cwd });
  easyLabels.forEach((label, i) => {
    writeFileSync(at(`${label}.wav`), encodeWav(tone(i, rate, new Random(5, label)), rate));
  });
  const long = Float32Array.from({ length: 39_040 }, (_, i) => Math.sin(i / 5) / 2);
  writeFileSync(at("long.wav"), wavFile([long, long], { sampleRate: 16_000 }));
  writeFileSync(at("short.wav"), wavFile([long.subarray(0, 4000)], { sampleRate: rate }));
});

describe("kws predict", () => {
  test("answers one a file, in order", async () => {
    const files = easyLabels.map((label) => `${label}.wav`);
    const documents = await predict(...files);
    expect(documents.map(({ file }) => file)).toEqual(files);
    expect(documents.map(({ label }) => label)).toEqual(easyLabels);
    for (const { label, probability, top, seconds, ...others } of documents) {
      expect(top[0]).toEqual({ label, probability });
      expect(top.map((entry) => entry.label).sort()).toEqual([...easyLabels].sort());
      expect(top.reduce((sum, entry) => sum + entry.probability, 0)).toBeCloseTo(1, 9);
      expect(top.map((entry) => entry.probability)).toEqual(
        top.map((entry) => entry.probability).sort((a, b) => b - a),
      );
      expect(seconds).toBeGreaterThan(0);
      expect(Object.keys(others)).toEqual(["file"]);
    }
  });

  test("prints a line a file; --top-k says how many labels", async () => {
    const { stdout, stderr } = await succeed(["predict", "run", "yes.wav", "no.wav", "--top-k", "2"], {
      cwd,
    });
    expect(stdout).toMatch(
      /^yes\.wav: yes [\d.]+ % {2}\(\w+ [\d.]+ %\)\nno\.wav: no [\d.]+ % {2}\(\w+ [\d.]+ %\)\n$/,
    );
    expect(stderr).toMatch(/^backend: wasm \(.+\)\n$/);
    const [document] = await predict("yes.wav", "--top-k", "1");
    expect(document!.top).toHaveLength(1);
  });

  test("says on stderr what it did to make a clip of a file", async () => {
    const { stderr } = await succeed(["predict", "run", "long.wav", "short.wav", "yes.wav"], { cwd });
    expect(stderr).toMatch(
      /^long\.wav: mixed 2 channels, resampled from 16000 Hz to 8000 Hz, took the loudest second, .*2\.44 s$/m,
    );
    expect(stderr).toMatch(/^short\.wav: padded from 0\.50 s to 1 s$/m);
    expect(stderr).not.toContain("yes.wav:");
  });

  test("reads a WAV from stdin, also one whose writer did not know its length", async () => {
    const bytes = readFileSync(at("yes.wav"));
    const [fromFile] = await predict("yes.wav");
    const open = Buffer.from(bytes);
    open.writeUInt32LE(0xffffffff, 4);
    open.writeUInt32LE(0xffffffff, open.indexOf("data") + 4);
    for (const input of [bytes, open]) {
      const { stdout } = await succeed(["predict", "run", "-", "--json"], { cwd, input });
      const [document] = JSON.parse(stdout) as Document[];
      expect(document).toMatchObject({ file: "-", label: "yes", probability: fromFile!.probability });
    }
    await fail(["predict", "run", "-"], 1, /^error: stdin is (empty|not a WAV file)/, { cwd });
  });

  test("a bad file behind good ones is an error, and no document is printed", async () => {
    const files = ["yes.wav", "tones.npz"];
    await fail(["predict", "run", ...files, "--json"], 1, /tones\.npz is not a WAV file/, { cwd });
    const { code, stdout } = await kws(["predict", "run", ...files], { cwd });
    expect(code).toBe(1);
    expect(stdout).toMatch(/^yes\.wav: yes .*\n$/);
  });

  test("a run's folder alone is enough", async () => {
    const { stdout } = await succeed(["predict", at("run"), at("yes.wav"), "--json"], { cwd: tmpdir() });
    expect((JSON.parse(stdout) as Document[])[0]!.label).toBe("yes");
  });
});

test("a model whose output is not finite predicts nothing", async () => {
  cpSync(at("run"), at("damaged"), { recursive: true });
  const { bestWeightsPath } = new RunFolder(at("damaged"));
  const weights = readFileSync(bestWeightsPath);
  // The model's last weights are its logits' biases.
  new Float32Array(weights.buffer, weights.byteOffset, weights.length / 4).fill(
    Number.NaN,
    -easyLabels.length,
  );
  writeFileSync(bestWeightsPath, weights);
  const file = `${easyLabels[0]}.wav`;
  await fail(
    ["predict", "damaged", file],
    1,
    /the model's output for the clip: expected finite numbers, found NaN/,
    {
      cwd,
    },
  );
});

describe("kws predict --data", () => {
  test("answers for a row, says whether it is right, and saves the very clip", async () => {
    const flags = ["--data", "tones.npz", "--index", "7", "--save-wav", "clips/row7.wav"];
    const [document] = await predict(...flags);
    expect(document).toMatchObject({
      file: "tones.npz",
      index: 7,
      trueLabel: "no",
      label: "no",
      correct: true,
    });

    const { samples } = await readNpz(at("tones.npz"));
    const row = new Float32Array(rate);
    samples.read(7, row);
    const saved = decodeWav(readFileSync(at("clips/row7.wav")), "row7.wav");
    expect(saved.sampleRate).toBe(rate);
    saved.channels[0]!.forEach((sample, i) => {
      expect(Math.abs(sample - row[i]!)).toBeLessThanOrEqual(0.5 / 32768 + 1e-9);
    });
  });

  test("a random row follows from the seed", async () => {
    const rows: number[] = [];
    for (const seed of [1, 1, 2]) {
      const [document] = await predict("--data", "tones.npz", "--index", "random", "--seed", String(seed));
      rows.push(document!.index!);
    }
    expect(rows[0]).toBe(rows[1]);
    expect(rows[0]).not.toBe(rows[2]);
  });

  test("prints whether it is right", async () => {
    const { stdout } = await succeed(["predict", "run", "--data", "tones.npz", "--index", "7"], { cwd });
    expect(stdout).toMatch(/^tones\.npz row 7: no [\d.]+ % {2}right {2}\(/);
  });

  test("a row that is not there is an error", async () => {
    const flags = ["predict", "run", "--data", "tones.npz", "--index", "60"];
    await fail(flags, 1, /--index 60: the data has rows 0 to 59/, { cwd });
  });
});
