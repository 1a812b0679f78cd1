import * as tf from "@tensorflow/tfjs";
import { everyStep } from "../../backend/step.js";
import { modelVariables, type NamedVariable } from "../variables.js";

/**
 * An exponential moving average of a model's weights, moving statistics included, in a second model of the
 * same shape, which is the one to validate and to keep (Polyak and Juditsky, 1992; with the decay of
 * Tarvainen and Valpola, 2017). After n steps the decay is `min(decay, (1 + n) / (10 + n))`, so that the
 * initial weights are soon forgotten.
 */
export class WeightAverage {
  readonly model: tf.LayersModel;
  private readonly pairs: { of: tf.Variable; average: tf.Variable }[];
  private readonly decay: number;

  /** @param average built as `model` was; its weights are set to the model's */
  constructor(model: tf.LayersModel, average: tf.LayersModel, decay: number) {
    this.model = average;
    this.decay = decay;
    const averages = modelVariables(average, "all");
    this.pairs = modelVariables(model, "all").map(({ variable }, i) => ({
      of: variable,
      average: averages[i]!.variable,
    }));
    tf.tidy(() => {
      for (const { of, average } of this.pairs) average.assign(of.clone());
    });
  }

  /** Moves the average towards the weights, at the end of the step under way. */
  follow(): void {
    tf.tidy(() => {
      const share = everyStep((step) => {
        const steps = step + 1;
        return tf.scalar(1 - Math.min(this.decay, (1 + steps) / (10 + steps)));
      });
      for (const { of, average } of this.pairs) {
        tf.tidy(() => average.assign(average.add(of.sub(average).mul(share))));
      }
    });
  }

  /** Tensors that must be stored to resume exactly. */
  slotVariables(): NamedVariable[] {
    return modelVariables(this.model, "all").map(({ name, variable }) => ({
      name: `average/${name}`,
      variable,
    }));
  }
}
