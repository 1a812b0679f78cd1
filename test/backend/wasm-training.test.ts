import * as tf from "@tensorflow/tfjs";
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import { beforeAll, expect, it } from "vitest";
import { startBackend } from "../../src/backend/start.js";
import { noise } from "../helpers/kernels.js";

beforeAll(async () => {
  await startBackend("wasm", "training");
});

/** Every kind of layer that training uses here, as small as can be. */
function tinyModel(): tf.LayersModel {
  const seed = 1;
  const kernelInitializer = tf.initializers.glorotUniform({ seed });
  const input = tf.input({ shape: [12, 8, 1] });
  const apply = (layer: tf.layers.Layer, x: tf.SymbolicTensor | tf.SymbolicTensor[]) =>
    layer.apply(x) as tf.SymbolicTensor;
  const conv = { kernelSize: 3, padding: "same" as const, activation: "relu" as const, kernelInitializer };
  const first = apply(tf.layers.conv2d({ ...conv, filters: 4, strides: 2 }), input);
  const depthwise = apply(
    tf.layers.depthwiseConv2d({ kernelSize: 3, padding: "same", depthwiseInitializer: kernelInitializer }),
    first,
  );
  const joined = apply(tf.layers.concatenate(), [depthwise, first]);
  const pooled = apply(tf.layers.maxPooling2d({ poolSize: 2 }), joined);
  const flat = apply(tf.layers.flatten(), pooled);
  const dense = apply(tf.layers.dense({ units: 6, kernelInitializer }), flat);
  const normal = apply(tf.layers.batchNormalization(), dense);
  const logits = apply(tf.layers.dense({ units: 3, kernelInitializer }), apply(tf.layers.reLU(), normal));
  return tf.model({ inputs: input, outputs: logits });
}

/** Trains on the same few pictures over and over; `watch` sees every step. */
function train(steps: number, watch: (step: number) => void): Float32Array[] {
  const model = tinyModel();
  const x = tf.tensor(noise([6, 12, 8, 1], "pictures").values, [6, 12, 8, 1]);
  const labels = tf.oneHot([0, 1, 2, 0, 1, 2], 3);
  const variables = model.trainableWeights.map((weight) => weight.read() as tf.Variable);
  for (let step = 1; step <= steps; step++) {
    tf.tidy(() => {
      const { grads } = tf.variableGrads(
        () =>
          tf.losses.softmaxCrossEntropy(labels, model.apply(x, { training: true }) as tf.Tensor) as tf.Scalar,
        variables,
      );
      for (const variable of variables) variable.assign(variable.sub(grads[variable.name]!.mul(0.01)));
    });
    watch(step);
  }
  const weights = model.weights.map((weight) => weight.read().dataSync<"float32">());
  tf.dispose([x, labels]);
  model.dispose();
  return weights;
}

function memory() {
  const { numTensors, numBytes, numDataBuffers } = tf.memory();
  const backend = tf.backend() as BackendWasm;
  return { numTensors, numBytes, numDataBuffers, held: backend.numDataIds() };
}

const heapBytes = () => (tf.backend() as unknown as { wasm: { HEAPU8: Uint8Array } }).wasm.HEAPU8.length;

it("leaks nothing: step 1,000 leaves what step 10 left, and the heap has not grown since step 100", () => {
  const before = memory();
  const seen = new Map<number, ReturnType<typeof memory> & { heap: number }>();
  train(1000, (step) => {
    if (step === 10 || step === 100 || step === 1000) seen.set(step, { ...memory(), heap: heapBytes() });
  });
  expect({ ...seen.get(1000), heap: 0 }).toEqual({ ...seen.get(10), heap: 0 });
  expect(seen.get(1000)!.heap).toBe(seen.get(100)!.heap);
  expect(memory()).toEqual(before);
}, 300_000);

it("trains to the same weights, bit for bit, every time", () => {
  const [first, second] = [train(30, () => {}), train(30, () => {})];
  expect(second).toEqual(first);
  expect(first.every((weights) => weights.every(Number.isFinite))).toBe(true);
});
