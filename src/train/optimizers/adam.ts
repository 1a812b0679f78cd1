import * as tf from "@tensorflow/tfjs";
import { type AdamInputs, runOwnKernel } from "../../backend/own-kernels.js";
import { everyStep } from "../../backend/step.js";
import type { NamedVariable } from "../variables.js";
import { decays, type Optimizer, type OptimizerOptions, zeroSlot } from "./optimizer.js";

const [beta1, beta2, epsilon] = [0.9, 0.999, 1e-7];

/**
 * Adam (Kingma and Ba, 2015) in the form at the end of the paper's section 2, which Keras uses too: the bias
 * corrections are part of the learning rate, and epsilon is added to the uncorrected root.
 *
 * With a weight decay it is AdamW (Loshchilov and Hutter, 2019): each step also shrinks kernels by
 * `rate · weightDecay`.
 *
 * TensorFlow.js's Adam keeps about fourteen temporaries of every weight at once, too many for the widest
 * models. It also multiplies up its powers of beta, which a resumed run cannot repeat to the last bit. This
 * one updates variable by variable and computes the powers from the step.
 */
export class Adam implements Optimizer {
  private readonly options: Required<OptimizerOptions>;
  private readonly slots: (NamedVariable & { mean: tf.Variable; square: tf.Variable })[];

  constructor(variables: readonly NamedVariable[], { learningRate, weightDecay = 0 }: OptimizerOptions) {
    this.options = { learningRate, weightDecay };
    this.slots = variables.map((each) => ({
      ...each,
      mean: zeroSlot(each.variable),
      square: zeroSlot(each.variable),
    }));
  }

  update(gradients: tf.NamedTensorMap): void {
    const { learningRate, weightDecay } = this.options;
    tf.tidy(() => {
      const kept = weightDecay > 0 && everyStep((step) => tf.scalar(1 - learningRate(step) * weightDecay));
      // One rate for all variables that were frozen for the same number of steps.
      const rates = new Map<number, tf.Tensor>();
      for (const { variable, frozenSteps = 0, mean, square } of this.slots) {
        const gradient = gradients[variable.name];
        if (gradient === undefined) continue;
        if (!rates.has(frozenSteps)) rates.set(frozenSteps, this.rate(frozenSteps));
        const rate = rates.get(frozenSteps)!;
        tf.tidy(() => {
          if (kept && decays(variable)) variable.assign(variable.mul(kept));
          const [newVariable, newMean, newSquare] = newValues({ variable, mean, square, gradient, rate });
          mean.assign(newMean);
          square.assign(newSquare);
          variable.assign(newVariable);
        });
      }
    });
  }

  /** The learning rate with the bias corrections of a variable that was frozen at first. */
  private rate(frozenSteps: number): tf.Tensor {
    return everyStep((step) => {
      const updates = step + 1 - frozenSteps;
      const correction = Math.sqrt(1 - beta2 ** updates) / (1 - beta1 ** updates);
      return tf.scalar(this.options.learningRate(step) * correction);
    });
  }

  slotVariables(): NamedVariable[] {
    return this.slots.flatMap(({ name, mean, square }) => [
      { name: `${name}/adam_mean`, variable: mean },
      { name: `${name}/adam_square`, variable: square },
    ]);
  }

  dispose(): void {
    for (const { mean, square } of this.slots) {
      mean.dispose();
      square.dispose();
    }
  }
}

function newValues(inputs: AdamInputs): [variable: tf.Tensor, mean: tf.Tensor, square: tf.Tensor] {
  const updated = runOwnKernel("AdamUpdate", inputs, { beta1, beta2, epsilon });
  if (updated !== undefined) return updated as [tf.Tensor, tf.Tensor, tf.Tensor];
  const { variable, gradient, rate } = inputs;
  const mean = tf.tidy(() => inputs.mean.mul(beta1).add(gradient.mul(1 - beta1)));
  const square = tf.tidy(() => inputs.square.mul(beta2).add(gradient.square().mul(1 - beta2)));
  const change = tf.tidy(() => mean.div(square.sqrt().add(epsilon)).mul(rate));
  return [variable.sub(change), mean, square];
}
