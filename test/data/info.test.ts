import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.js";
import type { Clips } from "../../src/data/clips.js";
import { describeClips, findLeaks } from "../../src/data/info.js";
import { SampleStore } from "../../src/data/sample-store.js";

const rate = 1000;
const split = { kind: "random", valSize: 0.2, testSize: 0.2, seed: 1 } as const;

interface Row {
  label: string;
  speaker?: string;
  word?: string;
  wave: Float32Array;
}

function clipsOf(rows: readonly Row[], more: Partial<Clips> = {}): Clips {
  const speakers = rows.flatMap(({ speaker }) => (speaker === undefined ? [] : [speaker]));
  return {
    sampleRate: rate,
    samples: SampleStore.of(
      rate,
      rows.map(({ wave }) => wave),
    ),
    labels: rows.map(({ label }) => label),
    words: rows.map(({ label, word }) => word ?? label),
    ...(speakers.length === rows.length && { speakers }),
    rows: Int32Array.from(rows.keys()),
    sources: [],
    ...more,
  };
}

/** A sine of whole periods: its root mean square is its peak over the square root of two. */
const sine = (peak: number, period = 20) =>
  Float32Array.from({ length: rate }, (_, i) => peak * Math.sin((2 * Math.PI * (i + 0.5)) / period));
const noise = (name: string, scale = 0.1) => {
  const random = new Random(1, name);
  return Float32Array.from({ length: rate }, () => scale * random.normal());
};

describe("describeClips", () => {
  test("counts labels in the models' order, with speakers and what is said", () => {
    const rows: Row[] = [
      { label: "unknown", word: "cat", speaker: "a", wave: noise("1") },
      { label: "unknown", word: "bed", speaker: "b", wave: noise("2") },
      { label: "unknown", word: "cat", speaker: "b", wave: noise("3") },
      { label: "yes", speaker: "a", wave: noise("4") },
      { label: "yes", speaker: "a", wave: noise("5") },
    ];
    const info = describeClips(clipsOf(rows), split);
    expect(info.clips).toBe(5);
    expect(info.labels.map(({ rmsDb: _, ...rest }) => rest)).toEqual([
      { label: "yes", clips: 2, speakers: 1, words: [] },
      {
        label: "unknown",
        clips: 3,
        speakers: 2,
        words: [
          { word: "cat", clips: 2 },
          { word: "bed", clips: 1 },
        ],
      },
    ]);
    expect(info.speakers).toEqual({ count: 2, clips: { least: 2, median: 2.5, most: 3 } });
  });

  test("recordings of background are nobody", () => {
    const rows: Row[] = [
      { label: "yes", speaker: "a", wave: noise("1") },
      { label: "silence", speaker: "bg_hum_01", wave: noise("2") },
      { label: "silence", speaker: "bg_hum_02", wave: noise("3") },
    ];
    const info = describeClips(clipsOf(rows), split);
    expect(info.speakers).toEqual({ count: 1, clips: { least: 1, median: 1, most: 1 } });
    expect(info.labels.map(({ label, speakers }) => [label, speakers])).toEqual([
      ["yes", 1],
      ["silence", null],
    ]);
    expect(describeClips(clipsOf(rows.slice(1)), split).speakers).toBeNull();
  });

  test("without speakers it says so", () => {
    const info = describeClips(clipsOf([{ label: "yes", wave: noise("1") }]), split);
    expect(info.speakers).toBeNull();
    expect(info.labels[0]!.speakers).toBeNull();
    expect(info.leaks).toBeNull();
    expect(info.noSplit).toBe("expected data with at least 2 labels, found 1");
  });

  test("measures levels: a sine of peak p has an RMS 3.01 dB below it", () => {
    const p = Math.sin((2 * Math.PI * 4.5) / 20); // the highest of the sampled sine
    const rows = [1, 0.1, 0.01].map((peak) => ({ label: "yes", wave: sine(peak / 2) }));
    rows.push({ label: "yes", wave: new Float32Array(rate) });
    const { levels, labels } = describeClips(clipsOf(rows), split);
    const rms = [0.5, 0.05, 0.005].map((peak) => 20 * Math.log10(peak / Math.SQRT2));
    expect(levels.rmsDb.most).toBeCloseTo(rms[0]!, 1);
    expect(levels.rmsDb.median).toBeCloseTo((rms[1]! + rms[2]!) / 2, 1);
    expect(levels.rmsDb.least).toBe(-120);
    expect(levels.peakDb.most).toBeCloseTo(20 * Math.log10(0.5 * p), 1);
    expect(labels[0]!.rmsDb).toBe(levels.rmsDb.median);
  });

  test("lists clips at full scale, either way, and words that are all but silent", () => {
    const spike = (value: number) => Float32Array.from(noise(`${value}`), (x, i) => (i === 500 ? value : x));
    const rows = [
      { label: "yes", wave: spike(32767 / 32768) },
      { label: "yes", wave: spike(-1) },
      { label: "yes", wave: spike(32766 / 32768) },
      { label: "yes", wave: sine(0.0099) },
      { label: "yes", wave: sine(0.0105) },
      { label: "silence", wave: sine(0.001) },
    ];
    const info = describeClips(clipsOf(rows), split);
    expect(info.clipped).toEqual([0, 1]);
    expect(info.nearSilent).toEqual([3]);
  });

  test("takes lengths from the zeros at the end, or from the recordings where it knows them", () => {
    const padded = noise("padded");
    padded.fill(0, 600);
    const rows = [
      { label: "yes", wave: padded },
      { label: "no", wave: noise("whole") },
    ];
    expect(describeClips(clipsOf(rows), split).lengths).toEqual({
      seconds: { least: 0.6, median: 0.8, most: 1 },
      measured: "clips",
      padded: 1,
      cut: 0,
    });
    const known = clipsOf(rows, { recordedSeconds: [0.7, 2.5] });
    expect(describeClips(known, split).lengths).toEqual({
      seconds: { least: 0.7, median: 1.6, most: 2.5 },
      measured: "recordings",
      padded: 1,
      cut: 1,
    });
  });

  test("finds identical clips, by the rows of the data as it was read", () => {
    const rows = ["a", "b", "a", "c", "a", "c"].map((name, i) => ({
      label: i === 5 ? "no" : "yes",
      wave: noise(name),
    }));
    const clips = clipsOf(rows, { rows: Int32Array.of(10, 11, 12, 13, 14, 15) });
    expect(describeClips(clips, split).duplicates).toEqual([
      { rows: [10, 12, 14], labels: ["yes"] },
      { rows: [13, 15], labels: ["yes", "no"] },
    ]);
  });

  test("the split by speaker leaks no speaker; the random one does, and copies of clips", () => {
    const rows: Row[] = [];
    for (let i = 0; i < 60; i++) {
      for (const label of ["yes", "no"]) {
        rows.push({ label, speaker: `s${i % 12}`, wave: noise(i === 1 ? `${label} 0` : `${label} ${i}`) });
      }
    }
    const clips = clipsOf(rows);
    const bySpeaker = describeClips(clips, { ...split, kind: "speaker" }).leaks!;
    expect(bySpeaker.split).toBe("speaker");
    expect(bySpeaker.speakers).toEqual([]);
    expect(Object.values(bySpeaker.parts).reduce((a, b) => a + b)).toBe(120);
    const random = describeClips(clips, split).leaks!;
    expect(random.speakers!.length).toBeGreaterThan(6);
  });
});

describe("findLeaks", () => {
  const rows = ["a", "a", "b", "b"].map((speaker, i) => ({ label: "yes", speaker, wave: noise(`${i}`) }));
  const clips = clipsOf(rows, { rows: Int32Array.of(5, 6, 7, 8) });
  const parts = (train: number[], val: number[], test: number[]) => ({
    train: Int32Array.from(train),
    val: Int32Array.from(val),
    test: Int32Array.from(test),
  });

  test("names the speakers and the copies that are in two parts, and those alone", () => {
    expect(findLeaks(clips, parts([0], [1], [2, 3]), [[0, 2]])).toEqual({
      speakers: [{ name: "a", parts: ["train", "val"] }],
      clips: [{ rows: [5, 7], parts: ["train", "test"] }],
    });
    expect(findLeaks(clips, parts([0, 1], [2, 3], []), [[0, 1]])).toEqual({ speakers: [], clips: [] });
  });

  test("the course's split has every test clip in two parts", () => {
    const { speakers, clips: shared } = findLeaks(clips, parts([0, 1], [2, 3], [2, 3]), []);
    expect(speakers).toEqual([{ name: "b", parts: ["val", "test"] }]);
    expect(shared).toEqual([]);
  });
});
