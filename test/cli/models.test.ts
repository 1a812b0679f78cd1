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

  test("counts one model by its name", async () => {
    const all = await succeedWithJson<Entry[]>(["models"]);
    expect(await succeedWithJson<Entry[]>(["models", "skip"])).toEqual(
      all.filter(({ model }) => model === "skip"),
    );
    await fail(["models", "nope"], 2, /unknown model "nope"/);
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

describe("kws models NAME --layers", () => {
  interface Layers {
    model: string;
    layers: { name: string; type: string; output: (number | null)[]; params: number }[];
    params: number;
  }
  const layersOf = (...args: string[]) => succeedWithJson<Layers>(["models", ...args, "--layers"]);

  test("gives each layer of a small model, counted by hand", async () => {
    // 4, 4, 6 and 13 channels; kernels of 9; 64 samples that four pools make 4.
    const { model, layers, params } = await layersOf(
      ...["conv1d", "--width", "0.05", "--sample-rate", "64", "--label-count", "2"],
    );
    expect(model).toBe("conv1d");
    expect(layers.map(({ name, type, output, params }) => [name, type, output, params])).toEqual([
      ["waveform", "InputLayer", [null, 64], 0],
      ["channel", "Reshape", [null, 64, 1], 0],
      ["conv1_1", "Conv1D", [null, 64, 4], 9 * 1 * 4 + 4],
      ["conv1_2", "Conv1D", [null, 64, 4], 9 * 4 * 4 + 4],
      ["pool1", "MaxPooling1D", [null, 32, 4], 0],
      ["conv2_1", "Conv1D", [null, 32, 4], 9 * 4 * 4 + 4],
      ["conv2_2", "Conv1D", [null, 32, 4], 9 * 4 * 4 + 4],
      ["pool2", "MaxPooling1D", [null, 16, 4], 0],
      ["conv3_1", "Conv1D", [null, 16, 6], 9 * 4 * 6 + 6],
      ["conv3_2", "Conv1D", [null, 16, 6], 9 * 6 * 6 + 6],
      ["conv3_3", "Conv1D", [null, 16, 6], 9 * 6 * 6 + 6],
      ["pool3", "MaxPooling1D", [null, 8, 6], 0],
      ["conv4_1", "Conv1D", [null, 8, 13], 9 * 6 * 13 + 13],
      ["conv4_2", "Conv1D", [null, 8, 13], 9 * 13 * 13 + 13],
      ["conv4_3", "Conv1D", [null, 8, 13], 9 * 13 * 13 + 13],
      ["pool4", "MaxPooling1D", [null, 4, 13], 0],
      ["dropout", "Dropout", [null, 4, 13], 0],
      ["flatten", "Flatten", [null, 52], 0],
      ["dense", "Dense", [null, 13], 52 * 13 + 13],
      ["batch_norm", "BatchNormalization", [null, 13], 4 * 13],
      ["relu", "ReLU", [null, 13], 0],
      ["logits", "Dense", [null, 2], 13 * 2 + 2],
    ]);
    expect(params).toBe(5918);
  });

  test("adds up to each model's parameters", async () => {
    for (const { model, params } of await succeedWithJson<Entry[]>(["models"])) {
      const summary = await layersOf(model);
      expect(summary.params, model).toBe(params);
      expect(
        summary.layers.reduce((sum, layer) => sum + layer.params, 0),
        model,
      ).toBe(params);
    }
  });

  test("prints them as a table, or as a list in a narrow terminal", async () => {
    const { stdout } = await succeed(["models", "conv1d", "--layers"]);
    expect(stdout).toMatch(/^layer +type +output shape +parameters$/m);
    expect(stdout).toMatch(/^dense +Dense +\(None, 256\) +32,768,256$/m);
    expect(stdout).toMatch(/^conv1d: 34,681,708 parameters, 34,681,196 of them trainable$/m);
    const narrow = await succeed(["models", "conv1d", "--layers"], { env: { COLUMNS: "34" } });
    expect(narrow.stdout).toMatch(/^dense\n +type +Dense\n +output shape +\(None, 256\)\n/m);
    for (const line of narrow.stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(34);
  });

  test("needs a name", async () => {
    await fail(["models", "--layers"], 2, /--layers: expected the name of a model before it/);
  });
});
