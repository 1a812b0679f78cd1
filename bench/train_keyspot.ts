/** One contestant of bench/train.ts: keyspot's own training loop. Arguments: backend, model, width, batch, threads. */
import { createInterface } from "node:readline";
import { type BackendName, isAsynchronous, startBackend } from "../src/backend/index.js";
import type { TrainingBatches } from "../src/data/batches.js";
import { buildModel } from "../src/models/registry.js";
import { Random } from "../src/random.js";
import { Adam, modelVariables } from "../src/train/adam.js";
import { runLoop, startPosition } from "../src/train/loop.js";
import { makeLoss } from "../src/train/loss.js";

const [backend, name, width, batchSize] = process.argv.slice(2) as [BackendName, string, string, string];
const size = Number(batchSize);
const { device } = await startBackend(backend, "training");
const step = { index: 0 };
const shape = { labelCount: 12, sampleRate: 8000, clipLength: 8000, width: Number(width), seed: 1, step };
const model = buildModel(name, shape);
const variables = modelVariables(model, "trainable");
const optimizer = new Adam(variables);
const random = new Random(1, "waves");
const waves = Float32Array.from({ length: size * 8000 }, () => random.normal());
const labels = Int32Array.from({ length: size }, (_, i) => i % 12);

async function train(steps: number): Promise<number> {
  let loss = Number.NaN;
  await runLoop({
    model,
    variables,
    optimizer,
    loss: makeLoss({ labelSmoothing: 0 }),
    step,
    batches: { count: steps, read: () => ({ waves, labels, size }) } as unknown as TrainingBatches,
    epochs: 1,
    learningRate: () => 1e-4,
    validate: async () => ({ loss: 0, accuracy: 0 }),
    callbacks: [
      {
        name: "loss",
        onEpochEnd: (record) => {
          loss = record.loss;
        },
      },
    ],
    position: startPosition(),
    readEvery: isAsynchronous(backend) ? 16 : 1,
  });
  return loss;
}

console.log(
  JSON.stringify({ about: `${device}, Node ${process.versions.node}`, params: model.countParams() }),
);
for await (const line of createInterface({ input: process.stdin })) {
  const start = performance.now();
  const loss = await train(Number(line));
  console.log(JSON.stringify({ seconds: (performance.now() - start) / 1000, loss }));
}
process.exit(0);
