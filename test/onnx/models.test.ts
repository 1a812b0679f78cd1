import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startBackend } from "../../src/backend/start.js";
import { Random } from "../../src/base/random.js";
import { forwardGraph } from "../../src/graph/forward.js";
import { inputOf } from "../../src/models/front-ends/front-end.js";
import { buildModel, modelRegistry } from "../../src/models/registry.js";
import { writeOnnx } from "../../src/onnx/write.js";
import { RunFolder } from "../../src/run/folder.js";
import { hasPython, runPython } from "../helpers/python.js";

const ort = await import("onnxruntime-node").catch(() => undefined);
const folder = mkdtempSync(join(tmpdir(), "kws-onnx-"));
const checker = hasPython("onnx");

/** A model whose statistics and biases are not those of a fresh one. */
function usedModel(name: string, frontEnd: Parameters<typeof buildModel>[1]["frontEnd"]): tf.LayersModel {
  const definition = modelRegistry.get(name)!;
  const clipLength = inputOf(definition, frontEnd) === "waveform" ? 800 : 1600;
  const model = buildModel(name, {
    labelCount: 5,
    sampleRate: 8000,
    clipLength,
    width: 0.1,
    seed: 1,
    frontEnd,
  });
  const random = new Random(3, name);
  for (const weight of model.weights) {
    const variable = weight.read() as tf.Variable;
    if (variable.rank > 1) continue;
    const values = Float32Array.from({ length: variable.size }, () => 0.5 + random.uniform());
    tf.tidy(() => variable.assign(tf.tensor(values, variable.shape)));
  }
  return model;
}

async function checkLogits(name: string, model: tf.LayersModel): Promise<void> {
  const bytes = writeOnnx(forwardGraph(model), {
    name,
    version: "0",
    metadata: { labels: "a,b" },
    outputs: ["logits"],
  });
  writeFileSync(join(folder, `${name}.onnx`), bytes);
  const session = await ort!.InferenceSession.create(bytes, { logSeverityLevel: 3 });
  const samples = model.inputs[0]!.shape[1]!;
  const random = new Random(4, name);
  for (const batch of [1, 3]) {
    const waves = Float32Array.from({ length: batch * samples }, () => 0.3 * random.normal());
    const { logits } = await session.run({ waveform: new ort!.Tensor("float32", waves, [batch, samples]) });
    const expected = tf.tidy(() =>
      (model.predict(tf.tensor2d(waves, [batch, samples])) as tf.Tensor).dataSync(),
    );
    expect(logits!.dims).toEqual([batch, model.outputShape[1]]);
    expect(Math.max(...expected.map((value, i) => Math.abs(value - Number(logits!.data[i]))))).toBeLessThan(
      1e-4,
    );
  }
  await session.release();
}

describe.skipIf(ort === undefined)("a model as ONNX has the logits that it has in TensorFlow.js", () => {
  beforeAll(async () => {
    await startBackend("cpu", "training");
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test.for(
    [...modelRegistry.values()].flatMap(({ name, frontEnds }) =>
      frontEnds.map((kind) => [name, kind] as const),
    ),
  )("%s on %s", async ([name, kind]) => {
    const model = usedModel(name, kind);
    await checkLogits(`${name}-${kind}`, model);
    model.dispose();
  });

  test.for(["kws-8k", "words-8k"])("%s, which ships", async (name) => {
    const model = await new RunFolder(`pretrained/${name}`).readBest();
    await checkLogits(name, model);
    model.dispose();
  });

  test.skipIf(!checker)("and all of them pass ONNX's own checker (Python)", () => {
    const checked = runPython<number>(
      `
import glob, onnx
paths = glob.glob(input + "/*.onnx")
for path in paths:
    onnx.checker.check_model(onnx.load(path), full_check=True)
output = np.int64(len(paths))
`,
      folder,
    );
    expect(checked).toBe(readdirSync(folder).length);
  });
});
