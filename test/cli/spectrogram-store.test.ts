import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { decode } from "fast-png";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encodeWav } from "../../src/audio/wav/decode.js";
import { Random } from "../../src/base/random.js";
import { bandEnergy, StoredSpectrogram, type StoreSelection } from "../../src/sound/index.js";
import { levelSpectrogram } from "../../src/sound/spectrogram/levels.js";
import { contentOf, fail, succeed, succeedWithJson } from "../helpers/kws.js";
import { expectNear } from "../helpers/near.js";
import { hasPython, runPython } from "../helpers/python.js";
import { wavFile } from "../helpers/wav.js";

const cwd = mkdtempSync(join(tmpdir(), "keyspot-store-"));
const at = (name: string) => join(cwd, name);
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const random = new Random(1, "store");
const samples = Float32Array.from(
  { length: 8000 * 35 + 321 },
  (_, i) =>
    Math.round(32768 * (0.05 * random.between(-1, 1) + 0.5 * Math.sin((2 * Math.PI * 500 * i) / 8000))) /
    32768,
);
const store = ["spectrogram", "long.wav", "--n-fft", "256", "--hop", "128", "--store"];
const start = ["--start", "2017-08-21T09:02:00Z"];

beforeAll(async () => {
  writeFileSync(at("long.wav"), encodeWav(samples, 8000));
  await succeed([...store, "a.zarr", ...start, "--log"], { cwd });
  await succeed([...store, "power.zarr", ...start], { cwd });
  // A minute behind the end of the first.
  await succeed([...store, "b.zarr", "--start", "2017-08-21T09:03:35.040125Z", "--log"], { cwd });
});

async function all(selection: StoreSelection) {
  const [times, values] = [[] as bigint[], [] as number[]];
  for await (const block of selection.blocks()) {
    times.push(...block.times);
    for (const value of block.values) values.push(value);
  }
  return { times, values };
}

const oneShot = () =>
  [...levelSpectrogram(samples, 8000, { nFft: 256, hop: 128 }).blocks()].flatMap(({ values }) =>
    Array.from(Float32Array.from(values)),
  );

describe("a store", () => {
  test("holds the one-shot spectrogram, whoever computed it", async () => {
    const document = await succeedWithJson<object>(
      [...store, "c.zarr", ...start, "--log", "--workers", "1", "--chunk", "3s"],
      { cwd },
    );
    expect(document).toMatchObject({
      frames: 2191,
      bins: 129,
      found: 0,
      workers: 1,
      start: "2017-08-21T09:02:00Z",
    });
    for (const name of ["a.zarr", "c.zarr"]) {
      const { times, values } = await all((await StoredSpectrogram.open([at(name)])).select({}));
      expect(values).toEqual(oneShot());
      expect(times.slice(0, 2)).toEqual([1_503_306_120_000_000_000n, 1_503_306_120_016_000_000n]);
    }
  });

  test("is made by a program that asks for no progress too", async () => {
    // The built package: its worker threads are JavaScript files.
    const built = new URL("../../dist/sound/index.js", import.meta.url).href;
    const { storeSpectrogram } = (await import(built)) as typeof import("../../src/sound/index.js");
    const stored = await storeSpectrogram(at("long.wav"), at("program.zarr"), {
      nFft: 256,
      hop: 128,
      workers: 2,
    });
    expect(stored).toMatchObject({ frames: 2191, chunks: 6, found: 0, workers: 2 });
  });

  test.skipIf(!hasPython("xarray", "zarr"))(
    "xarray (Python) opens it: the same values and coordinates",
    () => {
      const found = runPython<{
        values: number[][];
        times: number[];
        hz: number[];
        type: string;
        units: string;
      }>(
        `
import warnings; warnings.simplefilter("error")
import xarray
data = xarray.open_zarr(input)
s = data.spectrogram
output = {"values": s.values.astype(float), "times": data.time.values.astype("int64") // 1000, "hz": data.frequency.values,
  "type": str(data.time.dtype) + " " + str(s.dims), "units": s.units}
`,
        at("a.zarr"),
      );
      expect(found.values.flat()).toEqual(oneShot());
      expect(found.type).toBe("datetime64[ns] ('time', 'frequency')");
      expect(found.units).toBe("dB");
      expect(found.times).toEqual(Array.from({ length: 2191 }, (_, t) => 1_503_306_120_000_000 + 16_000 * t));
      expect(found.hz).toEqual(Array.from({ length: 129 }, (_, k) => k * 31.25));
    },
  );

  test("goes on from the chunks that are whole, after a kill too", async () => {
    const expected = contentOf(at("a.zarr"));
    const program = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
    const args = [...store, "killed.zarr", ...start, "--log", "--workers", "1"];
    const child = spawn(process.execPath, [program, ...args], { cwd, stdio: "ignore" });
    const first = at("killed.zarr/spectrogram/c.0.0");
    const ended = new Promise((resolve) => child.on("close", resolve));
    while (!existsSync(first) && child.exitCode === null)
      await new Promise((resolve) => setTimeout(resolve, 2));
    child.kill("SIGKILL");
    await ended;
    // One that is cut, one that was changed, and what a killed write leaves.
    const cut = readFileSync(first);
    writeFileSync(first, cut.subarray(0, cut.length / 2));
    writeFileSync(at("killed.zarr/spectrogram/.c.3.0.1.tmp"), "half");
    const { found } = await succeedWithJson<{ found: number }>(args, { cwd });
    expect(found).toBeLessThan(6);
    expect(contentOf(at("killed.zarr"))).toEqual(expected);
    const changed = readFileSync(first);
    changed[changed.length >> 1]! ^= 1;
    writeFileSync(first, changed);
    expect(await succeedWithJson(args, { cwd })).toMatchObject({ chunks: 6, found: 5 });
    expect(contentOf(at("killed.zarr"))).toEqual(expected);
  });
});

test("Ctrl-C stops with the chunks under way written, and the same command goes on", async () => {
  const args = [...store, "stopped.zarr", ...start, "--log", "--workers", "1", "--chunk", "500ms"];
  const program = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
  const child = spawn(process.execPath, [program, ...args], { cwd, stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const ended = new Promise((resolve) => child.on("close", resolve));
  while (!existsSync(at("stopped.zarr/spectrogram/c.0.0")) && child.exitCode === null)
    await new Promise((resolve) => setTimeout(resolve, 2));
  child.kill("SIGINT");
  expect(await ended, said).toBe(130);
  expect(said).toMatch(
    /stopped: \d+ of 73 chunks are in stopped\.zarr; the same command continues from there\n$/,
  );
  const there = Number(/stopped: (\d+)/.exec(said)![1]);
  const files = readdirSync(at("stopped.zarr"), { recursive: true, encoding: "utf8" });
  expect(files.filter((name) => /\bc\.[\d.]+$/.test(name)).length).toBe(there);
  expect(files.filter((name) => name.endsWith(".tmp"))).toEqual([]);
  expect(await succeedWithJson(args, { cwd })).toMatchObject({ chunks: 73, found: there });
  const { values } = await all((await StoredSpectrogram.open([at("stopped.zarr")])).select({}));
  expect(values).toEqual(oneShot());
});

describe("a part of a store", () => {
  test("is read from the chunks that it needs alone", async () => {
    await succeed([...store, "part.zarr", ...start, "--log"], { cwd });
    for (const name of readdirSync(at("part.zarr/spectrogram")))
      if (/^c\.[023]/.test(name)) writeFileSync(at(`part.zarr/spectrogram/${name}`), "corrupt");
    const range = [
      "--from",
      "2017-08-21T09:02:12Z",
      "--to",
      "15s",
      "--min-frequency",
      "400",
      "--max-frequency",
      "500",
    ];
    const { stdout } = await succeed(["spectrogram", "part.zarr", ...range, "--csv"], { cwd });
    const lines = stdout.trimEnd().split("\n");
    expect(lines[0]).toBe("time UTC,406.25,437.5,468.75,500");
    expect(lines.length).toBe(1 + 188); // 12.000 to 14.992 s
    expect(lines[1]).toMatch(/^2017-08-21T09:02:12Z,/);
    expectNear(
      lines[1]!.split(",").slice(1).map(Number),
      oneShot().slice(750 * 129 + 13, 750 * 129 + 17),
      1e-8,
    );
    await fail(["spectrogram", "part.zarr", "--csv", "-o", "x.csv"], 1, /c\.0\.0 is corrupt: its checksum/, {
      cwd,
    });
  });

  test("as a picture with UTC below it", async () => {
    const { stdout } = await succeed(
      ["spectrogram", "a.zarr", "-o", "-", "--format", "svg", "--size", "800x400"],
      { cwd },
    );
    for (const word of ["09:02:10", "2017-08-21 (UTC)", "a.zarr"]) expect(stdout).toContain(`>${word}<`);
    await succeed(["spectrogram", "power.zarr", "-o", "p.png", "--plain", "--size", "300x100"], { cwd });
    await succeed(["spectrogram", "a.zarr", "-o", "a.png", "--plain", "--size", "300x100"], { cwd });
    const [power, log] = [decode(readFileSync(at("p.png"))), decode(readFileSync(at("a.png")))];
    expect(power.data).toEqual(log.data); // power is shown in dB
  });

  test("the whole band's energy is twice the window-weighted mean square of the samples", async () => {
    const recording = await StoredSpectrogram.open([at("power.zarr")]);
    const { values } = await all(bandEnergy(recording.select({}), recording.settings));
    const window = Array.from({ length: 256 }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / 256));
    const expected = [5, 700, 2000].map((t) => {
      const squares = window.map((w, i) => (w * samples[t * 128 - 128 + i]!) ** 2);
      return (2 * squares.reduce((a, b) => a + b)) / window.reduce((a, w) => a + w * w, 0);
    });
    expectNear(
      [5, 700, 2000].map((t) => values[t]!),
      expected,
      1e-6,
    );
    const tone = await succeed(
      ["spectrogram", "a.zarr", "--energy", "--min-frequency", "400", "--max-frequency", "600", "--csv"],
      { cwd },
    );
    const [title, , line] = tone.stdout.split("\n");
    expect(title).toBe("time UTC,energy dB");
    expect(Number(line!.split(",")[1])).toBeCloseTo(20 * Math.log10(0.5), 0);
    const svg = await succeed(["spectrogram", "a.zarr", "--energy", "-o", "-", "--format", "svg"], { cwd });
    expect(svg.stdout).toContain("2017-08-21 (UTC)");
  });

  test("several stores are one, in order, and the gap is missing, not zero", async () => {
    const flags = ["--csv", "--min-frequency", "500", "--max-frequency", "520"];
    const { stdout } = await succeed(["spectrogram", "b.zarr", "a.zarr", ...flags], { cwd });
    const rows = stdout
      .trimEnd()
      .split("\n")
      .slice(1)
      .map((line) => line.split(","));
    expect(rows.length).toBe(2 * 2191 + 2);
    expect(rows.filter(([, value]) => value === "").map(([time]) => time)).toEqual([
      "2017-08-21T09:02:35.056Z",
      "2017-08-21T09:03:35.024125Z",
    ]);
    const times = rows.map(([time]) => Date.parse(time!));
    expect([...times].sort((a, b) => a - b)).toEqual(times);
    await succeed(["spectrogram", "b.zarr", "a.zarr", "-o", "gap.png", "--plain", "--size", "100x20"], {
      cwd,
    });
    const { data, width } = decode(readFileSync(at("gap.png")));
    const middle = data.subarray((10 * width + 50) * (data.length / (width * 20)));
    expect([...middle.subarray(0, 3)]).toEqual([0xe4, 0xe8, 0xed]); // the colour of what is missing
  });

  test("missing chunks are missing values, and said to be", async () => {
    await succeed([...store, "hole.zarr", ...start], { cwd });
    rmSync(at("hole.zarr/spectrogram/c.1.0"));
    const { stdout, stderr } = await succeed(["spectrogram", "hole.zarr", "--csv", "--max-frequency", "40"], {
      cwd,
    });
    expect(stdout.split("\n").filter((line) => line.endsWith(",,")).length).toBe(625);
    expect(stderr).toMatch(/warning: 625 frames are missing/);
  });

  test.skipIf(!hasPython("xarray", "h5netcdf", "h5py"))(
    "as NetCDF-4, which xarray (Python) opens with the same coordinates",
    async () => {
      const { stdout } = await succeed(["spectrogram", "a.zarr", "b.zarr", "--to", "out.nc"], { cwd });
      expect(stdout).toBe("out.nc: 4,384 frames of 129 values, 1 gap between recordings\n");
      const found = runPython<{ same: boolean; missing: number; times: boolean; hz: boolean }>(
        `
import xarray
nc = xarray.open_dataset(input["nc"], engine="h5netcdf")
a = xarray.open_zarr(input["a"])
s = nc.spectrogram
output = {"same": np.array_equal(s.values[:2191], a.spectrogram.values), "missing": int(np.isnan(s.values).all(axis=1).sum()),
  "times": np.array_equal(nc.time.values[:2191], a.time.values), "hz": np.array_equal(nc.frequency.values, a.frequency.values)}
`,
        { nc: at("out.nc"), a: at("a.zarr") },
      );
      expect(found).toEqual({ same: true, missing: 2, times: true, hz: true });
    },
  );
});

describe("mistakes", () => {
  beforeAll(() => {
    writeFileSync(at("nan.wav"), wavFile([[0, 0, Number.NaN]], { codec: "float32" }));
    const old = at("old.zarr");
    const group = JSON.parse(readFileSync(at("a.zarr/zarr.json"), "utf8"));
    group.attributes.keyspot_spectrogram.version = 2;
    // A folder of its own, so that nothing else is there.
    writeFileSync(at("metadata.json"), JSON.stringify(group));
    return succeed(["spectrogram", "long.wav", "--store", old], { cwd }).then(() => {
      cpSync(old, at("broken.zarr"), { recursive: true });
      cpSync(old, at("foreign.zarr"), { recursive: true });
      cpSync(old, at("corrupt.zarr"), { recursive: true });
      writeFileSync(at("corrupt.zarr/spectrogram/c.0.0"), "corrupt");
      writeFileSync(join(old, "zarr.json"), JSON.stringify(group));
      writeFileSync(at("broken.zarr/zarr.json"), "{");
      writeFileSync(
        at("foreign.zarr/zarr.json"),
        JSON.stringify({ zarr_format: 3, node_type: "group", attributes: {} }),
      );
    });
  });
  const a = ["spectrogram", "a.zarr"];
  test.each<[string, string[], 1 | 2, RegExp]>([
    ["a hop of 0", ["spectrogram", "absent.wav", "--store", "x.zarr", "--hop", "0"], 2, /--hop: expected/],
    [
      "a long window",
      ["spectrogram", "absent.wav", "--store", "x.zarr", "--n-fft", "64", "--win-length", "65"],
      2,
      /winLength 65, nFft 64/,
    ],
    ["no recording", ["spectrogram", "absent.wav", "--store", "x.zarr"], 1, /cannot read absent.wav/],
    [
      "NaN",
      ["spectrogram", "nan.wav", "--store", "x.zarr"],
      1,
      /nan.wav: finite samples were expected, found NaN/,
    ],
    ["above Nyquist", [...store, "x.zarr", "--max-frequency", "5000"], 1, /up to 4000 Hz were expected/],
    [
      "other settings",
      [...store, "a.zarr", ...start],
      1,
      /other settings: log true where false was asked for/,
    ],
    ["another recording", ["spectrogram", "nan.wav", "--store", "a.zarr"], 1, /another recording/],
    ["no store", [...store, "long.wav"], 1, /long.wav is not the store of a spectrogram/],
    ["a wrong start", [...store, "x.zarr", "--start", "noon"], 2, /--start: expected a time such as/],
    ["stdin", ["spectrogram", "-", "--store", "x.zarr"], 2, /expected a file, found - \(stdin\)/],
    ["two channels", [...store, "x.zarr", "--channel", "stack"], 2, /one channel or the mean/],
    ["a flag of another kind", [...store, "x.zarr", "--colormap", "jet"], 2, /--colormap is for when/],
    [
      "a store's flag for a sound",
      ["spectrogram", "long.wav", "--from", "1s", "-o", "x.png"],
      2,
      /--from is for when a store is shown/,
    ],
    ["another version", ["spectrogram", "old.zarr", "--csv"], 1, /version 2, version 1 was expected/],
    ["storing into another version", [...store, "old.zarr"], 1, /version 2, version 1 was expected/],
    [
      "a store whose description is cut",
      ["spectrogram", "broken.zarr", "--csv"],
      1,
      /zarr.json is corrupt: JSON/,
    ],
    [
      "somebody else's store",
      ["spectrogram", "foreign.zarr", "--csv"],
      1,
      /not one that kws spectrogram --store wrote/,
    ],
    [
      "a corrupt chunk",
      ["spectrogram", "corrupt.zarr", "--csv", "-o", "x.csv"],
      1,
      /c\.0\.0 is corrupt: its checksum/,
    ],
    [
      "a corrupt chunk in NetCDF",
      ["spectrogram", "corrupt.zarr", "--to", "x.nc"],
      1,
      /c\.0\.0 is corrupt: its checksum/,
    ],
    [
      "a time outside",
      [...a, "--from", "2018-01-01", "--to", "2018-01-02", "--csv"],
      1,
      /no frame lies between/,
    ],
    [
      "a range that goes down",
      [...a, "--from", "5s", "--to", "3s", "--csv"],
      2,
      /--from must be before --to/,
    ],
    ["two ends", [...a, "--to", "3s", "--to", "4s", "--csv"], 2, /one time for --to/],
    ["a frequency above half the rate", [...a, "--max-frequency", "4001", "--csv"], 1, /up to 4000 Hz/],
    ["an overlap", [...a, "a.zarr", "--csv"], 1, /consecutive recordings were expected/],
    ["unlike stores", [...a, "power.zarr", "--csv"], 1, /same settings were expected, found log/],
    ["no such store", ["spectrogram", "absent.zarr", "--csv"], 1, /cannot read absent.zarr/],
    ["NetCDF where there is a file", [...a, "--to", "long.wav/x.nc"], 1, /cannot write long.wav\/x.nc/],
  ])("%s", async (_, args, exitCode, message) => {
    const before = contentOf(cwd);
    await fail(args, exitCode, message, { cwd });
    expect(contentOf(cwd)).toEqual(before);
  });
});
