import * as tf from "@tensorflow/tfjs";
import { buildModel, findModel } from "../../src/models/registry.js";
import { Random } from "../../src/random.js";
import { Adam, modelVariables } from "../../src/train/adam.js";

export interface TrainedSteps {
  /** Of the first step, by the weight's name. */
  gradients: ReadonlyMap<string, Float32Array>;
  /** Of every step, before its update. */
  losses: readonly number[];
}

export interface Trainer {
  /** One update; returns the loss before it. */
  step(): number;
  gradients(): ReadonlyMap<string, Float32Array>;
  dispose(): void;
}

const labelCount = 12;
const batchSize = 4;

/** A narrow model on short clips of noise, ready to be trained on the current backend. All follows from the name. */
export function smallTrainer(name: string): Trainer {
  // Both are about as short as four max-pools allow.
  const clipLength = findModel(name).input === "waveform" ? 320 : 1000;
  const random = new Random(5, "training", name);
  const position = { index: 0 };
  const shape = { labelCount, sampleRate: 8000, clipLength, width: 0.1, seed: 11, step: position };
  const model = buildModel(name, shape);
  const variables = modelVariables(model, "trainable");
  const adam = new Adam(variables);
  const samples = Float32Array.from({ length: batchSize * clipLength }, () => 0.3 * random.normal());
  const waves = tf.tensor2d(samples, [batchSize, clipLength]);
  const targets = tf.tidy(() => tf.oneHot(tf.range(0, batchSize, 1, "int32"), labelCount).toFloat());

  const gradientsNow = () =>
    tf.variableGrads(
      () => tf.losses.softmaxCrossEntropy(targets, model.apply(waves, { training: true }) as tf.Tensor),
      variables.map(({ variable }) => variable),
    );
  return {
    step: () => {
      const loss = tf.tidy(() => {
        const { value, grads } = gradientsNow();
        adam.apply(grads, 1e-4);
        return value.dataSync()[0]!;
      });
      position.index++;
      return loss;
    },
    gradients: () => {
      const { value, grads } = gradientsNow();
      const read = variables.map(
        (each) => [each.name, grads[each.variable.name]!.dataSync<"float32">()] as const,
      );
      tf.dispose([value, grads]);
      return new Map(read);
    },
    dispose: () => {
      model.dispose();
      adam.dispose();
      tf.dispose([waves, targets]);
    },
  };
}

/** The first gradients and the losses of a few steps, on the current backend. */
export function trainSteps(name: string, steps: number): TrainedSteps {
  const trainer = smallTrainer(name);
  const gradients = trainer.gradients();
  const losses = Array.from({ length: steps }, () => trainer.step());
  trainer.dispose();
  return { gradients, losses };
}
