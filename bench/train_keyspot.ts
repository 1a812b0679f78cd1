/**
 * One contestant of bench/train.ts: keyspot's own training loop. Arguments: backend, model, width, batch, threads. The
 * backend `tensorflow-stepwise` runs each operation from JavaScript instead of a step as one graph. Each line of
 * standard input is a number of steps, which run as one epoch; the time it took is printed at its end.
 */
import { createInterface } from "node:readline";
import * as tf from "@tensorflow/tfjs";
import type { BackendName } from "../src/backend/names.js";
import { startBackend } from "../src/backend/start.js";
import { GraphRunner } from "../src/backend/tensorflow/step-graph/runner.js";
import { Random } from "../src/base/random.js";
import { buildModel } from "../src/models/registry.js";
import { runLoop, startPosition } from "../src/train/loop.js";
import { Trainer } from "../src/train/trainer.js";

const [contestant, name, width, batchSize] = process.argv.slice(2) as [string, string, string, string];
const stepwise = "-stepwise";
const backend = contestant.replace(stepwise, "") as BackendName;
if (contestant.endsWith(stepwise)) {
  GraphRunner.prototype.run = function () {
    return tf.tidy(this.step);
  };
}
const size = Number(batchSize);
const { device } = await startBackend(backend, "training");
const shape = { labelCount: 12, sampleRate: 8000, clipLength: 8000, width: Number(width), seed: 1 };
const model = buildModel(name, shape);
const random = new Random(1, "waves");
const waves = Float32Array.from({ length: size * 8000 }, () => random.normal());
const labels = Int32Array.from({ length: size }, (_, i) => i % 12);

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
let steps = 0;
let start = 0;
async function nextTurn(): Promise<void> {
  const { value, done } = await lines.next();
  if (done) process.exit(0);
  steps = Number(value);
  start = performance.now();
}

console.log(
  JSON.stringify({ about: `${device}, Node ${process.versions.node}`, params: model.countParams() }),
);
await nextTurn();
await runLoop({
  trainer: new Trainer({ model, learningRate: () => 1e-4 }),
  batches: {
    get count() {
      return steps;
    },
    read: () => ({ waves, labels, size }),
  },
  epochs: Number.POSITIVE_INFINITY,
  validate: async () => ({ loss: 0, accuracy: 0 }),
  callbacks: [
    {
      name: "turns",
      onEpochEnd: async ({ loss }) => {
        console.log(JSON.stringify({ seconds: (performance.now() - start) / 1000, loss }));
        await nextTurn();
      },
    },
  ],
  position: startPosition(),
});
