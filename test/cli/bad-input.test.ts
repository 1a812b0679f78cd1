import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RunFolder } from "../../src/run/folder.js";
import { contentOf, easyTraining, fail, kws, succeed, writeEasyTones } from "../helpers/kws.js";
import { type NpyArray, npyBytes, sampleRows, scalar, textColumn, writeNpz } from "../helpers/npz.js";
import { wavFile } from "../helpers/wav.js";

const cwd = mkdtempSync(join(tmpdir(), "keyspot-bad-"));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));
const at = (...path: string[]) => join(cwd, ...path);

beforeAll(async () => {
  writeEasyTones(at("tones.npz"));
  await succeed(["train", "--data", "tones.npz", ...easyTraining, "--epochs", "1", "--out", "run"], { cwd });
});

/** Expects the error, and nothing changed, removed or left behind. */
async function failAndLeaveAll(args: readonly string[], message: RegExp): Promise<void> {
  const before = contentOf(cwd);
  await fail(args, 1, message, { cwd });
  expect(contentOf(cwd)).toEqual(before);
}

describe("a data set that will not do", () => {
  const clips = 30;
  const labels = textColumn(Array.from({ length: clips }, (_, i) => ["yes", "no", "up"][i % 3]!));
  const waves = Array.from({ length: clips }, (_, i) =>
    Array.from({ length: 64 }, (_, j) => Math.fround(Math.sin(i * j))),
  );
  const good = { wav_vals: sampleRows(waves), label_vals: labels };
  const one = (value: number) =>
    sampleRows(waves.map((wave, i) => (i === 7 ? [...wave.slice(1), value] : wave)));
  const write = (arrays: Record<string, NpyArray | Buffer>) => () => writeNpz(at("bad.npz"), arrays);
  const tampered = (change: (bytes: Buffer) => Buffer | undefined) => () => {
    writeNpz(at("bad.npz"), good, { compressed: true });
    const bytes = readFileSync(at("bad.npz"));
    writeFileSync(at("bad.npz"), change(bytes) ?? bytes);
  };
  const directory = (bytes: Buffer) => bytes.indexOf(Buffer.from("PK\x01\x02", "latin1"));
  const objects = () => {
    const header = Buffer.from(
      "\x93NUMPY\x01\x00..{'descr': '|O', 'fortran_order': False, 'shape': (30, 64)}\n",
      "latin1",
    );
    header.writeUInt16LE(header.length - 10, 8);
    return Buffer.concat([header, Buffer.alloc(64)]);
  };

  const cases: [string, () => void, RegExp][] = [
    ["missing", () => rmSync(at("bad.npz"), { force: true }), /cannot read bad\.npz: no such file/],
    ["empty", () => writeFileSync(at("bad.npz"), ""), /bad\.npz is empty/],
    ["truncated", tampered((bytes) => bytes.subarray(0, -40)), /bad\.npz .*cut off/],
    ["corrupt", tampered((bytes) => void bytes.fill(0xff, 90, 120)), /wav_vals\.npy is damaged/],
    ["encrypted", tampered((b) => void b.writeUInt16LE(1, directory(b) + 8)), /wav_vals\.npy is encrypted/],
    ["no zip", () => writeFileSync(at("bad.npz"), "RIFF and so on, for a while"), /is not an npz file/],
    ["a lone array", () => writeFileSync(at("bad.npz"), npyBytes(good.wav_vals)), /single NumPy array/],
    ["without labels", write({ wav_vals: good.wav_vals }), /no array label_vals; it has wav_vals/],
    ["without samples", write({ label_vals: labels }), /no array wav_vals; it has label_vals/],
    [
      "of one dimension",
      write({ ...good, wav_vals: { ...good.wav_vals, shape: [clips * 64] } }),
      /shape is \(1920,\)/,
    ],
    [
      "of another length than its labels",
      write({ ...good, wav_vals: sampleRows(waves.slice(1)) }),
      /29 rows, but .*30/,
    ],
    ["with text for samples", write({ ...good, wav_vals: labels }), /is <U3|shape is \(30, 1\)/],
    [
      "with numbers for labels",
      write({ ...good, label_vals: sampleRows(waves.map(() => [1])) }),
      /text was expected/,
    ],
    ["with Python objects", write({ ...good, wav_vals: objects() }), /Python objects/],
    ["with NaN", write({ ...good, wav_vals: one(Number.NaN) }), /row 7\b.*NaN|NaN.*row 7\b/],
    [
      "with infinity",
      write({ ...good, wav_vals: one(Number.POSITIVE_INFINITY) }),
      /row 7\b.*Infinity|Infinity.*row 7\b/,
    ],
    [
      "with no rows",
      write({ wav_vals: sampleRows([]), label_vals: textColumn([]) }),
      /it has no rows|no samples/,
    ],
    [
      "of another rate than it says",
      write({ ...good, sample_rate: scalar(8000) }),
      /64 samples, but sample_rate is 8000/,
    ],
    [
      "of one label",
      write({ ...good, label_vals: textColumn(waves.map(() => "yes")) }),
      /expected data with at least 2 labels, found 1$/m,
    ],
  ];
  test.each(cases)("%s", async (_, make, message) => {
    make();
    const flags = ["--data", "bad.npz", "--model", "conv1d", "--width", "0.05", "--backend", "cpu"];
    await failAndLeaveAll(["train", ...flags, "--out", "out"], message);
  });

  test("an empty folder, and a folder with a WAV that is none", async () => {
    mkdirSync(at("words/yes"), { recursive: true });
    const flags = ["--data", "words", "--model", "conv1d", "--backend", "cpu", "--out", "out"];
    await failAndLeaveAll(["train", ...flags], /words has no word folders with WAV files/);
    writeFileSync(at("words/yes/a_nohash_0.wav"), "not a WAV");
    await failAndLeaveAll(["train", ...flags], /a_nohash_0\.wav is not a WAV file/);
  });
});

describe("a report's folder", () => {
  test("with another's page or figures is left as it is", async () => {
    mkdirSync(at("page"));
    const evaluate = ["evaluate", "run", "--backend", "wasm", "--report", "page"];
    writeFileSync(at("page/index.html"), "<title>my page</title>");
    await failAndLeaveAll(
      evaluate,
      /index\.html is not a report by keyspot and is left as it is: .*--report/,
    );
    await failAndLeaveAll(
      ["compare", "run", "run2", "--report", "page"],
      /index\.html is not a report by keyspot/,
    );
    rmSync(at("page/index.html"));
    writeFileSync(at("page/confusion.png"), "mine");
    await failAndLeaveAll(evaluate, /confusion\.png is not part of a report by keyspot/);
    rmSync(at("page/confusion.png"));
    writeFileSync(at("page/notes.txt"), "mine");
    await succeed(evaluate, { cwd });
    await succeed(evaluate, { cwd }); // its own is written anew
    expect(readFileSync(at("page/notes.txt"), "utf8")).toBe("mine");
  });
});

describe("a WAV file that will not do", () => {
  const wav = () =>
    wavFile([Float32Array.from({ length: 1024 }, (_, i) => Math.sin(i / 9))], { sampleRate: 8000 });
  const cases: [string, () => Uint8Array, RegExp][] = [
    ["empty", () => Buffer.alloc(0), /bad\.wav is (empty|not a WAV file)/],
    ["truncated", () => wav().subarray(0, 500), /bad\.wav is truncated/],
    ["of length zero", () => wavFile([[]]), /bad\.wav holds no samples/],
    ["no WAV", () => readFileSync(at("tones.npz")), /bad\.wav is not a WAV file/],
    [
      "with a huge header",
      () => {
        const bytes = wav();
        bytes.writeUInt32LE(0xfffffff0, bytes.indexOf("data") + 4);
        return bytes;
      },
      /bad\.wav is truncated.*4294967280/,
    ],
    ["with NaN", () => wavFile([[0.1, Number.NaN, 0.2]], { codec: "float32" }), /finite samples .*found NaN/],
  ];
  test.each(cases)("%s", async (_, make, message) => {
    writeFileSync(at("bad.wav"), make());
    await failAndLeaveAll(["predict", "run", "bad.wav"], message);
  });

  test("is the only news", async () => {
    const { stderr } = await kws(["predict", "run", "absent.wav"], { cwd });
    expect(stderr).toMatch(/^error: cannot read absent\.wav: [^\n]+\n$/);
  });

  test("missing, or a folder", async () => {
    await failAndLeaveAll(["predict", "run", "absent.wav"], /cannot read absent\.wav: no such file/);
    await failAndLeaveAll(["predict", "run", "run"], /cannot read run: it is a folder/);
  });
});

/** A file system of its own, so small that it is soon full. Mounting one needs Linux and the right to. */
const disk = join(cwd, "disk");
const mount = (...args: string[]) => spawnSync("mount", args).status === 0;
mkdirSync(disk);
const hasDisk = mount("-t", "tmpfs", "-o", "size=12k", "tmpfs", disk);
if (!hasDisk) console.warn("skipped: a small file system cannot be mounted here");
afterAll(() => {
  if (hasDisk) spawnSync("umount", [disk]);
});

describe.skipIf(!hasDisk)("a disk that is full or cannot be written (mounts a file system)", () => {
  const train = ["train", "--data", "tones.npz", ...easyTraining, "--epochs", "1"];
  const resize = (options: string) => expect(mount("-o", `remount,${options}`, disk)).toBe(true);

  test("a training that has no room leaves nothing", async () => {
    await failAndLeaveAll([...train, "--out", "disk/run"], /cannot write .*disk\/run\/.*no space left/);
  });

  const fill = () => {
    const { status } = spawnSync("dd", ["if=/dev/zero", `of=${at("disk/filler")}`, "bs=4k"]);
    expect(status).not.toBe(0); // it is full
  };

  test("one that has not even room to begin leaves nothing", async () => {
    fill();
    await failAndLeaveAll([...train, "--out", "disk/deep/run"], /cannot write .*disk\/deep.*no space left/);
    const csv = ["--predictions", "disk/deep/p.csv"];
    await failAndLeaveAll(["evaluate", "run", "--backend", "wasm", ...csv], /p\.csv: no space left/);
    rmSync(at("disk/filler"));
  });

  test("a run that another one was to replace stays as it was", async () => {
    resize("size=10m");
    await succeed([...train, "--out", "disk/old"], { cwd });
    fill();
    await failAndLeaveAll([...train, "--out", "disk/old", "--force"], /cannot write .*no space left/);
    rmSync(at("disk/filler"));
    await succeed([...train, "--out", "disk/old", "--width", "0.04", "--force"], { cwd });
    expect(new RunFolder(at("disk/old")).readConfig().width).toBe(0.04);
    expect(Object.keys(contentOf(at("disk/old"))).filter((name) => name.startsWith("."))).toEqual([]);
    rmSync(at("disk/old"), { recursive: true });
  });

  test("one whose room runs out keeps its newest state, and goes on once there is room", async () => {
    resize("size=10m");
    await succeed([...train, "--out", "disk/run"], { cwd });
    const before = new RunFolder(at("disk/run")).readHistory();
    const { bestWeightsPath } = new RunFolder(at("disk/run"));
    const best = readFileSync(bestWeightsPath);
    fill();
    await fail(["train", "--resume", "disk/run", "--epochs", "2"], 1, /cannot write .*no space left/, {
      cwd,
    });
    expect(new RunFolder(at("disk/run")).readHistory()).toEqual(before);
    expect(readFileSync(bestWeightsPath)).toEqual(best);
    expect(Object.keys(contentOf(disk)).filter((name) => name.includes(".tmp"))).toEqual([]);

    await fail(
      ["evaluate", "run", "--backend", "wasm", "--predictions", "disk/p.csv"],
      1,
      /p\.csv: no space left/,
      {
        cwd,
      },
    );
    rmSync(at("disk/filler"));
    await succeed(["train", "--resume", "disk/run", "--epochs", "2"], { cwd });
    expect(new RunFolder(at("disk/run")).readHistory()).toHaveLength(2);
  });

  test("a read-only one is found out before the work", async () => {
    resize("ro");
    await failAndLeaveAll([...train, "--out", "disk/other"], /cannot write disk\/other: .*read-only/);
    const clip = ["--data", "tones.npz", "--index", "0", "--save-wav", "disk/clip.wav"];
    await failAndLeaveAll(["predict", "run", ...clip], /cannot write disk\/clip\.wav: .*read-only/);
    await failAndLeaveAll(["evaluate", "run", "--report", "disk/report"], /disk\/report: .*read-only/);
    resize("rw");
  });
});
