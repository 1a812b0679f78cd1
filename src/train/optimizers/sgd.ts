import * as tf from "@tensorflow/tfjs";
import { everyStep } from "../../backend/step.js";
import type { NamedVariable } from "./adam.js";
import { decays, type Optimizer } from "./optimizer.js";

/**
 * Stochastic gradient descent with momentum as PyTorch has it: the velocity is `momentum · velocity + gradient`, to which
 * weight decay adds `weightDecay · weight` for kernels, and the weight loses `rate · velocity`.
 */
export class Sgd implements Optimizer {
  step = 0;
  private learningRate = 0;
  private readonly momentum: number;
  private readonly weightDecay: number;
  private readonly slots: (Required<NamedVariable> & { velocity: tf.Variable })[];

  constructor(variables: readonly NamedVariable[], options: { momentum: number; weightDecay: number }) {
    this.momentum = options.momentum;
    this.weightDecay = options.weightDecay;
    this.slots = variables.map(({ name, variable, frozenSteps = 0 }) => {
      const velocity = tf.tidy(() => tf.variable(tf.zerosLike(variable), false));
      return { name, variable, frozenSteps, velocity };
    });
  }

  next(learningRate: number): void {
    this.step++;
    this.learningRate = learningRate;
  }

  update(gradients: tf.NamedTensorMap): void {
    tf.tidy(() => {
      const rate = everyStep(() => tf.scalar(this.learningRate));
      for (const { variable, frozenSteps, velocity } of this.slots) {
        if (this.step <= frozenSteps) continue;
        const gradient = gradients[variable.name]!;
        tf.tidy(() => {
          const slope =
            this.weightDecay > 0 && decays(variable)
              ? gradient.add(variable.mul(this.weightDecay))
              : gradient;
          velocity.assign(velocity.mul(this.momentum).add(slope));
          variable.assign(variable.sub(velocity.mul(rate)));
        });
      }
    });
  }

  slotVariables(): NamedVariable[] {
    return this.slots.map(({ name, velocity }) => ({ name: `${name}/sgd_velocity`, variable: velocity }));
  }

  dispose(): void {
    for (const { velocity } of this.slots) velocity.dispose();
  }
}
