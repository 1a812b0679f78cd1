import * as tf from "@tensorflow/tfjs";

/** A loss: waveforms `[batch, samples]`, targets and logits `[batch, labels]` → the mean over the batch. */
export type Loss = (waves: tf.Tensor2D, targets: tf.Tensor2D) => (logits: tf.Tensor2D) => tf.Scalar;

export interface LossOptions {
  /** Share of a target that is spread evenly over all labels (Szegedy et al., 2016). */
  labelSmoothing: number;
  /** Trained models whose answers, averaged, are to be matched too. */
  teacher?: { models: readonly tf.LayersModel[]; weight: number; temperature: number } | undefined;
}

/** Added to probabilities whose logarithm is taken: those of zero count for nothing. */
const smallest = 1e-30;

/**
 * The categorical cross-entropy, with label smoothing where it is asked for. With a teacher, distillation (Hinton, Vinyals
 * and Dean, "Distilling the knowledge in a neural network", 2015): `weight` of the loss is the Kullback-Leibler divergence
 * from the teacher's probabilities at `temperature`, times its square, so that its gradients stay as large. They are those
 * of the cross-entropy, but the divergence ends at zero. Several teachers are an ensemble: the mean of their probabilities.
 */
export function makeLoss({ labelSmoothing, teacher }: LossOptions): Loss {
  const againstTargets = (targets: tf.Tensor2D, logits: tf.Tensor2D) =>
    tf.losses.softmaxCrossEntropy(targets, logits, undefined, labelSmoothing) as tf.Scalar;
  if (teacher === undefined) return (_, targets) => (logits) => againstTargets(targets, logits);
  const { models, weight, temperature } = teacher;
  return (waves, targets) => {
    const each = models.map((model) => tf.softmax((model.apply(waves) as tf.Tensor2D).div(temperature)));
    const answers = tf.addN(each).div(models.length); // [batch, labels]
    const logs = answers.add(smallest).log();
    return (logits) => {
      const distilled = answers
        .mul(logs.sub(tf.logSoftmax(logits.div(temperature))))
        .sum(1)
        .mean();
      const own = againstTargets(targets, logits);
      return own.mul(1 - weight).add(distilled.mul(weight * temperature ** 2)) as tf.Scalar;
    };
  };
}
