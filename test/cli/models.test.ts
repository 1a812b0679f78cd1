import { describe, expect, test } from "vitest";
import { fail, kws, succeed, succeedWithJson } from "../helpers/kws.js";

interface Entry {
  model: string;
  input: string;
  params: number;
  macs: number;
  frontEndMacs: number;
  frontEnds: string[];
}

describe("kws models", () => {
  test("gives the course's parameters at full width", async () => {
    const models = await succeedWithJson<Entry[]>(["models"]);
    const params = Object.fromEntries(models.map((entry) => [entry.model, entry.params]));
    expect(params).toMatchObject({
      conv1d: 34_681_708,
      skip: 63_611_756,
      spectrogram: 5_583_724,
      "spectrogram-skip": 9_053_036,
    });
    expect(models.find(({ model }) => model === "spectrogram")!.frontEnds).toEqual(["stft"]);
    for (const { input, macs, frontEndMacs } of models) {
      expect(macs).toBeGreaterThan(0);
      expect(frontEndMacs > 0).toBe(input === "spectrogram");
    }
  });

  test("counts for other labels and widths", async () => {
    const at = async (...flags: string[]) => {
      const models = await succeedWithJson<Entry[]>(["models", "--width", "0.25", ...flags]);
      return models.find(({ model }) => model === "conv1d")!.params;
    };
    // One label more is a column of the head: 64 weights and a bias.
    expect((await at("--label-count", "6")) - (await at("--label-count", "5"))).toBe(65);
  });

  test("counts what no memory holds, without building it", async () => {
    const flags = ["models", "--width", "100", "--label-count", "1000000"];
    const models = await succeedWithJson<Entry[]>(flags);
    for (const { params } of models) expect(params).toBeGreaterThan(1e7);
    await fail(["models", "--width", "1e200"], 1, /conv1d cannot be so large/);
  });

  test("prints a table, with words for each model", async () => {
    const { stdout, stderr } = await succeed(["models"]);
    expect(stdout).toMatch(/^model +input +parameters +multiply-adds +front end$/m);
    expect(stdout).toMatch(/^conv1d +waveform +34,681,708 +[\d,.]+ M +0$/m);
    expect(stdout).toMatch(/^skip: .+$/m);
    expect(stdout).toMatch(/^bc-resnet: .+ \(--front-end log-mel, mfcc or gabor\)$/m);
    expect(stderr).toBe("");
  });

  test("breaks no word on a narrow screen", async () => {
    const wide = await succeed(["models"], { env: { COLUMNS: "" } });
    const narrow = await succeed(["models"], { env: { COLUMNS: "60" } });
    const lines = narrow.stdout.trimEnd().split("\n");
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(60);
    const words = ({ stdout }: { stdout: string }) => stdout.slice(stdout.indexOf("conv1d: ")).split(/\s+/);
    expect(words(narrow)).toEqual(words(wide));
  });

  test("ends quietly where its reader does", async () => {
    const { code, stderr } = await kws(["models", "--width", "0.05"], { closeStdout: true });
    expect(stderr).toBe("");
    expect(code).toBe(0);
  });
});
