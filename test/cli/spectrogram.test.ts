import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { decode } from "fast-png";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encodeWav } from "../../src/audio/wav/decode.js";
import { levelSpectrogram } from "../../src/sound/spectrogram/levels.js";
import { golden, hasGolden } from "../helpers/golden.js";
import { contentOf, fail, kws, succeed, succeedWithJson } from "../helpers/kws.js";
import { expectNear } from "../helpers/near.js";
import { sampleRows, textColumn, writeNpz } from "../helpers/npz.js";
import { hasPython, runPython } from "../helpers/python.js";
import { wavFile } from "../helpers/wav.js";

const cwd = mkdtempSync(join(tmpdir(), "keyspot-spectrogram-"));
const at = (name: string) => join(cwd, name);
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const tone = (hz: number, length = 8000) =>
  Float32Array.from(
    { length },
    (_, i) => Math.round(16384 * Math.sin((2 * Math.PI * hz * i) / 8000)) / 32768,
  );
const [low, high] = [tone(500), tone(2000)];

beforeAll(() => {
  writeFileSync(at("low.wav"), encodeWav(low, 8000));
  writeFileSync(at("two.wav"), wavFile([low, high]));
  writeFileSync(at("nan.wav"), wavFile([[0, Number.NaN]], { codec: "float32" }));
  writeNpz(at("data.npz"), {
    wav_vals: sampleRows([high, low, high]),
    label_vals: textColumn(["yes", "no", "yes"]),
  });
});

interface Picture {
  file: string;
  index?: number;
  label?: string;
  sampleRate: number;
  seconds: number;
  channels: number;
  frames: number;
  bins: number;
  decibels: [number, number];
  png?: string;
  out?: string;
}

/** The shape and the float64 values of a NumPy file. */
function readNpy(path: string): { shape: number[]; values: Float64Array } {
  const bytes = readFileSync(path);
  const start = 10 + bytes.readUInt16LE(8);
  const header = bytes.toString("latin1", 10, start);
  expect(start % 64).toBe(0);
  expect(header).toContain("'descr': '<f8', 'fortran_order': False");
  const shape = /\(([^)]*)\)/.exec(header)![1]!.split(",").map(Number);
  return { shape, values: new Float64Array(new Uint8Array(bytes.subarray(start)).buffer) };
}

function readCsv(text: string): { header: string[]; rows: number[][] } {
  const [header, ...lines] = text.trimEnd().split("\n");
  return { header: header!.split(","), rows: lines.map((line) => line.split(",").map(Number)) };
}

describe.skipIf(!hasGolden)("the bare picture function", () => {
  test.each([0, 1].flatMap((wav) => [1, 20].map((factor) => [wav, factor] as const)))(
    "has the golden numbers: picture %i, factor %i",
    async (wav, factor) => {
      const samples = Float64Array.from(golden(`picture${wav}_samples`).re, (value) => value / 32768);
      writeFileSync(
        at("golden.wav"),
        wavFile([samples], { sampleRate: golden(`picture${wav}_rate`).re[0]! }),
      );
      const flags = ["--frame-size", "1024", "--factor", String(factor)];
      await succeed(["spectrogram", "golden.wav", ...flags, "-o", "golden.npy"], { cwd });
      const expected = golden(`picture${wav}_1024_factor${factor}_db`);
      const { shape, values } = readNpy(at("golden.npy"));
      expect(shape).toEqual(expected.shape);
      expectNear(values, expected.re, 1e-10);
      const { stdout } = await succeed(["spectrogram", "golden.wav", ...flags, "--csv"], { cwd });
      const { header, rows } = readCsv(stdout);
      expectNear(header.slice(1).map(Number), golden(`picture${wav}_1024_factor${factor}_freqs`).re, 1e-9);
      expectNear(
        rows.flatMap((row) => row.slice(1)),
        expected.re,
        1e-6,
      );
    },
  );
});

describe("numbers", () => {
  const expected = () => {
    const frames = levelSpectrogram(low, 8000);
    return { frames, values: [...frames.blocks()].flatMap(({ values }) => [...values]) };
  };

  test("as CSV: a line a frame, its time and the dB of each frequency", async () => {
    const { stdout, stderr } = await succeed(["spectrogram", "low.wav", "--csv"], { cwd });
    const { header, rows } = readCsv(stdout);
    const { frames, values } = expected();
    expect(header[0]).toBe("time s");
    expectNear(header.slice(1).map(Number), frames.frequencies, 1e-9);
    expectNear(
      rows.map(([time]) => time!),
      Float64Array.from(rows, (_, t) => t * frames.seconds),
      1e-9,
    );
    expectNear(
      rows.flatMap((row) => row.slice(1)),
      values,
      1e-7,
    );
    expect(stderr).toBe("");
    // 500 Hz at half of full scale.
    const k = header.indexOf("500");
    expect(rows[100]![k]).toBeCloseTo(20 * Math.log10(0.5), 2);
  });

  test("as a NumPy file, to a file or stdout", async () => {
    const document = await succeedWithJson<Picture>(["spectrogram", "low.wav", "-o", "low.npy"], { cwd });
    const { frames, values } = expected();
    expect(document).toEqual({
      ...{ file: "low.wav", sampleRate: 8000, seconds: 1, channels: 1 },
      ...{ frames: frames.count, bins: frames.frequencies.length, out: "low.npy" },
    });
    const npy = readNpy(at("low.npy"));
    expect(npy.shape).toEqual([document.frames, document.bins]);
    expect([...npy.values]).toEqual(values);
    const { stdout } = run(["spectrogram", "low.wav", "--npy"]);
    expect(stdout.equals(readFileSync(at("low.npy")))).toBe(true);
  });

  test.skipIf(!hasPython("numpy"))("NumPy (Python) reads it", async () => {
    await succeed(["spectrogram", "two.wav", "--channel", "stack", "-o", "numpy.npy"], { cwd });
    const { shape, largest } = runPython<{ shape: number[]; largest: number[] }>(
      `
values = np.load(input)
output = {"shape": list(values.shape), "largest": values.max(axis=1).argmax(axis=1)}
`,
      at("numpy.npy"),
    );
    expect(shape).toEqual([2, 251, 129]);
    expect(largest).toEqual([16, 64]); // 500 and 2000 Hz
  });

  test("the STFT's options and the band are those that are given", async () => {
    const flags = ["--n-fft", "400", "--hop", "100", "--win-length", "300", "--window", "blackman"];
    const band = ["--min-frequency", "400", "--max-frequency", "600"];
    await succeed(["spectrogram", "low.wav", ...flags, ...band, "-o", "band.npy"], { cwd });
    const frames = levelSpectrogram(low, 8000, {
      ...{ nFft: 400, hop: 100, winLength: 300, window: "blackman" },
      ...{ minFrequency: 400, maxFrequency: 600 },
    });
    const { shape, values } = readNpy(at("band.npy"));
    expect(shape).toEqual([81, 11]);
    expect([...values]).toEqual([...frames.blocks()].flatMap((block) => [...block.values]));
  });

  test("of one channel, of their mean, or of each", async () => {
    const level = async (channel: string[]) => {
      const { stdout } = await succeed(["spectrogram", "two.wav", "--csv", ...channel], { cwd });
      const { header, rows } = readCsv(stdout);
      const row = rows[100]!;
      return { header, rows, low: row[header.indexOf("500")]!, high: row[header.indexOf("2000")]! };
    };
    const [first, second, mean] = [
      await level(["--channel", "0"]),
      await level(["--channel", "1"]),
      await level(["--channel", "mean"]),
    ];
    expect([first.low, second.high]).toEqual([expect.closeTo(-6.02, 1), expect.closeTo(-6.02, 1)]);
    expect(Math.max(first.high, second.low)).toBeLessThan(-80);
    expect([mean.low, mean.high]).toEqual([expect.closeTo(-12.04, 1), expect.closeTo(-12.04, 1)]);
    expect((await level([])).rows).toEqual(mean.rows);
    const { header, rows } = await level(["--channel", "stack"]);
    expect(header.slice(0, 3)).toEqual(["channel", "time s", "0"]);
    expect(rows).toEqual([...first.rows.map((row) => [0, ...row]), ...second.rows.map((row) => [1, ...row])]);
  });
});

describe("pictures", () => {
  test("a PNG of the size that is asked for, and what it shows", async () => {
    const flags = ["spectrogram", "low.wav", "-o", "low.png", "--size", "640x360", "--wave"];
    const { stdout } = await succeed(flags, { cwd });
    expect(stdout).toBe("low.png: 1.00 s at 8000 Hz, -86 to -6 dB\n");
    const { width, height } = decode(readFileSync(at("low.png")));
    expect([width, height]).toEqual([640, 360]);
    const document = await succeedWithJson<Picture>([...flags, "--top-db", "50"], { cwd });
    expect(document.decibels).toEqual([expect.closeTo(-56.02, 1), expect.closeTo(-6.02, 1)]);
    expect(document.out).toBe("low.png");
  });

  test("the same on stdout, as base64, from stdin, and from a config file", async () => {
    const size = ["--size", "400x300"];
    const { stdout } = run(["spectrogram", "low.wav", "-o", "-", "--format", "png", ...size]);
    const base64 = await succeed(["spectrogram", "low.wav", "--base64", ...size], { cwd });
    expect(Buffer.from(base64.stdout, "base64").equals(stdout)).toBe(true);
    const { png } = await succeedWithJson<Picture>(["spectrogram", "low.wav", "--base64", ...size], { cwd });
    expect(`${png}\n`).toBe(base64.stdout);
    // The file's name stands on the picture, so the same sound from stdin differs there and nowhere else.
    const plain = ["--plain", "--base64"];
    const piped = await succeed(["spectrogram", "-", ...size, ...plain], {
      input: readFileSync(at("low.wav")),
    });
    writeFileSync(at("flags.json"), JSON.stringify({ size: "400x300", plain: true, base64: true }));
    const configured = await succeed(["spectrogram", "low.wav", "--config", "flags.json"], { cwd });
    expect(configured.stdout).toBe(piped.stdout);
  });

  test("SVG, by the file's name or by --format", async () => {
    await succeed(["spectrogram", "low.wav", "-o", "low.svg", "--scale", "mel"], { cwd });
    const svg = readFileSync(at("low.svg"), "utf8");
    expect(svg).toMatch(/^<svg .*width="1600" height="800"/);
    for (const word of ["low.wav", "time (s)", "frequency (Hz)", "dB of full scale"])
      expect(svg).toContain(`>${word}<`);
    await succeed(["spectrogram", "low.wav", "-o", "picture", "--format", "svg", "--scale", "mel"], { cwd });
    expect(readFileSync(at("picture"), "utf8")).toBe(svg);
    const { stdout } = await succeed(
      ["spectrogram", "low.wav", "-o", "-", "--format", "svg", "--scale", "mel"],
      { cwd },
    );
    expect(stdout).toBe(svg);
  });

  test("scale, colours and range change the picture as their names say", async () => {
    const svg = async (...flags: string[]) =>
      (await succeed(["spectrogram", "low.wav", "-o", "-", "--format", "svg", ...flags], { cwd })).stdout;
    const plain = await svg("--plain", "--size", "100x80");
    expect(plain).not.toContain("<text");
    for (const flags of [
      ["--scale", "log"],
      ["--colormap", "jet"],
      ["--top-db", "40"],
      ["--max-frequency", "1000"],
    ])
      expect(await svg("--plain", "--size", "100x80", ...flags), flags.join(" ")).not.toBe(plain);
    expect(await svg("--scale", "log")).toContain(">50<");
    expect(await svg("--factor", "20")).toContain(">dB re 10e-6<");
    expect(await svg("--channel", "stack")).not.toContain("channel 0"); // there is but one
    const two = await succeed(
      ["spectrogram", "two.wav", "--channel", "stack", "-o", "-", "--format", "svg"],
      { cwd },
    );
    expect(two.stdout).toMatch(/>channel 0<[\s\S]*>channel 1</);
  });

  test("a row of a data set is the picture of its sound", async () => {
    const flags = ["spectrogram", "data.npz", "--index", "1"];
    const row = await succeedWithJson<Picture>([...flags, "-o", "row.png", "--plain"], { cwd });
    expect(row).toMatchObject({ file: "data.npz", index: 1, label: "no", sampleRate: 8000, seconds: 1 });
    await succeed(["spectrogram", "low.wav", "-o", "low.png", "--plain"], { cwd });
    expect(readFileSync(at("row.png")).equals(readFileSync(at("low.png")))).toBe(true);
    await succeed([...flags, "-o", "row.svg"], { cwd });
    expect(readFileSync(at("row.svg"), "utf8")).toContain(">data.npz row 1: no<");
    const random = ["spectrogram", "data.npz", "--index", "random", "--seed", "3", "-o", "random.svg"];
    const { index } = await succeedWithJson<Picture>(random, { cwd });
    expect((await succeedWithJson<Picture>(random, { cwd })).index).toBe(index);
  });

  test("silence is dark, whatever the colours", async () => {
    writeFileSync(at("silence.wav"), wavFile([new Float32Array(800)]));
    for (const flags of [[], ["--factor", "1"]]) {
      const { stdout } = await succeed(
        ["spectrogram", "silence.wav", "--plain", "--size", "20x10", "-o", "-", "--format", "svg", ...flags],
        { cwd },
      );
      const png = decode(Buffer.from(/base64,([^"]+)/.exec(stdout)![1]!, "base64"));
      expect(new Set(png.data)).toEqual(new Set([0]));
    }
  });

  test("the shortest recording there can be", async () => {
    writeFileSync(at("short.wav"), wavFile([[0.5]]));
    await succeed(["spectrogram", "short.wav", "-o", "short.png", "--wave"], { cwd });
  });
});

describe("mistakes", () => {
  const low = ["spectrogram", "low.wav"];
  const absent = ["spectrogram", "absent.wav", "-o", "x.png"];
  test.each<[string, string[], 1 | 2, RegExp]>([
    ["nowhere to write", low, 2, /expected --out with a .png or .svg file, --base64, --csv or --npy/],
    ["a hop of 0", [...absent, "--hop", "0"], 2, /--hop: expected a whole number of at least 1, found "0"/],
    [
      "a window longer than the transform",
      [...absent, "--n-fft", "256", "--win-length", "300"],
      2,
      /winLength 300, nFft 256/,
    ],
    ["an unknown window", [...absent, "--window", "round"], 2, /round.*hann, hamming/],
    ["an unknown colour map", [...absent, "--colormap", "hot"], 2, /hot.*viridis/],
    [
      "a band that goes down",
      [...absent, "--min-frequency", "200", "--max-frequency", "100"],
      2,
      /got 100 and 200/,
    ],
    [
      "a frequency below 0",
      [...absent, "--min-frequency", "-1"],
      2,
      /--min-frequency: expected a frequency.*"-1"/,
    ],
    ["a logarithmic axis from 0", [...absent, "--scale", "log", "--min-frequency", "0"], 2, /above 0 Hz/],
    ["two kinds of spectrogram", [...absent, "--frame-size", "512", "--hop", "100"], 2, /no hop/],
    ["a factor of 0", [...absent, "--factor", "0"], 2, /--factor: expected a number above 0/],
    ["a channel that is no number", [...absent, "--channel", "left"], 2, /--channel.*"left"/],
    ["a size that is none", [...absent, "--size", "800"], 2, /--size: expected a width and a height.*"800"/],
    ["a size without end", [...absent, "--size", "800x100000"], 2, /--size: .*10000/],
    ["an unknown name's end", [...low, "-o", "x.jpg"], 2, /x.jpg: expected a name that ends in .png/],
    ["stdout without a format", [...low, "-o", "-"], 2, /--out - needs --format/],
    ["two formats", [...low, "--csv", "--npy"], 2, /one format, found csv and npy/],
    ["a format that the name denies", [...low, "--csv", "-o", "x.png"], 2, /ends in \.csv, found x\.png/],
    ["base64 into a file", [...low, "--base64", "-o", "x.png"], 2, /--base64 or --out, found both/],
    ["JSON and numbers on stdout", [...low, "--csv", "--json"], 2, /both go to stdout/],
    [
      "a data set without a row",
      ["spectrogram", "absent.npz", "-o", "x.png"],
      2,
      /data set: expected --index/,
    ],
    [
      "a picture that is too small",
      [...low, "-o", "x.png", "--size", "100x60"],
      2,
      /too small.*about \d+x\d+/,
    ],
    ["a file that is not there", absent, 1, /cannot read absent.wav: no such file/],
    ["no WAV file", ["spectrogram", "data.npz", "--index", "0.5", "-o", "x.png"], 2, /--index/],
    ["a row that is not there", ["spectrogram", "data.npz", "--index", "3", "-o", "x.png"], 1, /rows 0 to 2/],
    [
      "a frequency above half the rate",
      [...low, "-o", "x.png", "--max-frequency", "4001"],
      1,
      /low.wav: frequencies up to 4000 Hz.*got 4001/,
    ],
    [
      "a channel that is not there",
      [...low, "-o", "x.png", "--channel", "1"],
      1,
      /low.wav has no channel 1, but channel 0/,
    ],
    [
      "a band without a bin",
      [...low, "--csv", "--min-frequency", "32", "--max-frequency", "33"],
      1,
      /low.wav: no bin/,
    ],
    ["NaN", ["spectrogram", "nan.wav", "-o", "x.png"], 1, /nan.wav: finite samples were expected, found NaN/],
    ["a place that cannot be written", [...low, "-o", "low.wav/x.png"], 1, /cannot write low.wav\/x.png/],
  ])("%s", async (_, args, exitCode, message) => {
    const before = contentOf(cwd);
    await fail(args, exitCode, message, { cwd });
    expect(contentOf(cwd)).toEqual(before);
  });

  test("an unknown command-line flag is one too", async () => {
    const { code } = await kws(["spectrogram", "low.wav", "--frobnicate"], { cwd });
    expect(code).toBe(2);
    expect(existsSync(at("x.png"))).toBe(false);
  });
});

/** Runs the built command with its output as bytes. */
function run(args: readonly string[]): { stdout: Buffer } {
  const program = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    cwd,
    maxBuffer: 2 ** 26,
  });
  expect(status, stderr.toString()).toBe(0);
  return { stdout };
}
