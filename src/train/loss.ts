import * as tf from "@tensorflow/tfjs";

/** A loss: waveforms `[batch, samples]`, targets and logits `[batch, labels]` → the mean over the batch. */
export type Loss = (waves: tf.Tensor2D, targets: tf.Tensor2D) => (logits: tf.Tensor2D) => tf.Scalar;

export interface LossOptions {
  /** Share of each target that is spread evenly over all labels (Szegedy et al., 2016). */
  labelSmoothing: number;
  /**
   * Added to the logits before they are compared with the targets, one value per label: see
   * `logitAdjustment`.
   */
  adjustment?: readonly number[] | undefined;
  /** Trained models whose averaged predictions the model also learns to match. */
  teacher?: { models: readonly tf.LayersModel[]; weight: number; temperature: number } | undefined;
}

/** Added to probabilities before the logarithm, so that those of zero contribute nothing. */
const smallest = 1e-30;

/**
 * Returns what to add to the logits in training so that a model does not prefer labels with many clips:
 * `strength` times the logarithm of each label's share of the training clips (Menon et al., "Long-tail
 * learning via logit adjustment", 2021). At strength 1 the model, run without the addition, predicts as if
 * all labels were equally frequent.
 *
 * @param labels index of each training clip's label
 * @returns one value per label; undefined where the strength is 0
 */
export function logitAdjustment(
  labels: Iterable<number>,
  labelCount: number,
  strength: number,
): number[] | undefined {
  if (strength === 0) return undefined;
  const counts = new Array<number>(labelCount).fill(0);
  for (const label of labels) counts[label]!++;
  const total = counts.reduce((sum, count) => sum + count);
  return counts.map((count) => strength * Math.log(Math.max(count, 1) / total)); // at least one clip: ln 0 is not finite
}

/**
 * Returns the categorical cross-entropy of the logits, with label smoothing and logit adjustment where asked
 * for.
 *
 * With a teacher it adds distillation (Hinton, Vinyals and Dean, "Distilling the knowledge in a neural
 * network", 2015): `weight` of the loss is the Kullback-Leibler divergence from the teacher's probabilities
 * at `temperature`. It is multiplied by the temperature's square, which keeps the gradients' size. Its
 * gradients are those of the cross-entropy, but its minimum is zero. Several teachers form an ensemble: the
 * mean of their probabilities.
 */
export function makeLoss({ labelSmoothing, adjustment, teacher }: LossOptions): Loss {
  const againstTargets = (targets: tf.Tensor2D, logits: tf.Tensor2D) => {
    const adjusted = adjustment === undefined ? logits : logits.add(tf.tensor1d([...adjustment]));
    return tf.losses.softmaxCrossEntropy(targets, adjusted, undefined, labelSmoothing) as tf.Scalar;
  };
  if (teacher === undefined) return (_, targets) => (logits) => againstTargets(targets, logits);
  const { models, weight, temperature } = teacher;
  return (waves, targets) => {
    const each = models.map((model) => tf.softmax((model.apply(waves) as tf.Tensor2D).div(temperature)));
    const predictions = tf.addN(each).div(models.length); // [batch, labels]
    const logs = predictions.add(smallest).log();
    return (logits) => {
      const distilled = predictions
        .mul(logs.sub(tf.logSoftmax(logits.div(temperature))))
        .sum(1)
        .mean();
      const own = againstTargets(targets, logits);
      return own.mul(1 - weight).add(distilled.mul(weight * temperature ** 2)) as tf.Scalar;
    };
  };
}
