import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { UserError } from "../../src/base/errors.js";
import type { Clips } from "../../src/data/clips.js";
import { readNpz } from "../../src/data/formats/npz.js";
import { type NpyArray, npyBytes, sampleRows, scalar, textColumn, writeNpz } from "../helpers/npz.js";
import { hasPython, runPython } from "../helpers/python.js";

const subset = fileURLToPath(new URL("../../../shared/data/speech_commands_8k_subset.npz", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "keyspot-npz-"));
const path = join(folder, "clips.npz");
afterAll(() => rmSync(folder, { recursive: true }));

const rows = [
  [0.5, -0.25, 0, -1],
  [0.125, 1 / 32768, -1 / 32768, 32767 / 32768],
];
const labels = textColumn(["yes", "no"]);
const good = { wav_vals: sampleRows(rows), label_vals: labels };

function samplesOf(clips: Clips): number[][] {
  return clips.labels.map((_, row) => {
    const out = new Float32Array(clips.samples.clipLength);
    clips.samples.read(row, out);
    return Array.from(out);
  });
}

describe.skipIf(!hasPython("numpy"))("readNpz of files that NumPy wrote", () => {
  interface Written {
    name: string;
    samples: number[][];
    labels: string[];
  }
  const dtypes = [
    "<f2",
    ">f2",
    "<f4",
    ">f4",
    "<f8",
    ">f8",
    "|i1",
    "|u1",
    "<i2",
    ">i2",
    "<u2",
    "<i4",
    ">i4",
    "<u4",
    "<i8",
    ">i8",
    "<u8",
    ">u8",
  ];
  let written: Written[];
  beforeAll(() => {
    written = runPython<Written[]>(
      `
import os
output = []
rng = np.random.default_rng(5)
labels = np.array(["yes", "no", "n\\u00f6", "\\U0001F600!", "unknow", "slience", "stop"])
mended = ["yes", "no", "n\\u00f6", "\\U0001F600!", "unknown", "silence", "stop"]
for i, descr in enumerate(input["dtypes"]):
    dtype = np.dtype(descr)
    if dtype.kind == "f":
        x = rng.uniform(-1, 1, (7, 50)).astype(dtype)
        expected = x.astype(np.float32)
    else:
        limits = np.iinfo(dtype)
        x = rng.integers(limits.min, limits.max, (7, 50), dtype=dtype.newbyteorder("="), endpoint=True).astype(dtype)
        half = 2.0 ** (8 * dtype.itemsize - 1)
        expected = ((x.astype(np.float64) - (half if dtype.kind == "u" else 0)) / half).astype(np.float32)
    name = os.path.join(input["folder"], f"numpy{i}.npz")
    save = np.savez_compressed if i % 2 else np.savez
    save(name, wav_vals=x, label_vals=(labels if i % 3 else labels.reshape(-1, 1)).astype(">U7" if i % 4 else "<U7"))
    output.append({"name": name, "samples": expected, "labels": mended})
`,
      { folder, dtypes },
    );
  });

  it.each(dtypes.map((descr, i) => [descr, i] as const))("samples of dtype %s", async (_, i) => {
    const { name, samples, labels } = written[i]!;
    const clips = await readNpz(name);
    expect(clips.labels).toEqual(labels);
    expect(clips.sampleRate).toBe(50);
    expect(samplesOf(clips)).toEqual(samples);
  });

  it("the course's layout: the same labels and samples as NumPy reads", async () => {
    const name = join(folder, "course.npz");
    const expected = runPython<{ labels: string[]; row: number[]; sums: number[] }>(
      `
rng = np.random.default_rng(6)
x = np.round(rng.standard_normal((300, 8000)) * 3000).astype(np.float32) / 32768
x[280:] *= np.float32(0.7)
y = np.array(["yes", "no", "unknow", "slience"])[rng.integers(0, 4, (300, 1))].astype("<U7")
np.savez_compressed(input, wav_vals=x, label_vals=y)
output = {"labels": y[:, 0], "row": x[290], "sums": x.astype(np.float64).sum(1)}
`,
      name,
    );
    const clips = await readNpz(name);
    const mended = { unknow: "unknown", slience: "silence" } as Record<string, string>;
    expect(clips.labels).toEqual(expected.labels.map((label) => mended[label] ?? label));
    const samples = samplesOf(clips);
    expect(samples[290]).toEqual(expected.row);
    samples.forEach((row, i) => {
      expect(row.reduce((a, b) => a + b)).toBeCloseTo(expected.sums[i]!, 8);
    });
  });
});

describe("readNpz of 64-bit integers, which NumPy makes of whole numbers that nobody gave a dtype", () => {
  it.each([
    ["int8", -128, 127, 8],
    ["int16", -32768, 3000, 16],
    ["int16", -129, 100, 16],
    ["int24", -5, 32768, 24],
    ["int32", -(2 ** 31), 0, 32],
    ["int64", -(2 ** 31) - 1, 5, 64],
    ["int64", -(2 ** 63), 2 ** 62, 64],
    ["uint8", 0, 255, 8],
    ["uint16", 3, 256, 16],
    ["uint24", 0, 65536, 24],
    ["uint32", 0, 2 ** 31, 32],
    ["uint64", 0, 2 ** 32, 64],
  ] as const)("takes those that hold %s, from %d to %d, for such", async (kind, least, most, bits) => {
    const name = join(folder, "wide.npz");
    const full = 2 ** (bits - 1);
    const zero = kind.startsWith("u") ? full : 0;
    for (const order of ["<", ">"]) {
      const rows = [Array(4).fill(0), [0, 0, least, 0], [0, 0, 0, most]];
      const wav_vals = sampleRows(rows, `${order}${zero > 0 ? "u" : "i"}8`);
      writeNpz(name, { wav_vals, label_vals: textColumn(["yes", "no", "up"]) });
      const samples = samplesOf(await readNpz(name));
      expect(samples[1]![2]).toBe(Math.fround((least - zero) / full));
      expect(samples[2]![3]).toBe(Math.fround((most - zero) / full));
      expect(samples[0]![0]).toBe(Math.fround((0 - zero) / full));
    }
  });
});

describe("readNpz", () => {
  it.each([{}, { compressed: true }, { zip64: true }, { compressed: true, zip64: true }])(
    "reads what was written with %j",
    async (options) => {
      writeNpz(path, good, options);
      const seen: number[][] = [];
      const clips = await readNpz(path, { onProgress: (...progress) => seen.push(progress) });
      expect(samplesOf(clips)).toEqual(rows);
      expect(clips).toMatchObject({ sampleRate: 4, labels: ["yes", "no"], rows: Int32Array.of(0, 1) });
      expect(clips.sources).toMatchObject([{ path, rows: 2 }]);
      expect(clips.speakers).toBeUndefined();
      expect(clips.words).toBeUndefined();
      expect(seen.at(-1)).toEqual([2, 2]);
    },
  );

  it("reads the official parts", async () => {
    writeNpz(path, { ...good, part_vals: textColumn(["test", "val"]) });
    expect((await readNpz(path)).officialParts).toEqual(["test", "val"]);
  });

  it("reads speakers, words and the sample rate", async () => {
    writeNpz(path, {
      ...good,
      speaker_vals: textColumn(["ann", "bob"], [2]),
      word_vals: { descr: "|S4", shape: [2, 1], data: ["yes", "nö"] },
      sample_rate: scalar(4, "<f8"),
    });
    const clips = await readNpz(path);
    expect(clips).toMatchObject({ sampleRate: 4, speakers: ["ann", "bob"], words: ["yes", "nö"] });
  });

  it("has no speakers where one is empty", async () => {
    writeNpz(path, { ...good, speaker_vals: textColumn(["ann", ""]) });
    expect((await readNpz(path)).speakers).toBeUndefined();
  });

  it.each([1, 2, 3] as const)("reads version %i of the npy format", async (version) => {
    writeNpz(path, { wav_vals: { ...good.wav_vals, version }, label_vals: { ...labels, version } });
    expect(samplesOf(await readNpz(path))).toEqual(rows);
  });

  it("reads more labels than one call can spread", async () => {
    const many = Array.from({ length: 20_000 }, (_, i) => `label${i % 7}`);
    writeNpz(path, { wav_vals: sampleRows(many.map((_, i) => [i / 32768])), label_vals: textColumn(many) });
    const clips = await readNpz(path);
    expect(clips.labels).toEqual(many);
    expect(samplesOf(clips)[19_999]).toEqual([19_999 / 32768]);
  });

  it("reads one column in Fortran order, which is C order too", async () => {
    writeNpz(path, { ...good, label_vals: { ...labels, fortranOrder: true } });
    expect((await readNpz(path)).labels).toEqual(["yes", "no"]);
  });

  it("closes the file and passes on what the listener throws", async () => {
    const stop = new Error("enough");
    writeNpz(path, {
      wav_vals: sampleRows(Array(600).fill(Array(1000).fill(0))),
      label_vals: textColumn(Array(600).fill("a")),
    });
    const onProgress = () => {
      throw stop;
    };
    await expect(readNpz(path, { onProgress })).rejects.toBe(stop);
  });

  it("gives the same content the same fingerprint, however it is packed", async () => {
    const fingerprint = async () => (await readNpz(path)).sources[0]!.fingerprint;
    writeNpz(path, good);
    const first = await fingerprint();
    writeNpz(path, { label_vals: good.label_vals, wav_vals: good.wav_vals }, { compressed: true });
    expect(await fingerprint()).toBe(first);
    writeNpz(path, { ...good, label_vals: textColumn(["yes", "up"]) });
    expect(await fingerprint()).not.toBe(first);
  });
});

describe.skipIf(!existsSync(subset))("readNpz of real speech (../shared/data)", () => {
  it("has the clips, labels, speakers and words that its README counts", async () => {
    const clips = await readNpz(subset);
    const counts: Record<string, number> = {};
    for (const label of clips.labels) counts[label] = (counts[label] ?? 0) + 1;
    expect(counts).toEqual({
      yes: 312,
      no: 283,
      up: 306,
      down: 296,
      left: 299,
      right: 332,
      on: 293,
      off: 299,
      stop: 293,
      go: 297,
      unknown: 561,
      silence: 381,
    });
    const voices = new Set(clips.speakers!.filter((name) => !name.startsWith("bg_")));
    expect(voices.size).toBe(269);
    expect(clips.words!.filter((word) => word === "zero")).toHaveLength(60);
    expect(clips.sampleRate).toBe(8000);
    expect(clips.samples.count).toBe(3952);
  });
});

describe("readNpz of bad files", () => {
  const tampered = (change: (bytes: Buffer) => Buffer | undefined, compressed = false) => {
    writeNpz(path, good, { compressed });
    const bytes = readFileSync(path);
    writeFileSync(path, change(bytes) ?? bytes);
  };
  /** Where the first member's record in the zip's directory begins. */
  const directory = (bytes: Buffer) => bytes.indexOf(Buffer.from("PK\x01\x02", "latin1"));
  const withHeader = (text: string, data = Buffer.alloc(32)): Buffer => {
    const header = Buffer.from(`\x93NUMPY\x01\x00..${text}\n`, "latin1");
    header.writeUInt16LE(text.length + 1, 8);
    return Buffer.concat([header, data]);
  };
  const wav = (array: NpyArray | Buffer) => writeNpz(path, { ...good, wav_vals: array });
  const label = (array: NpyArray | Buffer) => writeNpz(path, { ...good, label_vals: array });

  const cases: [what: string, make: () => void, message: RegExp][] = [
    ["missing", () => rmSync(path, { force: true }), /cannot read .*: no such file/],
    ["empty", () => writeFileSync(path, ""), /is empty/],
    ["not a zip", () => writeFileSync(path, "RIFF and so on, for a while"), /not an npz file.*"RIFF a"/],
    ["an npy file", () => writeFileSync(path, npyBytes(good.wav_vals)), /single NumPy array/],
    ["cut off", () => tampered((bytes) => bytes.subarray(0, bytes.length - 30)), /cut off/],
    ["cut off early", () => tampered((bytes) => bytes.subarray(0, 40)), /cut off/],
    ["cut out", () => tampered((b) => Buffer.concat([b.subarray(0, 99), b.subarray(150)])), /damaged/],
    [
      "with a changed sample",
      () => tampered((b) => void b.writeUInt8(b.readUInt8(200) ^ 1, 200)),
      /wav_vals.npy is damaged: its CRC-32 is [0-9a-f]{8}, the zip says/,
    ],
    [
      "with bad deflate data",
      () => tampered((b) => void b.fill(0xff, 62, 66), true),
      /wav_vals.npy is damaged/,
    ],
    [
      "encrypted",
      () => tampered((b) => void b.writeUInt16LE(1, directory(b) + 8), true),
      /wav_vals.npy is encrypted/,
    ],
    [
      "compressed in another way",
      () => tampered((b) => void b.writeUInt16LE(12, directory(b) + 10), true),
      /method 12, expected 0 \(stored\) or 8/,
    ],
    [
      "with less than the zip promises",
      () => tampered((b) => void b.writeUInt32LE(200, directory(b) + 24), true),
      /promises \(2, 4\) float32, which is 32 bytes, but 72 follow/,
    ],
    [
      "with more than compressed bytes can hold",
      () => tampered((b) => void b.writeUInt32LE(0xfffffff0, directory(b) + 24), true),
      /claims to hold 4294967280 bytes/,
    ],
    [
      "whose member lies outside",
      () => tampered((b) => void b.writeUInt32LE(0x7fffffff, directory(b) + 42)),
      /damaged: unexpected end of file/,
    ],
    ["without samples", () => writeNpz(path, { label_vals: labels }), /no array wav_vals; it has label_vals/],
    [
      "without labels",
      () => writeNpz(path, { wav_vals: good.wav_vals }),
      /no array label_vals; it has wav_vals/,
    ],
    ["without anything", () => writeNpz(path, {}), /no array label_vals; it has none/],
    ["with one long row", () => wav({ ...good.wav_vals, shape: [8] }), /shape is \(8,\), \(clips, samples\)/],
    ["with three dimensions", () => wav({ ...good.wav_vals, shape: [2, 2, 2] }), /shape is \(2, 2, 2\)/],
    [
      "with bool samples",
      () => wav(withHeader("{'descr': '|b1', 'fortran_order': False, 'shape': (2, 16)}")),
      /bool/,
    ],
    [
      "with complex samples",
      () => wav(withHeader("{'descr': '<c8', 'fortran_order': False, 'shape': (2, 2)}")),
      /complex64, float16/,
    ],
    ["with samples as text", () => wav(textColumn(["a", "b"])), /dtype is <U1, float16/],
    [
      "with Python objects",
      () => wav(withHeader("{'descr': '|O', 'fortran_order': False, 'shape': (2, 4)}")),
      /Python objects/,
    ],
    [
      "with records",
      () => wav(withHeader("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (8,)}")),
      /no plain dtype/,
    ],
    ["with no shape", () => wav(withHeader("{'descr': '<f4', 'fortran_order': False}")), /no usable shape/],
    [
      "with a negative shape",
      () => wav(withHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (-2, -4)}")),
      /no usable shape/,
    ],
    [
      "with a shape beyond all bounds",
      () => wav(withHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 99999999999)}")),
      /no usable shape/,
    ],
    [
      "whose header promises more than there is",
      () => wav(withHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (50620, 8000)}")),
      /promises \(50620, 8000\) float32, which is 1619840000 bytes, but 32 follow/,
    ],
    [
      "with no header",
      () => wav(Buffer.from("\x93NUMPY\x01\x00\xff\xff, and not so much", "latin1")),
      /header has 65535/,
    ],
    [
      "of an unknown npy version",
      () => wav(Buffer.from("\x93NUMPY\x07\x00\x01\x00 abc", "latin1")),
      /version is 7/,
    ],
    ["with a member of three bytes", () => wav(Buffer.from("abc")), /has 3 bytes/],
    ["with a member that is no npy", () => wav(Buffer.from("something else")), /signature/],
    [
      "in Fortran order",
      () => wav({ ...good.wav_vals, fortranOrder: true }),
      /Fortran order.*ascontiguousarray/,
    ],
    ["with NaN", () => wav(sampleRows([rows[0]!, [0, 0, Number.NaN, 0]])), /row 1 holds NaN at sample 2/],
    [
      "with infinity",
      () => wav(sampleRows([[0, -1 / 0, 0, 0], rows[0]!])),
      /row 0 holds -Infinity at sample 1/,
    ],
    [
      "with float64 beyond float32",
      () =>
        wav(
          sampleRows(
            [
              [0, 1e300],
              [0, 0],
            ],
            "<f8",
          ),
        ),
      /row 0 holds Infinity/,
    ],
    [
      "with no rows",
      () => writeNpz(path, { wav_vals: sampleRows([]), label_vals: textColumn([]) }),
      /label_vals.npy: its shape is \(0, 1\): it has no rows/,
    ],
    ["with no columns", () => wav(sampleRows([[], []])), /it holds no samples/],
    ["with more rows than labels", () => label(textColumn(["yes"])), /has 2 rows, but label_vals has 1/],
    [
      "with more speakers than labels",
      () => writeNpz(path, { ...good, speaker_vals: textColumn(["a", "b", "c"]) }),
      /speaker_vals.npy: it has 3 rows, but label_vals has 2/,
    ],
    ["with an empty label", () => label(textColumn(["yes", ""])), /row 1 of label_vals is empty/],
    [
      "with an unknown part",
      () => writeNpz(path, { ...good, part_vals: textColumn(["val", "training"]) }),
      /row 1 of part_vals is "training", train, val or test was expected/,
    ],
    ["with numbers as labels", () => label(sampleRows([[1], [2]], "<i8")), /dtype is int64, text/],
    [
      "with two columns of labels",
      () => label(textColumn(["a", "b", "c", "d"], [2, 2])),
      /shape is \(2, 2\)/,
    ],
    [
      "with characters that are none",
      () =>
        label(withHeader("{'descr': '<U1', 'fortran_order': False, 'shape': (2,)}", Buffer.alloc(8, 0x7f))),
      /row 0 is not text/,
    ],
    [
      "of another rate",
      () => writeNpz(path, { ...good, sample_rate: scalar(8) }),
      /4 samples, but sample_rate is 8/,
    ],
    [
      "with two rates",
      () => writeNpz(path, { ...good, sample_rate: sampleRows([[4, 4]]) }),
      /sample_rate.npy: one number was expected, found \(1, 2\) float32/,
    ],
  ];

  it.each(cases)("%s: says so in one line", async (_, make, message) => {
    make();
    const error = await readNpz(path).then(
      () => undefined,
      (error) => error,
    );
    expect(error).toBeInstanceOf(UserError);
    expect(error).toMatchObject({ exitCode: 1 });
    expect(error.message).toMatch(message);
    expect(error.message).toContain(path);
    expect(error.message).not.toContain("\n");
  });

  it("a folder instead of a file", async () => {
    await expect(readNpz(folder)).rejects.toThrow(/it is a folder/);
  });

  it.each([{}, { compressed: true, zip64: true }])(
    "any byte changed: the same clips or a UserError (%j)",
    async (options) => {
      writeNpz(path, good, options);
      const bytes = readFileSync(path);
      const expected = { labels: ["yes", "no"], samples: rows };
      let errors = 0;
      await fc.assert(
        fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
          const changed = Buffer.from(bytes);
          changed[at]! ^= change;
          writeFileSync(path, changed);
          try {
            const clips = await readNpz(path);
            expect({ labels: clips.labels, samples: samplesOf(clips) }).toEqual(expected);
          } catch (error) {
            if (!(error instanceof UserError)) throw error;
            errors++;
          }
        }),
        { numRuns: 200 },
      );
      expect(errors).toBeGreaterThan(40);
    },
  );
});
