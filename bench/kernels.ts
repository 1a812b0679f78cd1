/**
 * Times a training step on the wasm backend in turns: with our kernels, with TensorFlow.js's own gradient of a
 * convolution by its input, and with all kernels that TensorFlow.js has (it has no gradient by the filter, so ours is
 * used throughout). Then lists where the time of our step goes, kernel by kernel. It measures elapsed time, so nothing
 * else should run.
 *
 *   npx tsx bench/kernels.ts [--model conv1d] [--batch 8] [--width 1] [--rounds 3] [--one-thread] [--ours-only]
 */
import { parseArgs } from "node:util";
import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-wasm";
import { startBackend } from "../src/backend/start.js";
import { Random } from "../src/base/random.js";
import { modelCost } from "../src/models/cost.js";
import { buildModel } from "../src/models/registry.js";
import { Trainer } from "../src/train/trainer.js";

const { values: options } = parseArgs({
  options: {
    model: { type: "string", default: "conv1d" },
    batch: { type: "string", default: "8" },
    width: { type: "string", default: "1" },
    rounds: { type: "string", default: "3" },
    "one-thread": { type: "boolean", default: false },
    "ours-only": { type: "boolean", default: false },
  },
});
const [batch, rounds] = [Number(options.batch), Number(options.rounds)];

const own = tf.getKernelsForBackend("wasm");
const { device } = await startBackend("wasm", options["one-thread"] ? "short" : "training");
const ours = tf.getKernelsForBackend("wasm").filter((kernel) => !own.includes(kernel));
const replaced = own.filter(({ kernelName }) => ours.some((kernel) => kernel.kernelName === kernelName));

const model = buildModel(options.model, {
  labelCount: 12,
  sampleRate: 8000,
  clipLength: 8000,
  width: Number(options.width),
  seed: 1,
});
const trainer = new Trainer({ model, learningRate: () => 1e-4 });
const random = new Random(1, "waves");
const waves = Float32Array.from({ length: batch * 8000 }, () => random.normal());
const labels = Int32Array.from({ length: batch }, (_, i) => i % 12);
// Forward, by the weights and by the input: three times the forward pass, two operations a multiply-add.
const gflop = (modelCost(model).macs * 2 * 3 * batch) / 1e9;

function step(): void {
  trainer.step({ waves, labels, size: batch }).dispose();
}

function use(kernel: tf.KernelConfig): void {
  tf.unregisterKernel(kernel.kernelName, "wasm");
  tf.registerKernel(kernel);
}

function seconds(work: () => void): number {
  const start = performance.now();
  work();
  return (performance.now() - start) / 1000;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}

const ownInputGradient = replaced.filter(({ kernelName }) => kernelName === "Conv2DBackpropInput");
const variants = [
  { name: "our kernels", kernels: ours },
  { name: "with TensorFlow.js's own gradient by the input", kernels: [...ours, ...ownInputGradient] },
  { name: "with all of TensorFlow.js's own", kernels: [...ours, ...replaced] },
].map((variant) => ({ ...variant, times: [] as number[] }));
if (options["ours-only"]) variants.length = 1;

console.log(
  `${options.model} at width ${options.width}, batch ${batch}: ${gflop.toFixed(1)} GFLOP a step; ${device}, Node ${process.versions.node}`,
);
for (let round = 0; round <= rounds; round++) {
  for (const { kernels, times } of variants) {
    kernels.forEach(use);
    const time = seconds(step);
    if (round > 0) times.push(time); // the first round warms up
  }
}
const fastest = median(variants[0]!.times);
for (const { name, times } of variants) {
  const time = median(times);
  const figures = `${time.toFixed(2)} s a step, ${(gflop / time).toFixed(1)} GFLOP/s`;
  console.log(`${name}: ${figures}, ${(time / fastest).toFixed(1)} times ours`);
}

ours.forEach(use);
const spent = new Map<string, { ms: number; calls: number }>();
const within: number[] = [];
for (const kernel of tf.getKernelsForBackend("wasm")) {
  use({
    ...kernel,
    kernelFunc: (call) => {
      within.push(0);
      const start = performance.now();
      const result = kernel.kernelFunc(call);
      const ms = performance.now() - start;
      const entry = spent.get(kernel.kernelName) ?? { ms: 0, calls: 0 };
      entry.ms += ms - within.pop()!;
      entry.calls++;
      spent.set(kernel.kernelName, entry);
      if (within.length > 0) within[within.length - 1]! += ms;
      return result;
    },
  });
}
step();
const total = [...spent.values()].reduce((sum, { ms }) => sum + ms, 0);
console.log("\nkernel (without those that it calls)   calls   share");
for (const [kernel, { ms, calls }] of [...spent].sort(([, a], [, b]) => b.ms - a.ms).slice(0, 20)) {
  console.log(
    `${kernel.padEnd(38)} ${String(calls).padStart(5)} ${((100 * ms) / total).toFixed(1).padStart(6)} %`,
  );
}
const { HEAPU8 } = (tf.backend() as unknown as { wasm: { HEAPU8: Uint8Array } }).wasm;
console.log(
  `\nWebAssembly memory: ${(HEAPU8.length / 1e9).toFixed(2)} GB; ${tf.memory().numTensors} tensors`,
);
