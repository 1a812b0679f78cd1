import * as tf from "@tensorflow/tfjs";
import { everyStep } from "../../backend/step.js";
import type { NamedVariable } from "../variables.js";
import { decays, type Optimizer, type OptimizerOptions, zeroSlot } from "./optimizer.js";

/**
 * Stochastic gradient descent with momentum, as in PyTorch: `velocity = momentum · velocity + gradient`, then
 * `weight -= rate · velocity`. Weight decay adds `weightDecay · weight` to the gradients of kernels.
 */
export class Sgd implements Optimizer {
  private readonly options: Required<OptimizerOptions> & { momentum: number };
  private readonly slots: (NamedVariable & { velocity: tf.Variable })[];

  constructor(
    variables: readonly NamedVariable[],
    { weightDecay = 0, ...options }: OptimizerOptions & { momentum: number },
  ) {
    this.options = { ...options, weightDecay };
    this.slots = variables.map((each) => ({ ...each, velocity: zeroSlot(each.variable) }));
  }

  update(gradients: tf.NamedTensorMap): void {
    const { learningRate, momentum, weightDecay } = this.options;
    tf.tidy(() => {
      const rate = everyStep((step) => tf.scalar(learningRate(step)));
      for (const { variable, velocity } of this.slots) {
        const gradient = gradients[variable.name];
        if (gradient === undefined) continue;
        tf.tidy(() => {
          const slope =
            weightDecay > 0 && decays(variable) ? gradient.add(variable.mul(weightDecay)) : gradient;
          velocity.assign(velocity.mul(momentum).add(slope));
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
