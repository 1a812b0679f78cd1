import * as tf from "@tensorflow/tfjs";
import { stepRunner } from "../backend/start.js";
import { everyStep, inStep, type StepRunner } from "../backend/step.js";
import type { Batch } from "../data/batches/batches.js";
import { type Loss, type LossOptions, makeLoss } from "./loss.js";
import { WeightAverage } from "./optimizers/average.js";
import { makeOptimizer, type OptimizerSettings } from "./optimizers/make.js";
import type { Optimizer } from "./optimizers/optimizer.js";
import type { LearningRateSchedule } from "./schedule.js";
import { modelVariables, type NamedVariable, trainedVariables } from "./variables.js";

export interface TrainerOptions {
  model: tf.LayersModel;
  learningRate: LearningRateSchedule;
  /** Adam without weight decay by default. */
  optimizer?: OptimizerSettings;
  /** The cross-entropy alone by default. */
  loss?: LossOptions;
  /** A second model built as the first was, for a moving average of its weights. */
  average?: { model: tf.LayersModel; decay: number } | undefined;
  /** Number of initial steps that train the last layer alone. */
  frozenSteps?: number;
}

/**
 * A model with all that its training changes. One step is a forward pass, a backward pass and an update by
 * the optimizer.
 */
export class Trainer {
  /** Number of steps taken so far. */
  steps = 0;
  readonly model: tf.LayersModel;
  /** The model to validate and to keep: `model`, or the moving average of its weights. */
  readonly kept: tf.LayersModel;
  /** All that changes from step to step, which must be stored to resume exactly. */
  readonly state: readonly NamedVariable[];
  readonly learningRate: LearningRateSchedule;
  private readonly variables: readonly NamedVariable[];
  private readonly optimizer: Optimizer;
  private readonly loss: Loss;
  private readonly teachers: readonly tf.LayersModel[];
  private readonly average: WeightAverage | undefined;
  private batch!: Batch;
  private compiled: { runner: StepRunner; batchSize: number; trained: number } | undefined;

  constructor(options: TrainerOptions) {
    const {
      model,
      learningRate,
      optimizer,
      loss = { labelSmoothing: 0 },
      average,
      frozenSteps = 0,
    } = options;
    this.model = model;
    this.learningRate = learningRate;
    this.variables = trainedVariables(model, frozenSteps);
    this.optimizer = makeOptimizer(optimizer ?? plainAdam, this.variables, learningRate);
    this.loss = makeLoss(loss);
    this.teachers = loss.teacher?.models ?? [];
    this.average = average && new WeightAverage(model, average.model, average.decay);
    this.kept = average?.model ?? model;
    this.state = [
      ...modelVariables(model, "all"),
      ...this.optimizer.slotVariables(),
      ...(this.average?.slotVariables() ?? []),
    ];
  }

  /** Takes one step. Returns the mean loss before its update and the number of correct predictions, `[2]`. */
  step(batch: Batch): tf.Tensor1D {
    this.batch = batch;
    const trained = this.variables.filter(({ frozenSteps = 0 }) => frozenSteps <= this.steps);
    const results = inStep(this.steps, () => this.runStep(trained, batch.size));
    this.steps++;
    return results;
  }

  private runStep(trained: readonly NamedVariable[], batchSize: number): tf.Tensor1D {
    const compute = () => this.compute(trained);
    if (this.compiled?.trained !== trained.length || this.compiled.batchSize < batchSize) {
      this.compiled?.runner.dispose();
      const variables = this.state.map(({ variable }) => variable);
      this.compiled = { runner: stepRunner(compute, variables), batchSize, trained: trained.length };
    }
    const { runner } = this.compiled;
    if (batchSize === this.compiled.batchSize) return runner.run() as tf.Tensor1D;
    // The last batch of an epoch may be smaller.
    runner.settle();
    return tf.tidy(compute);
  }

  private compute(trained: readonly NamedVariable[]): tf.Tensor1D {
    const { model, variables } = this;
    // While the body is frozen it runs as in inference: without dropout, and with the statistics it was
    // trained with.
    const training = trained.length === variables.length;
    const waves = everyStep(() => {
      const { size, waves } = this.batch;
      return tf.tensor2d(waves, [size, waves.length / size]);
    });
    const targets = everyStep(() => batchTargets(this.batch, (model.outputShape as tf.Shape)[1]!));
    const lossOf = this.loss(waves, targets);
    let correct: tf.Scalar | undefined;
    const { value: loss, grads } = tf.variableGrads(
      () => {
        const logits = model.apply(waves, { training }) as tf.Tensor2D; // [batch, labels]
        correct = tf.keep(logits.argMax(1).equal(targets.argMax(1)).sum().cast("float32")) as tf.Scalar;
        return lossOf(logits);
      },
      trained.map(({ variable }) => variable),
    );
    this.optimizer.update(grads);
    this.average?.follow();
    const results = tf.stack([loss, correct!]) as tf.Tensor1D;
    correct!.dispose();
    return results;
  }

  /**
   * Must be called before other code reads or writes the variables: a backend may keep them elsewhere between
   * steps.
   */
  settle(): void {
    this.compiled?.runner.settle();
  }

  /** Whether the backend runs the steps as a graph. */
  get usesGraph(): boolean {
    return this.compiled?.runner.hasGraph ?? false;
  }

  /** Frees the optimizer and the models, the teachers' too. */
  dispose(): void {
    this.compiled?.runner.dispose();
    this.optimizer.dispose();
    for (const model of new Set([this.model, this.kept, ...this.teachers])) model.dispose();
  }
}

const plainAdam: OptimizerSettings = { optimizer: "adam", momentum: 0, weightDecay: 0 };

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
