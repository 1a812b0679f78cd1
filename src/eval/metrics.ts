import type { Answers } from "../run/logits.js";

/** Softmax of one example's logits, in float64. */
export function softmax(logits: ArrayLike<number>): Float64Array {
  const values = Float64Array.from(logits);
  const largest = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    values[i] = Math.exp(values[i]! - largest);
    sum += values[i]!;
  }
  return values.map((value) => value / sum);
}

/** Index of the largest value, the first of equals. */
export function argMax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

export interface LabelFigures {
  label: string;
  /** Right among those predicted as the label; 0 where none were. */
  precision: number;
  /** Right among those that have the label; 0 where none have. */
  recall: number;
  /** Harmonic mean of the two. */
  f1: number;
  /** Examples that have the label. */
  support: number;
}

export interface Metrics {
  examples: number;
  /** Mean cross-entropy in nats. */
  loss: number;
  accuracy: number;
  labels: readonly string[];
  /** `confusion[i][j]`: true label i predicted as j. */
  confusion: number[][];
  perLabel: LabelFigures[];
  /** Mean F1 over the labels that the examples have. */
  macroF1: number;
  /** What always answering the examples' most frequent label would get. */
  baseline: { label: string; accuracy: number };
}

/** Figures of answers against the true labels (indices into `labels`), one a row of the answers. */
export function computeMetrics(answers: Answers, truth: Int32Array, labels: readonly string[]): Metrics {
  const { examples } = answers;
  const predictions = predictedLabels(answers);
  const confusion = labels.map(() => labels.map(() => 0));
  for (let i = 0; i < examples; i++) confusion[truth[i]!]![predictions[i]!]!++;
  const perLabel = labels.map((label, i) => labelFigures(label, i, confusion));
  const present = perLabel.filter(({ support }) => support > 0);
  const mostFrequent = perLabel[argMax(perLabel.map(({ support }) => support))]!;
  return {
    examples,
    loss: meanCrossEntropy(answers, truth),
    accuracy: confusion.reduce((sum, row, i) => sum + row[i]!, 0) / examples,
    labels,
    confusion,
    perLabel,
    macroF1: present.reduce((sum, { f1 }) => sum + f1, 0) / present.length,
    baseline: { label: mostFrequent.label, accuracy: mostFrequent.support / examples },
  };
}

/** The label that each example is given, as an index. */
export function predictedLabels(answers: Answers): Int32Array {
  return Int32Array.from({ length: answers.examples }, (_, i) => argMax(exampleLogits(answers, i)));
}

/** By example: 1 where the label it is given is the true one, else 0. */
export function correctness(answers: Answers, truth: Int32Array): Uint8Array {
  return Uint8Array.from(predictedLabels(answers), (label, i) => (label === truth[i] ? 1 : 0));
}

/**
 * For k = 1 … `most` (or the number of labels), the share of examples whose true label is among the k that the model
 * finds most probable; of equals, the first labels.
 */
export function topKAccuracies(
  answers: Answers,
  truth: Int32Array,
  most = 5,
): { k: number; accuracy: number }[] {
  const atRank = new Int32Array(answers.labelCount);
  for (let i = 0; i < answers.examples; i++) {
    const logits = exampleLogits(answers, i);
    const own = truth[i]!;
    let rank = 0;
    logits.forEach((logit, label) => {
      if (logit > logits[own]! || (logit === logits[own] && label < own)) rank++;
    });
    atRank[rank]!++;
  }
  let right = 0;
  return Array.from({ length: Math.min(most, answers.labelCount) }, (_, rank) => {
    right += atRank[rank]!;
    return { k: rank + 1, accuracy: right / answers.examples };
  });
}

/** The logits of example `i`. */
export function exampleLogits(answers: Answers, i: number): Float32Array {
  return answers.logits.subarray(i * answers.labelCount, (i + 1) * answers.labelCount);
}

/** Mean of `-log softmax(logits)[truth]`, in nats. */
export function meanCrossEntropy(answers: Answers, truth: Int32Array): number {
  let sum = 0;
  for (let i = 0; i < answers.examples; i++) {
    const logits = exampleLogits(answers, i);
    const largest = logits[argMax(logits)]!;
    const logSum = Math.log(logits.reduce((total, value) => total + Math.exp(value - largest), 0));
    sum += largest + logSum - logits[truth[i]!]!;
  }
  return sum / answers.examples;
}

function labelFigures(label: string, i: number, confusion: number[][]): LabelFigures {
  const right = confusion[i]![i]!;
  const support = confusion[i]!.reduce((sum, count) => sum + count, 0);
  const predicted = confusion.reduce((sum, row) => sum + row[i]!, 0);
  const precision = predicted === 0 ? 0 : right / predicted;
  const recall = support === 0 ? 0 : right / support;
  const f1 = precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall);
  return { label, precision, recall, f1, support };
}
