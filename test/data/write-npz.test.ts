import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { UserError } from "../../src/base/errors.js";
import type { Clips } from "../../src/data/clips.js";
import { readNpz } from "../../src/data/formats/npz.js";
import { type NpyArray, textColumn, writeClips, writeNpz } from "../../src/data/formats/write-npz.js";
import { SampleStore } from "../../src/data/sample-store.js";
import { splitClips } from "../../src/data/split.js";
import { hasPython, runPython } from "../helpers/python.js";

const folder = mkdtempSync(join(tmpdir(), "keyspot-write-npz-"));
afterAll(() => rmSync(folder, { recursive: true }));

function clipsOf(rows: Int16Array | Float32Array, clipLength: number, more: Partial<Clips> = {}): Clips {
  const samples = SampleStore.of(clipLength, [rows]);
  const labels = Array.from({ length: samples.count }, (_, i) => ["yes", "hey kodi", "größe 😀"][i % 3]!);
  return {
    sampleRate: clipLength,
    samples,
    labels,
    rows: Int32Array.from(labels.keys()),
    sources: [],
    ...more,
  };
}

const shorts = Int16Array.from({ length: 7 * 8000 }, (_, i) => ((i * 7919) % 65536) - 32768);
const whole = clipsOf(shorts, 8000, {
  speakers: ["a", "b", "c", "a", "b", "c", "en-us+f2-mid"],
  words: ["yes", "hey kodi", "größe 😀", "yes", "hey kodi", "größe 😀", "bed"],
  officialParts: ["train", "val", "test", "train", "test", "val", "train"],
});
const floats = clipsOf(
  Float32Array.from(shorts, (x) => x / 32768 + 1e-6),
  8000,
);

const row = (clips: Clips, i: number) => {
  const out = new Float32Array(clips.samples.clipLength);
  clips.samples.read(i, out);
  return out;
};

describe("writeClips", () => {
  it.each([
    ["16-bit clips with speakers and words", whole],
    ["float clips without", floats],
  ])("writes what readNpz reads back: %s", async (_, clips) => {
    const path = join(folder, "clips.npz");
    await writeClips(path, clips);
    const read = await readNpz(path);
    expect(read.sampleRate).toBe(8000);
    expect(read.labels).toEqual(clips.labels);
    expect(read.speakers).toEqual(clips.speakers);
    expect(read.words).toEqual(clips.words);
    expect(read.officialParts).toEqual(clips.officialParts);
    expect(read.samples.count).toBe(7);
    for (let i = 0; i < 7; i++) expect(row(read, i)).toEqual(row(clips, i));
  });

  it("writes 16-bit clips as float32 when asked, and rounds floats to 16 bits when asked", async () => {
    const path = join(folder, "dtype.npz");
    await writeClips(path, whole, { dtype: "float32" });
    expect(row(await readNpz(path), 3)).toEqual(row(whole, 3));
    const loud = clipsOf(Float32Array.of(-2, -1, 0.25 + 1e-6, 0.99999, 1, 7), 6);
    await writeClips(path, loud, { dtype: "int16" });
    const expected = [-32768, -32768, 8192, 32767, 32767, 32767].map((x) => x / 32768);
    expect(Array.from(row(await readNpz(path), 0))).toEqual(expected);
  });

  it("keeps the official parts, which --split official then goes by", async () => {
    const path = join(folder, "parts.npz");
    const labels = ["yes", "no", "yes", "no", "no", "yes", "no"];
    await writeClips(path, {
      ...whole,
      labels,
      officialParts: ["val", "val", "test", "test", "train", "train", "val"],
    });
    const { train, val, test } = splitClips(await readNpz(path), {
      ...{ kind: "official", valSize: 0.1, testSize: 0.1, seed: 42 },
    });
    expect([train, val, test].map((part) => [...part])).toEqual([
      [4, 5],
      [0, 1, 6],
      [2, 3],
    ]);
  });

  it("writes the same bytes for the same clips", async () => {
    const [one, two] = [join(folder, "one.npz"), join(folder, "two.npz")];
    await writeClips(one, whole);
    await writeClips(two, whole);
    expect(readFileSync(one).equals(readFileSync(two))).toBe(true);
  });
});

describe.skipIf(!hasPython("numpy"))("NumPy reads what writeNpz writes", () => {
  it("clips: names, types, shapes and values", async () => {
    const path = join(folder, "numpy.npz");
    await writeClips(path, whole);
    const script = `
d = np.load(input)
output = {k: [str(d[k].dtype), list(d[k].shape), (d[k].ravel()[:: 1 if d[k].size < 99 else 1000]).tolist()] for k in d}
`;
    const column = (texts: readonly string[]) => [
      `<U${Math.max(...texts.map((t) => [...t].length))}`,
      [7, 1],
      texts,
    ];
    expect(runPython(script, path)).toEqual({
      label_vals: column(whole.labels),
      speaker_vals: column(whole.speakers!),
      word_vals: column(whole.words!),
      part_vals: column(whole.officialParts!),
      wav_vals: ["int16", [7, 8000], Array.from(shorts).filter((_, i) => i % 1000 === 0)],
      sample_rate: ["int32", [], [8000]],
    });
  });

  it("arrays of any number of dimensions, empty texts and no elements", async () => {
    const path = join(folder, "shapes.npz");
    const numbers = (...shape: number[]): NpyArray => {
      const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i / 2);
      return { descr: "<f4", shape, pieces: () => [new Uint8Array(values.buffer)] };
    };
    await writeNpz(path, {
      one: numbers(3),
      two: numbers(1, 2, 2),
      none: numbers(0, 4),
      text: textColumn(["", ""]),
    });
    const script = "d = np.load(input)\noutput = {k: [list(d[k].shape), d[k].ravel().tolist()] for k in d}";
    expect(runPython(script, path)).toEqual({
      one: [[3], [0, 0.5, 1]],
      two: [
        [1, 2, 2],
        [0, 0.5, 1, 1.5],
      ],
      none: [[0, 4], []],
      text: [
        [2, 1],
        ["", ""],
      ],
    });
  });
});

describe("writeNpz that fails", () => {
  const bytes = (count: number) => () => [new Uint8Array(count)];

  it.each<[string, NpyArray, RegExp]>([
    ["too few elements", { descr: "<f4", shape: [4], pieces: bytes(8) }, /number of bytes/],
    ["too many elements", { descr: "<i2", shape: [4], pieces: bytes(10) }, /number of bytes/],
    [
      "an error while the elements are made",
      {
        descr: "<i2",
        shape: [4],
        *pieces() {
          yield new Uint8Array(4);
          throw new Error("no more of them");
        },
      },
      /no more of them/,
    ],
  ])("%s: the file that was there stays, and nothing else is left", async (_, array, message) => {
    const path = mkdtempSync(join(folder, "failing-"));
    const file = join(path, "old.npz");
    writeFileSync(file, "old");
    await expect(writeNpz(file, { good: textColumn(["a"]), array })).rejects.toThrow(message);
    expect(readFileSync(file, "utf8")).toBe("old");
    expect(readdirSync(path)).toEqual(["old.npz"]);
  });

  it("ends what makes the elements, which threads may wait in", async () => {
    let ended = false;
    const array: NpyArray = {
      descr: "<i2",
      shape: [1 << 22],
      *pieces() {
        try {
          for (let i = 0; i < 1 << 7; i++) yield new Uint8Array(1 << 16).fill(i * 37);
        } finally {
          ended = true;
        }
      },
    };
    mkdirSync(join(folder, "in-the-way.npz", "x"), { recursive: true });
    // The rename fails once all is written; a stream that is cut short ends its generator too.
    await expect(writeNpz(join(folder, "in-the-way.npz"), { array })).rejects.toThrow(UserError);
    expect(ended).toBe(true);
    ended = false;
    const limited = { ...array, shape: [1] };
    await expect(writeNpz(join(folder, "short.npz"), { limited })).rejects.toThrow(/number of bytes/);
    await vi.waitFor(() => expect(ended).toBe(true));
  });

  it("a path that cannot be written is the user's mistake", async () => {
    const file = join(folder, "a-file");
    writeFileSync(file, "");
    const path = join(file, "x.npz");
    await expect(writeNpz(path, { a: textColumn(["a"]) })).rejects.toThrow(UserError);
    mkdirSync(join(folder, "taken.npz"));
    await expect(writeNpz(join(folder, "taken.npz"), { a: textColumn(["a"]) })).rejects.toThrow(/a folder/);
    expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
    expect(existsSync(path)).toBe(false);
  });

  it("an element type that NumPy has not", async () => {
    const array = { descr: "float", shape: [1], pieces: bytes(4) };
    await expect(writeNpz(join(folder, "x.npz"), { array })).rejects.toThrow(
      /expected an element type of integers, floats or text, found float/,
    );
  });
});
