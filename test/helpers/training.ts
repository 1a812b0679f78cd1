import * as tf from "@tensorflow/tfjs";
import { expect } from "vitest";
import { Random } from "../../src/base/random.js";
import type { Batch } from "../../src/data/batches/batches.js";
import { inputOf } from "../../src/models/front-ends/front-end.js";
import { buildModel, findModel } from "../../src/models/registry.js";
import { makeLoss } from "../../src/train/loss.js";
import { Trainer } from "../../src/train/trainer.js";
import { modelVariables } from "../../src/train/variables.js";
import { expectNear } from "./near.js";

export interface TrainedSteps {
  /** Of the first step, by the weight's name. */
  gradients: ReadonlyMap<string, Float32Array>;
  /** Of every step, before its update. */
  losses: readonly number[];
  /** Whether the last of them was run as a graph. */
  graph: boolean;
}

const labelCount = 12;
const batchSize = 4;

/** A trainer of a narrow model on the current backend, with a batch of short clips of noise. All follows from the name. */
export function smallTrainer(name: string, width = 0.1): { trainer: Trainer; batch: Batch } {
  // Both are about as short as four max-pools allow.
  const clipLength = inputOf(findModel(name), undefined) === "waveform" ? 320 : 1000;
  const random = new Random(5, "training", name);
  const model = buildModel(name, { labelCount, sampleRate: 8000, clipLength, width, seed: 11 });
  const waves = Float32Array.from({ length: batchSize * clipLength }, () => 0.3 * random.normal());
  const labels = Int32Array.from({ length: batchSize }, (_, i) => i);
  const batch = { waves, labels, size: batchSize };
  return { trainer: new Trainer({ model, learningRate: () => 1e-4 }), batch };
}

/** Takes one step; returns the loss before its update. */
export async function lossOfStep(trainer: Trainer, batch: Batch): Promise<number> {
  const results = trainer.step(batch);
  const [loss] = await results.data();
  results.dispose();
  return loss!;
}

/** Gradients of the cross-entropy, as the next step would compute them, by the weight's name. */
async function gradientsOf(
  { model }: Trainer,
  { waves, labels, size }: Batch,
): Promise<ReadonlyMap<string, Float32Array>> {
  const variables = modelVariables(model, "trainable");
  const { value, grads } = tf.tidy(() => {
    const inputs = tf.tensor2d(waves, [size, waves.length / size]);
    const targets = tf.oneHot(tf.tensor1d(labels, "int32"), labelCount).toFloat() as tf.Tensor2D;
    const lossOf = makeLoss({ labelSmoothing: 0 })(inputs, targets);
    return tf.variableGrads(
      () => lossOf(model.apply(inputs, { training: true }) as tf.Tensor2D),
      variables.map(({ variable }) => variable),
    );
  });
  const read = variables.map(
    async (each) => [each.name, await grads[each.variable.name]!.data<"float32">()] as const,
  );
  const gradients = new Map(await Promise.all(read));
  tf.dispose([value, grads]);
  return gradients;
}

/** The first gradients and the losses of a few steps, on the current backend. */
export async function trainSteps(name: string, steps: number, width?: number): Promise<TrainedSteps> {
  const { trainer, batch } = smallTrainer(name, width);
  const gradients = await gradientsOf(trainer, batch);
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) losses.push(await lossOfStep(trainer, batch));
  const graph = trainer.usesGraph;
  trainer.dispose();
  return { gradients, losses, graph };
}

/**
 * Expects gradients within 1e-3 of their largest value and losses within 1e-3. Where a normalisation after a weight cancels
 * its scale, the weight's gradient is nearly zero and what is computed is rounding of larger values: the tolerance is
 * at least 1e-6 of the largest gradient of all.
 */
export function expectSameTraining(actual: TrainedSteps, expected: TrainedSteps): void {
  expect([...actual.gradients.keys()]).toEqual([...expected.gradients.keys()]);
  const largest = (values: Float32Array) =>
    values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const rounding = 1e-6 * Math.max(...[...expected.gradients.values()].map(largest));
  for (const [weight, gradient] of expected.gradients) {
    // The batch norm after it cancels this bias: its gradient is zero, and what is computed is rounding.
    const reference = weight === "dense/bias" ? new Float32Array(gradient.length) : gradient;
    const tolerance = weight === "dense/bias" ? 1e-6 : Math.max(1e-3, rounding / (largest(gradient) || 1));
    expectNear(actual.gradients.get(weight)!, reference, tolerance, `gradient of ${weight}`);
  }
  actual.losses.forEach((loss, i) => {
    expect(Math.abs(loss - expected.losses[i]!)).toBeLessThan(1e-3);
  });
}
