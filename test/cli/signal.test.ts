import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { fft } from "../../src/dsp/fourier/fft.js";
import { fail, succeed, succeedWithJson } from "../helpers/kws.js";
import { expectNear } from "../helpers/near.js";
import { wavFile } from "../helpers/wav.js";

const cwd = mkdtempSync(join(tmpdir(), "keyspot-signal-"));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

interface Numbers {
  n?: number;
  sampleRate?: number;
  values?: number[];
  re?: number[];
  im?: number[];
}

describe("kws signal sine", () => {
  const sine = ["signal", "sine", "--frequency", "10", "--phase", "1", "--rate", "50", "--duration", "100ms"];

  test("prints times and values as CSV", async () => {
    const { stdout } = await succeed([...sine, "--amplitude", "1", "--csv"]);
    expect(stdout).toBe(
      "time ms,value\n0,0.5403023059\n20,-0.6333238470\n40,-0.9317180031\n60,0.0574904034\n80,0.9672490295\n",
    );
    const exact = [0, 20, 40, 60, 80].map((ms) => Math.cos((2 * Math.PI * 10 * ms) / 1000 + 1));
    const values = stdout
      .trim()
      .split("\n")
      .slice(1)
      .map((line) => Number(line.split(",")[1]));
    expectNear(values, exact, 1e-7);
  });

  test("prints numbers in a line, or a document", async () => {
    const { stdout } = await succeed(sine);
    expect(stdout).toBe("0.540302, -0.633324, -0.931718, 0.05749, 0.967249\n");
    const { sampleRate, values } = await succeedWithJson<Numbers>([...sine, "--amplitude", "-2"]);
    expect(sampleRate).toBe(50);
    expectNear(values!, [-1.0806046117, 1.266647694, 1.8634360062, -0.1149808068, -1.934498059], 1e-9);
  });
});

describe("kws signal complex-sine", () => {
  test("prints index and value as CSV, or numbers in a line", async () => {
    const flags = ["signal", "complex-sine", "--k", "1", "--n", "5"];
    const { stdout } = await succeed([...flags, "--csv"]);
    expect(stdout.split("\n").slice(0, 3)).toEqual(["index,value", "0,1", "1,0.3090169944-0.9510565163i"]);
    expect((await succeed(flags)).stdout).toMatch(/^1, 0\.309017-0\.951057i, /);
    const { n, re, im } = await succeedWithJson<Numbers>([...flags.slice(0, 3), "-2", "--n", "3"]);
    expect(n).toBe(3);
    expectNear(re!, [1, -0.5, -0.5], 1e-12);
    expectNear(im!, [0, -Math.sqrt(0.75), Math.sqrt(0.75)], 1e-12);
  });
});

describe("kws signal dft and idft", () => {
  test.each<[string[], string]>([
    [["dft", "1", "2", "3", "4"], "10, -2+2i, -2, -2-2i"],
    [["dft", "1", "2", "3", "4", "--magnitude"], "10, 2.828427, 2, 2.828427"],
    [["dft", "--magnitude", "1", "2", "3", "4"], "10, 2.828427, 2, 2.828427"],
    [["idft", "1", "1", "1", "1"], "1, 0, 0, 0"],
    [["idft", "10", "-2+2i", "-2", "-2-2i"], "1, 2, 3, 4"],
    [["dft", "-1", "-i", "--quiet", "2.5"], "1.5-1i, -3.116025+2.665064i, -1.383975-1.665064i"],
    [["dft", "--n", "2", "1", "2", "3", "4", "5"], "3, -1, 7, -1, 5, 5"],
    [["idft", "3", "-1", "7", "-1", "5", "5", "--n", "2"], "1, 2, 3, 4, 5, 0"],
    [["dft", "7"], "7"],
  ])("kws signal %j", async (args, expected) => {
    expect((await succeed(["signal", ...args])).stdout).toBe(`${expected}\n`);
  });

  test("there and back through files and pipes", async () => {
    writeFileSync(join(cwd, "in.csv"), "time ms,value\n0,0.25\n20,-1\n40,3\n");
    const spectrum = await succeed(["signal", "dft", "in.csv", "--csv"], { cwd });
    expect(spectrum.stdout).toMatch(/^index,value\n0,2\.25\n1,-0\.75\+3\.46\d+i\n/);
    const back = await succeed(["signal", "idft", "-"], { input: Buffer.from(spectrum.stdout) });
    expect(back.stdout).toBe("0.25, -1, 3\n");
    const magnitude = await succeed(["signal", "dft", "in.csv", "--csv", "--magnitude"], { cwd });
    expect(magnitude.stdout).toMatch(/^index,value\n0,2\.2500000000\n1,3\.54/);
  });

  test("of a WAV, in blocks", async () => {
    const samples = Float32Array.from({ length: 1000 }, (_, i) => Math.round(3e4 * Math.sin(i * i)) / 32768);
    writeFileSync(join(cwd, "in.wav"), wavFile([samples], { sampleRate: 8000 }));
    const whole = await succeedWithJson<Numbers>(["signal", "dft", "in.wav"], { cwd });
    const expected = fft(samples);
    expect([whole.n, whole.sampleRate]).toEqual([1000, 8000]);
    expectNear(whole.re!, expected.re, 1e-12);
    expectNear(whole.im!, expected.im, 1e-12);
    const blocks = await succeedWithJson<Numbers>(["signal", "dft", "-", "--n", "300"], {
      input: readFileSync(join(cwd, "in.wav")),
    });
    expect(blocks.re).toHaveLength(1200);
    expectNear(blocks.re!.slice(300, 600), fft(samples.slice(300, 600)).re, 1e-12);
    const last = new Float32Array(300);
    last.set(samples.slice(900));
    expectNear(blocks.im!.slice(900), fft(last).im, 1e-12);
  });

  test("a WAV of two channels is mixed, which is said", async () => {
    writeFileSync(
      join(cwd, "two.wav"),
      wavFile([
        [0.5, 0.25],
        [0, 0.25],
      ]),
    );
    const { stdout, stderr } = await succeed(["signal", "idft", "two.wav"], { cwd });
    expect(stdout).toBe("0.25, 0\n");
    expect(stderr).toBe("two.wav: mixed 2 channels\n");
  });
});

describe("mistakes", () => {
  const sine = ["signal", "sine", "--rate", "50", "--duration", "1s"];
  test.each<[string, string[], 1 | 2, RegExp]>([
    ["no numbers", ["signal", "dft"], 2, /missing required argument/],
    ["a word among numbers", ["signal", "dft", "1", "two"], 2, /expected numbers.*"two"/],
    ["NaN among numbers", ["signal", "dft", "1", "NaN"], 2, /"NaN"/],
    ["an unknown flag", ["signal", "idft", "1", "--magnitude"], 2, /"--magnitude"/],
    [
      "blocks of nothing",
      ["signal", "dft", "1", "--n", "0"],
      2,
      /--n: expected a whole number of at least 1/,
    ],
    ["CSV and JSON", ["signal", "dft", "1", "--csv", "--json"], 2, /found both/],
    ["a file that is not there", ["signal", "dft", "absent.csv"], 1, /cannot read absent.csv: no such file/],
    ["a file with NaN", ["signal", "dft", "nan.csv"], 1, /nan.csv line 2: .*"NaN"/],
    ["a frequency above half the rate", [...sine, "--frequency", "26"], 2, /between 0 and 25 Hz.*got 26/],
    ["no frequency", sine, 2, /--frequency/],
    [
      "a frequency that is none",
      [...sine, "--frequency", "high"],
      2,
      /--frequency: expected a number, found "high"/,
    ],
    [
      "a duration without unit",
      [...sine.slice(0, 5), "1", "--frequency", "1"],
      2,
      /--duration: expected a time such as 100ms/,
    ],
    [
      "half a turn",
      ["signal", "complex-sine", "--k", "0.5", "--n", "4"],
      2,
      /k must be a whole number, got 0.5/,
    ],
    ["an unknown command", ["signal", "fft", "1"], 2, /unknown command 'fft'/],
  ])("%s", async (_, args, exitCode, message) => {
    writeFileSync(join(cwd, "nan.csv"), "1\nNaN\n");
    await fail(args, exitCode, message, { cwd });
  });
});

test.each(["sine", "complex-sine", "dft", "idft"])(
  "kws signal %s --help has an example that works",
  async (name) => {
    const { stdout } = await succeed(["signal", name, "--help"]);
    const [example] = stdout.match(/(?<=\$ kws ).*/) ?? [];
    expect(example).toMatch(new RegExp(`^signal ${name} `));
    expect((await succeed(example!.split(" "))).stdout).not.toBe("");
  },
);
