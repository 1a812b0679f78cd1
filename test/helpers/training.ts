import * as tf from "@tensorflow/tfjs";
import { expect } from "vitest";
import { Random } from "../../src/base/random.js";
import { inputOf } from "../../src/models/front-ends/front-end.js";
import { buildModel, findModel } from "../../src/models/registry.js";
import { makeLoss } from "../../src/train/loss.js";
import { Adam, modelVariables } from "../../src/train/optimizers/adam.js";
import { TrainingSteps } from "../../src/train/steps.js";
import { expectNear } from "./near.js";

export interface TrainedSteps {
  /** Of the first step, by the weight's name. */
  gradients: ReadonlyMap<string, Float32Array>;
  /** Of every step, before its update. */
  losses: readonly number[];
  /** Whether the last of them was run as a graph. */
  graph: boolean;
}

export interface Trainer {
  /** One update as the training loop makes it; returns the loss before it. */
  step(): Promise<number>;
  gradients(): Promise<ReadonlyMap<string, Float32Array>>;
  usesGraph(): boolean;
  dispose(): void;
}

const labelCount = 12;
const batchSize = 4;

/** A narrow model on short clips of noise, ready to be trained on the current backend. All follows from the name. */
export function smallTrainer(name: string, width = 0.1): Trainer {
  // Both are about as short as four max-pools allow.
  const clipLength = inputOf(findModel(name), undefined) === "waveform" ? 320 : 1000;
  const random = new Random(5, "training", name);
  const model = buildModel(name, { labelCount, sampleRate: 8000, clipLength, width, seed: 11 });
  const variables = modelVariables(model, "trainable");
  const optimizer = new Adam(variables);
  const loss = makeLoss({ labelSmoothing: 0 });
  const state = [...modelVariables(model, "all"), ...optimizer.slotVariables()];
  const learningRate = () => 1e-4;
  const steps = new TrainingSteps({ model, variables, state, optimizer, loss, learningRate });
  const waves = Float32Array.from({ length: batchSize * clipLength }, () => 0.3 * random.normal());
  const labels = Int32Array.from({ length: batchSize }, (_, i) => i);

  return {
    step: async () => {
      const results = steps.run({ waves, labels, size: batchSize });
      const [value] = await results.data();
      results.dispose();
      return value!;
    },
    gradients: async () => {
      const { value, grads } = tf.tidy(() => {
        const inputs = tf.tensor2d(waves, [batchSize, clipLength]);
        const targets = tf.oneHot(tf.tensor1d(labels, "int32"), labelCount).toFloat() as tf.Tensor2D;
        const lossOf = loss(inputs, targets);
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
    },
    usesGraph: () => steps.usesGraph,
    dispose: () => {
      steps.dispose();
      model.dispose();
      optimizer.dispose();
    },
  };
}

/** The first gradients and the losses of a few steps, on the current backend. */
export async function trainSteps(name: string, steps: number, width?: number): Promise<TrainedSteps> {
  const trainer = smallTrainer(name, width);
  const gradients = await trainer.gradients();
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) losses.push(await trainer.step());
  const graph = trainer.usesGraph();
  trainer.dispose();
  return { gradients, losses, graph };
}

/**
 * Expects gradients within 1e-3 of their largest and losses within 1e-3. Where a normalisation behind it takes a weight's
 * scale away again, its gradient is all but zero, and what is computed is rounding of larger ones: none need be nearer
 * than 1e-6 of the largest of all.
 */
export function expectSameTraining(actual: TrainedSteps, expected: TrainedSteps): void {
  expect([...actual.gradients.keys()]).toEqual([...expected.gradients.keys()]);
  const largest = (values: Float32Array) =>
    values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const rounding = 1e-6 * Math.max(...[...expected.gradients.values()].map(largest));
  for (const [weight, gradient] of expected.gradients) {
    // The batch norm behind it takes this bias away again: its gradient is zero, and what is computed is rounding.
    const reference = weight === "dense/bias" ? new Float32Array(gradient.length) : gradient;
    const tolerance = weight === "dense/bias" ? 1e-6 : Math.max(1e-3, rounding / (largest(gradient) || 1));
    expectNear(actual.gradients.get(weight)!, reference, tolerance, `gradient of ${weight}`);
  }
  actual.losses.forEach((loss, i) => {
    expect(Math.abs(loss - expected.losses[i]!)).toBeLessThan(1e-3);
  });
}
