import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeWav } from "../../src/audio/wav/decode.js";
import type { Clips } from "../../src/data/clips.js";
import { atSampleRate, loadClips, selectClips } from "../../src/data/load.js";
import { expectNear } from "../helpers/near.js";
import { sampleRows, textColumn, writeNpz } from "../helpers/npz.js";

const folder = mkdtempSync(join(tmpdir(), "keyspot-load-"));
const file = (name: string) => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true }));

/** A 20 Hz tone of one second, its amplitude telling the row. */
function tone(rate: number, amplitude: number): Float32Array {
  return Float32Array.from({ length: rate }, (_, i) => amplitude * Math.sin((2 * Math.PI * 20 * i) / rate));
}

function waveOf(clips: Clips, row: number): Float32Array {
  const out = new Float32Array(clips.samples.clipLength);
  clips.samples.read(row, out);
  return out;
}

beforeAll(() => {
  writeNpz(file("a.npz"), {
    wav_vals: sampleRows([tone(1000, 0.1), tone(1000, 0.2), tone(1000, 0.3)]),
    label_vals: textColumn(["yes", "no", "unknow"]),
    speaker_vals: textColumn(["ann", "bob", "ann"]),
    word_vals: textColumn(["yes", "no", "cat"]),
  });
  writeNpz(file("b.npz"), {
    wav_vals: sampleRows([tone(2000, 0.4), tone(2000, 0.5)]),
    label_vals: textColumn(["no", "up"]),
    speaker_vals: textColumn(["bob", "cas"]),
  });
  writeNpz(file("plain.npz"), {
    wav_vals: sampleRows([tone(1000, 0.6)]),
    label_vals: textColumn(["up"]),
  });
  mkdirSync(file("words/yes"), { recursive: true });
  writeFileSync(file("words/yes/dan_nohash_0.wav"), encodeWav(tone(8000, 0.7), 8000));
});

describe("loadClips", () => {
  const seed = 1;

  it("reads one file as it is", async () => {
    const clips = await loadClips([file("a.npz")], { seed });
    expect(clips).toMatchObject({
      sampleRate: 1000,
      labels: ["yes", "no", "unknown"],
      speakers: ["ann", "bob", "ann"],
      words: ["yes", "no", "cat"],
      rows: Int32Array.of(0, 1, 2),
    });
    expect(clips.sources.map((source) => source.path)).toEqual([file("a.npz")]);
  });

  it("joins data in order, at the first one's rate", async () => {
    const clips = await loadClips([file("a.npz"), file("b.npz"), file("words")], { seed, sampleRate: 4000 });
    expect(clips.labels).toEqual(["yes", "no", "unknown", "no", "up", "yes"]);
    expect(clips.speakers).toEqual(["ann", "bob", "ann", "bob", "cas", "dan"]);
    expect(clips.rows).toEqual(Int32Array.of(0, 1, 2, 3, 4, 5));
    expect(clips.sources.map((source) => source.rows)).toEqual([3, 2, 1]);
    expect(clips.sampleRate).toBe(1000);
    expect(clips.samples).toMatchObject({ clipLength: 1000, count: 6 });
    [0.1, 0.2, 0.3, 0.4, 0.5, 0.7].forEach((amplitude, row) => {
      // The resampling filter sees silence before and after the clip, so the ends differ.
      const inside = [waveOf(clips, row), tone(1000, amplitude)].map((wave) => wave.subarray(50, -50));
      expectNear(inside[0]!, inside[1]!, 0.002, `row ${row}`);
    });
  });

  it("leaves out what only a part tells", async () => {
    const joined = await loadClips([file("a.npz"), file("plain.npz")], { seed });
    expect(joined.labels).toHaveLength(4);
    expect(joined.speakers).toBeUndefined();
    expect(joined.words).toBeUndefined();
    expect((await loadClips([file("a.npz"), file("b.npz")], { seed })).words).toBeUndefined();
  });

  it("reads a folder at the rate asked for, else at 8 kHz", async () => {
    expect(await loadClips([file("words")], { seed, sampleRate: 4000 })).toMatchObject({ sampleRate: 4000 });
    const clips = await loadClips([file("words")], { seed });
    expect(clips).toMatchObject({ sampleRate: 8000, labels: ["yes"], speakers: ["dan"] });
    expectNear(waveOf(clips, 0), tone(8000, 0.7), 1e-4);
  });

  it("keeps the labels asked for, and the rows' numbers in the data as read", async () => {
    const clips = await loadClips([file("a.npz"), file("b.npz")], { seed, labels: ["up", "no"] });
    expect(clips.labels).toEqual(["no", "no", "up"]);
    expect(clips.rows).toEqual(Int32Array.of(1, 3, 4));
    expect(clips.speakers).toEqual(["bob", "bob", "cas"]);
    expect(waveOf(clips, 0)).toEqual(tone(1000, 0.2));
    await expect(loadClips([file("a.npz")], { seed, labels: ["cat"] })).rejects.toThrow(
      /no clip labelled cat/,
    );
  });

  it("takes a sample by the seed", async () => {
    const values = Array.from({ length: 60 }, (_, i) => i / 64);
    writeNpz(file("many.npz"), {
      wav_vals: sampleRows(values.map((value) => [value])),
      label_vals: textColumn(values.map((_, i) => ["yes", "no", "up"][i % 3]!)),
    });
    const load = (seed: number, limit: number) => loadClips([file("many.npz")], { seed, limit });
    const clips = await load(1, 12);
    expect(clips.labels.toSorted()).toEqual(["no", "up", "yes"].flatMap((label) => Array(4).fill(label)));
    clips.rows.forEach((row, i) => {
      expect(waveOf(clips, i)[0]).toBe(values[row]);
    });
    expect((await load(1, 12)).rows).toEqual(clips.rows);
    expect((await load(2, 12)).rows).not.toEqual(clips.rows);
    expect((await load(1, 1000)).rows).toHaveLength(60);
  });

  it("counts the clips read", async () => {
    const seen: string[] = [];
    const onProgress = (done: number, total: number) => seen.push(`${done}/${total}`);
    await loadClips([file("a.npz"), file("words")], { seed, onProgress });
    expect(seen).toEqual(["3/3", "1/1"]);
  });

  it.each([
    [[], {}, 2, /no data was given/],
    [["a.npz"], { limit: 0 }, 2, /--limit is a number of clips above 0, found 0/],
    [["a.npz"], { limit: 1.5 }, 2, /--limit/],
    [["nowhere.npz"], {}, 1, /cannot read .*nowhere.npz: no such file or folder/],
    [["a.npz", "a.npz"], {}, 1, /a\.npz is given twice: give it once$/],
    [["a.npz", "copy.npz"], {}, 1, /copy.npz holds the same data as .*a.npz: give it once/],
  ])("refuses %j with %j", async (names, options, exitCode, message) => {
    writeNpz(file("copy.npz"), {
      wav_vals: sampleRows([tone(1000, 0.1), tone(1000, 0.2), tone(1000, 0.3)]),
      label_vals: textColumn(["yes", "no", "unknow"]),
      speaker_vals: textColumn(["ann", "bob", "ann"]),
      word_vals: textColumn(["yes", "no", "cat"]),
    });
    await expect(loadClips(names.map(file), { seed, ...options })).rejects.toMatchObject({
      exitCode,
      message: expect.stringMatching(message),
    });
  });
});

const packaged = fileURLToPath(new URL("../../assets/sample.npz", import.meta.url));

describe.skipIf(!existsSync(packaged))("the set that ships with the package", () => {
  it("is read by its name alone", async () => {
    const clips = await loadClips(["sample"], { seed: 1 });
    expect(new Set(clips.labels).size).toBe(12);
    expect(clips.speakers).toHaveLength(clips.labels.length);
    expect(clips.sources).toMatchObject([{ path: "sample", rows: clips.labels.length }]);
  });
});

describe("atSampleRate", () => {
  it("gives the same clips where the rate is theirs, else resampled ones", async () => {
    const clips = await loadClips([file("a.npz")], { seed: 1 });
    expect(atSampleRate(clips, 1000)).toBe(clips);
    const faster = atSampleRate(clips, 3000);
    expect(faster).toMatchObject({ sampleRate: 3000, labels: clips.labels, speakers: clips.speakers });
    expectNear(waveOf(faster, 1).subarray(150, -150), tone(3000, 0.2).subarray(150, -150), 0.002);
  });
});

describe("selectClips", () => {
  it("takes rows in the order given", async () => {
    const clips = selectClips(await loadClips([file("a.npz")], { seed: 1 }), Int32Array.of(2, 0));
    expect(clips).toMatchObject({
      labels: ["unknown", "yes"],
      words: ["cat", "yes"],
      rows: Int32Array.of(2, 0),
    });
    expect(waveOf(clips, 1)).toEqual(tone(1000, 0.1));
  });
});
