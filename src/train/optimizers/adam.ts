import * as tf from "@tensorflow/tfjs";
import { type AdamInputs, runOwnKernel } from "../../backend/own-kernels.js";
import { everyStep } from "../../backend/step.js";
import { decays, type Optimizer } from "./optimizer.js";

/** A trainable weight by the name that it keeps from one process to the next. */
export interface NamedVariable {
  readonly name: string;
  readonly variable: tf.Variable;
  /** So many first updates leave it as it is. */
  readonly frozenSteps?: number;
}

/** A model's weights under the names that it stores them by; `trainable` only, where asked. */
export function modelVariables(model: tf.LayersModel, which: "all" | "trainable"): NamedVariable[] {
  const weights = which === "all" ? model.weights : model.trainableWeights;
  // A layer's weight reads as the variable that holds it; its type only promises a tensor.
  return weights.map((weight) => ({ name: weight.originalName, variable: weight.read() as tf.Variable }));
}

/**
 * Adam (Kingma and Ba, 2015) in the form at the end of the paper's section 2, which Keras has too: the bias corrections are
 * folded into the step, and epsilon is added to the uncorrected root).
 *
 * TensorFlow.js's own keeps about fourteen temporaries of every weight alive at once, which the widest model's weights do
 * not leave room for, and multiplies up its powers of beta, which a restored run cannot repeat to the last bit. This one
 * updates variable by variable and computes the powers from the step.
 *
 * With a weight decay it is AdamW (Loshchilov and Hutter, 2019): at each step kernels also lose `rate · weightDecay` of
 * themselves.
 */
export class Adam implements Optimizer {
  step = 0;
  private learningRate = 0;
  private readonly beta1 = 0.9;
  private readonly beta2 = 0.999;
  private readonly epsilon = 1e-7;
  private readonly weightDecay: number;
  private readonly slots: (Required<NamedVariable> & { mean: tf.Variable; square: tf.Variable })[];

  constructor(variables: readonly NamedVariable[], weightDecay = 0) {
    this.weightDecay = weightDecay;
    this.slots = variables.map(({ name, variable, frozenSteps = 0 }) => ({
      name,
      variable,
      frozenSteps,
      mean: zeroVariable(variable),
      square: zeroVariable(variable),
    }));
  }

  next(learningRate: number): void {
    this.step++;
    this.learningRate = learningRate;
  }

  update(gradients: tf.NamedTensorMap): void {
    tf.tidy(() => {
      const kept =
        this.weightDecay > 0 && everyStep(() => tf.scalar(1 - this.learningRate * this.weightDecay));
      // One for all variables that have had as many updates.
      const rates = new Map<number, tf.Tensor>();
      for (const { variable, frozenSteps, mean, square } of this.slots) {
        if (this.step <= frozenSteps) continue;
        if (!rates.has(frozenSteps)) rates.set(frozenSteps, this.rate(frozenSteps));
        const rate = rates.get(frozenSteps)!;
        const gradient = gradients[variable.name]!;
        tf.tidy(() => {
          if (kept && decays(variable)) variable.assign(variable.mul(kept));
          const [newVariable, newMean, newSquare] = this.newValues({
            variable,
            mean,
            square,
            gradient,
            rate,
          });
          mean.assign(newMean);
          square.assign(newSquare);
          variable.assign(newVariable);
        });
      }
    });
  }

  /** The learning rate with the bias corrections of a variable that was frozen at first. */
  private rate(frozenSteps: number): tf.Tensor {
    return everyStep(() => {
      const updates = this.step - frozenSteps;
      const correction = Math.sqrt(1 - this.beta2 ** updates) / (1 - this.beta1 ** updates);
      return tf.scalar(this.learningRate * correction);
    });
  }

  private newValues(inputs: AdamInputs): [variable: tf.Tensor, mean: tf.Tensor, square: tf.Tensor] {
    const { beta1, beta2, epsilon } = this;
    const updated = runOwnKernel("AdamUpdate", inputs, { beta1, beta2, epsilon });
    if (updated !== undefined) return updated as [tf.Tensor, tf.Tensor, tf.Tensor];
    const { variable, gradient, rate } = inputs;
    const mean = tf.tidy(() => inputs.mean.mul(beta1).add(gradient.mul(1 - beta1)));
    const square = tf.tidy(() => inputs.square.mul(beta2).add(gradient.square().mul(1 - beta2)));
    const step = tf.tidy(() => mean.div(square.sqrt().add(epsilon)).mul(rate));
    return [variable.sub(step), mean, square];
  }

  /** What must be stored, beside `step`, to go on exactly: two tensors a variable. */
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

function zeroVariable(like: tf.Variable): tf.Variable {
  return tf.tidy(() => tf.variable(tf.zerosLike(like), false)); // the tidy frees the tensor that it was made from
}
