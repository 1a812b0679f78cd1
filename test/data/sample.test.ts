import { statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import type { Clips } from "../../src/data/clips.js";
import { readNpz } from "../../src/data/formats/npz.js";
import { COURSE_LABELS } from "../../src/data/labels.js";
import { hasPython, runPython } from "../helpers/python.js";

const path = fileURLToPath(new URL("../../assets/sample.npz", import.meta.url));
let clips: Clips;
let rows: Float32Array[];
beforeAll(async () => {
  clips = await readNpz(path);
  rows = clips.labels.map((_, i) => {
    const out = new Float32Array(clips.samples.clipLength);
    clips.samples.read(i, out);
    return out;
  });
});

const decibels = (ratio: number) => 20 * Math.log10(ratio);
const rms = (samples: Float32Array) => Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length);
const peak = (samples: Float32Array) => samples.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

describe("the sample that ships with the package", () => {
  it("takes at most 6 MB", () => {
    expect(statSync(path).size).toBeLessThanOrEqual(6e6);
  });

  it("has at least 50 clips of each of the twelve labels, a second at 8 kHz each", () => {
    expect(clips.sampleRate).toBe(8000);
    expect(clips.samples.clipLength).toBe(8000);
    expect(new Set(clips.labels)).toEqual(new Set(COURSE_LABELS));
    for (const label of COURSE_LABELS) {
      expect(clips.labels.filter((own) => own === label).length, label).toBeGreaterThanOrEqual(50);
    }
  });

  it("has at least 20 speakers, each of whom says every label", () => {
    const said = new Map<string, Set<string>>();
    clips.speakers!.forEach((speaker, i) => {
      said.set(speaker, (said.get(speaker) ?? new Set()).add(clips.labels[i]!));
    });
    expect(said.size).toBeGreaterThanOrEqual(20);
    for (const [speaker, labels] of said) expect(labels.size, speaker).toBe(12);
    // A voice is on one side of a split by speaker: no two speakers share espeak-ng's variant of it.
    const variants = [...said.keys()].map((speaker) => /\+(.*)-/.exec(speaker)![1]);
    expect(new Set(variants).size).toBe(said.size);
  });

  it("tells the words of unknown, at least ten and none of the ten commands", () => {
    const words = new Set(clips.words!.filter((_, i) => clips.labels[i] === "unknown"));
    expect(words.size).toBeGreaterThanOrEqual(10);
    for (const label of COURSE_LABELS) expect(words).not.toContain(label);
  });

  it("has no clip twice, none clipped, and words at levels apart from one another", () => {
    expect(new Set(rows.map((samples) => samples.join())).size).toBe(rows.length);
    const peaks: number[] = [];
    rows.forEach((samples, i) => {
      expect(peak(samples), `row ${i}`).toBeLessThan(0.99);
      expect(peak(samples), `row ${i}`).toBeGreaterThan(0);
      if (clips.labels[i] !== "silence") peaks.push(peak(samples));
    });
    expect(decibels(Math.max(...peaks) / Math.min(...peaks))).toBeGreaterThan(10);
  });

  it("has whole words: none is loud where its clip begins or ends", () => {
    rows.forEach((samples, i) => {
      if (clips.labels[i] === "silence") return;
      const frames = Array.from({ length: 100 }, (_, k) => rms(samples.subarray(80 * k, 80 * (k + 1))));
      expect(Math.max(frames[0]!, frames[99]!) / Math.max(...frames), `row ${i}`).toBeLessThan(0.4);
    });
  });

  it("cannot be told apart by loudness alone", () => {
    const levels = new Map<string, number[]>(COURSE_LABELS.map((label) => [label, []]));
    rows.forEach((samples, i) => void levels.get(clips.labels[i]!)!.push(decibels(rms(samples))));
    const medians = COURSE_LABELS.filter((label) => label !== "silence").map((label) =>
      median(levels.get(label)!),
    );
    expect(Math.max(...medians) - Math.min(...medians)).toBeLessThan(8);
    // A good part of the silence is louder than many words.
    const words = COURSE_LABELS.flatMap((label) => (label === "silence" ? [] : levels.get(label)!)).sort(
      (a, b) => a - b,
    );
    const tenth = words[Math.floor(words.length / 10)]!;
    expect(levels.get("silence")!.filter((level) => level > tenth).length).toBeGreaterThanOrEqual(5);
  });

  it.skipIf(!hasPython("numpy"))("NumPy reads it", () => {
    const script = "d = np.load(input)\noutput = {k: [str(d[k].dtype)[:2], list(d[k].shape)] for k in d}";
    const count = clips.labels.length;
    expect(runPython(script, path)).toEqual({
      label_vals: ["<U", [count, 1]],
      speaker_vals: ["<U", [count, 1]],
      word_vals: ["<U", [count, 1]],
      wav_vals: ["in", [count, 8000]],
      sample_rate: ["in", []],
    });
  });
});
