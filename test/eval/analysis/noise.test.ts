import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encodeWav } from "../../../src/audio/wav/decode.js";
import { Random } from "../../../src/base/random.js";
import { chooseNoise, noiseForClip } from "../../../src/data/augment/noise-source.js";
import type { Clips } from "../../../src/data/clips.js";
import { SampleStore } from "../../../src/data/sample-store.js";
import { figuresInNoise, snrsDb } from "../../../src/eval/analysis/noise.js";
import type { EvaluationData } from "../../../src/eval/data.js";
import { Recognizer } from "../../../src/recognizer/recognizer.js";
import type { ForwardPass } from "../../../src/run/logits.js";

const rate = 800;
const labels = ["yes", "no", "silence"];
const random = new Random(8, "clips");
const loudness = [0.3, 0.1, 0.2, 0.02, 0.05, 0.04, 0];
const names = ["yes", "no", "yes", "silence", "silence", "silence", "silence"];
const seen = Uint8Array.of(0, 0, 0, 0, 0, 1, 0);
const waves = loudness.map((size) => Float32Array.from({ length: rate }, () => size * random.normal()));

function dataOf(rows: number[]): EvaluationData {
  const joined = new Float32Array(rate * waves.length);
  waves.forEach((wave, i) => {
    joined.set(wave, i * rate);
  });
  const clips: Clips = {
    sampleRate: rate,
    samples: SampleStore.of(rate, [joined]),
    labels: names,
    rows: Int32Array.from(names.keys()),
    sources: [{ path: "clips", fingerprint: "f", rows: names.length }],
  };
  const truth = Int32Array.from(rows, (row) => labels.indexOf(names[row]!));
  return { clips, rows: Int32Array.from(rows), truth, part: "test", seen, seenInTraining: 0 };
}

const seed = 42;
/** A model that is nothing but this forward pass. */
function recognizerOf(forward: ForwardPass): Recognizer {
  const backend = { name: "none", device: "none" };
  const engine = { forward, cost: { params: 0, macs: 0 }, backend, dispose: () => {} };
  return new Recognizer(engine, { labels, sampleRate: rate, clipLength: rate });
}
const power = (wave: ArrayLike<number>) => Array.from(wave).reduce((sum, x) => sum + x * x, 0) / wave.length;
const decibels = (ratio: number) => 10 * Math.log10(ratio);

/** The waveforms that a model is given at each ratio, by clip. */
async function heard(rows: number[], from: string | undefined): Promise<Float32Array[][]> {
  const batches: Float32Array[] = [];
  const model = recognizerOf(async (waves, size) => {
    batches.push(waves);
    return new Float32Array(size * labels.length);
  });
  const data = dataOf(rows);
  await figuresInNoise(model, data, await chooseNoise(data, from), seed);
  return batches.map((batch) => rows.map((_, i) => batch.slice(i * rate, (i + 1) * rate)));
}

const folder = mkdtempSync(join(tmpdir(), "keyspot-noise-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeAll(() => {
  const wave = Float32Array.from({ length: 20_000 }, () => 0.1 * random.normal());
  writeFileSync(join(folder, "hiss.wav"), encodeWav(wave, 8000));
});

describe.each([["silence"], ["pink"], [folder]])("noise from %s", (from) => {
  test("is as loud as the asked ratio says, and the same at every ratio", async () => {
    const rows = [0, 1, 2];
    const levels = await heard(rows, from);
    expect(levels).toHaveLength(snrsDb.length);
    rows.forEach((row, i) => {
      const noises = levels.map((level) => level[i]!.map((x, k) => x - waves[row]![k]!));
      noises.forEach((noise, place) => {
        expect(decibels(power(waves[row]!) / power(noise))).toBeCloseTo(snrsDb[place]!, 2);
        const scale = Math.sqrt(power(noise) / power(noises[0]!));
        const difference = noise.map((x, k) => x - scale * noises[0]![k]!);
        expect(decibels(power(noise) / Math.max(1e-20, power(difference)))).toBeGreaterThan(60);
      });
    });
  });

  test("differs from clip to clip, not by which others there are", async () => {
    const [all, alone] = [(await heard([0, 1, 2], from))[3]!, (await heard([2], from))[3]!];
    expect(alone[0]).toEqual(all[2]);
    const source = await chooseNoise(dataOf([]), from);
    const { clips } = dataOf([]);
    expect(noiseForClip(clips, 0, source, 42)).not.toEqual(noiseForClip(clips, 1, source, 42));
    expect(noiseForClip(clips, 0, source, 42)).not.toEqual(noiseForClip(clips, 0, source, 43));
  });
});

test("a silence clip gets noise as loud as the middlemost voice's, and never its own", async () => {
  const levels = await heard([0, 1, 2, 3], "silence");
  const middle = power(waves[2]!);
  levels.forEach((level, place) => {
    const noise = level[3]!.map((x, k) => x - waves[3]![k]!);
    expect(decibels(middle / power(noise))).toBeCloseTo(snrsDb[place]!, 2);
  });
  const data = dataOf([]);
  const { clips } = data;
  const source = await chooseNoise(data, "silence");
  const sorted = (wave: Float32Array) => [...wave].sort((a, b) => a - b);
  for (let seed = 0; seed < 10; seed++)
    expect(sorted(noiseForClip(clips, 3, source, seed))).toEqual(sorted(waves[4]!));
});

test("silence that the run was trained on, and digital silence, is not taken", async () => {
  const source = await chooseNoise(dataOf([0]), undefined);
  expect(source.name).toBe("silence");
  expect([...source.clips!.rows]).toEqual([3, 4]);
});

test("where there is no silence, it is pink noise by default, and an error if asked for", async () => {
  const data = dataOf([0, 1]);
  const lacking = { ...data, seen: seen.map(() => 1) };
  expect(await chooseNoise(lacking, undefined)).toEqual({ name: "pink" });
  await expect(chooseNoise(lacking, "silence")).rejects.toThrow(/no silence clips to take noise from/);
});

test("figures count every clip at each ratio", async () => {
  const data = dataOf([0, 1, 2]);
  const always = recognizerOf(async (_, size) => Float32Array.from(Array(size).fill([1, 0, 0]).flat()));
  const progress: number[] = [];
  const figures = await figuresInNoise(always, data, { name: "pink" }, seed, (done, total) =>
    progress.push(done / total),
  );
  expect(figures).toMatchObject({ source: "pink", seconds: null, seed: 42 });
  for (const { accuracy, recall } of figures.levels) {
    expect(accuracy).toBeCloseTo(2 / 3, 12);
    expect(recall).toEqual([1, 0, null]); // "yes" is always predicted, and no clip is silence
  }
  expect(progress.at(-1)).toBe(1);
});
