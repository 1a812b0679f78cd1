import * as tf from "@tensorflow/tfjs";
import { stepRunner } from "../backend/start.js";
import { everyStep, inStep, type StepRunner } from "../backend/step.js";
import type { Batch } from "../data/batches/batches.js";
import type { Loss } from "./loss.js";
import type { NamedVariable } from "./optimizers/adam.js";
import type { Optimizer } from "./optimizers/optimizer.js";

export interface StepOptions {
  model: tf.LayersModel;
  /** What the optimizer updates. */
  variables: readonly NamedVariable[];
  /** All that changes from step to step: the model's weights and statistics, the optimizer's memory, an average. */
  state: readonly NamedVariable[];
  optimizer: Optimizer;
  loss: Loss;
  /** After each update, with tensors alone; `step` tells how many there were. */
  afterUpdate?: ((step: () => number) => void) | undefined;
  learningRate: (step: number) => number;
}

/** Updates of the weights: forward, backward, optimizer. */
export class TrainingSteps {
  private readonly options: StepOptions;
  private batch!: Batch;
  private repeated: { step: StepRunner; batchSize: number; updated: number } | undefined;

  constructor(options: StepOptions) {
    this.options = options;
  }

  /** One update. Returns the mean loss and the number of right answers, `[2]`. */
  run(batch: Batch): tf.Tensor1D {
    const { optimizer, learningRate } = this.options;
    this.batch = batch;
    const index = optimizer.step;
    optimizer.next(learningRate(index));
    return inStep(index, () => this.runStep(batch));
  }

  private runStep(batch: Batch): tf.Tensor1D {
    const { optimizer, variables, state } = this.options;
    const updated = variables.filter(({ frozenSteps = 0 }) => frozenSteps < optimizer.step);
    const update = () => this.update(updated);
    if (this.repeated?.updated !== updated.length || this.repeated.batchSize < batch.size) {
      this.repeated?.step.dispose();
      const values = state.map(({ variable }) => variable);
      this.repeated = {
        step: stepRunner(update, values),
        batchSize: batch.size,
        updated: updated.length,
      };
    }
    if (batch.size === this.repeated.batchSize) return this.repeated.step.run() as tf.Tensor1D;
    // The rest that a data set leaves at the end of an epoch.
    this.repeated.step.settle();
    return tf.tidy(update);
  }

  /** Whether the backend has made a graph of the step. */
  get usesGraph(): boolean {
    return this.repeated?.step.hasGraph ?? false;
  }

  /** To be called before others read the variables: a backend may keep them elsewhere from step to step. */
  settle(): void {
    this.repeated?.step.settle();
  }

  dispose(): void {
    this.repeated?.step.dispose();
    this.repeated = undefined;
  }

  private update(updated: readonly NamedVariable[]): tf.Tensor1D {
    const { model, variables, optimizer, afterUpdate } = this.options;
    // What is frozen works as it does after training: no dropout, and the means of the data it was trained on.
    const training = updated.length === variables.length;
    const waves = everyStep(() => {
      const { size, waves } = this.batch;
      return tf.tensor2d(waves, [size, waves.length / size]);
    });
    const targets = everyStep(() => batchTargets(this.batch, (model.outputShape as tf.Shape)[1]!));
    const lossOf = this.options.loss(waves, targets);
    let correct: tf.Scalar | undefined;
    const { value: loss, grads } = tf.variableGrads(
      () => {
        const logits = model.apply(waves, { training }) as tf.Tensor2D; // [batch, labels]
        correct = tf.keep(logits.argMax(1).equal(targets.argMax(1)).sum().cast("float32")) as tf.Scalar;
        return lossOf(logits);
      },
      updated.map(({ variable }) => variable),
    );
    optimizer.update(grads);
    afterUpdate?.(() => optimizer.step);
    const both = tf.stack([loss, correct!]) as tf.Tensor1D;
    correct!.dispose();
    return both;
  }
}

/** `[batch, labels]`: one for the clip's label; where clips were mixed, each label's share. */
function batchTargets({ labels, mix }: Batch, labelCount: number): tf.Tensor2D {
  return tf.tidy(() => {
    const oneHot = (indices: Int32Array) =>
      tf.oneHot(tf.tensor1d(indices, "int32"), labelCount).toFloat() as tf.Tensor2D;
    const own = oneHot(labels);
    if (mix === undefined) return own;
    const share = tf.tensor2d(mix.shares, [mix.shares.length, 1]);
    return own.mul(share).add(oneHot(mix.labels).mul(tf.sub(1, share)));
  });
}
