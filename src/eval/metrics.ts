import { argMax } from "../base/numbers.js";
import type { Logits } from "../run/logits.js";

export interface LabelFigures {
  label: string;
  /** Share of right ones among the examples predicted as the label; 0 if there are none. */
  precision: number;
  /** Share of right ones among the examples that have the label; 0 if there are none. */
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
  /** `confusion[i][j]`: number of examples of true label i predicted as j. */
  confusion: number[][];
  perLabel: LabelFigures[];
  /** Mean F1 over the labels that the examples have. */
  macroF1: number;
  /** What always predicting the most frequent label of the examples would get. */
  baseline: { label: string; accuracy: number };
}

/** Figures of answers against the true labels (indices into `labels`), one a row of the logits. */
export function computeMetrics(logits: Logits, truth: Int32Array, labels: readonly string[]): Metrics {
  const { examples } = logits;
  const predictions = predictedLabels(logits);
  const confusion = labels.map(() => labels.map(() => 0));
  for (let i = 0; i < examples; i++) confusion[truth[i]!]![predictions[i]!]!++;
  const perLabel = labels.map((label, i) => labelFigures(label, i, confusion));
  const present = perLabel.filter(({ support }) => support > 0);
  const mostFrequent = perLabel[argMax(perLabel.map(({ support }) => support))]!;
  return {
    examples,
    loss: meanCrossEntropy(logits, truth),
    accuracy: confusion.reduce((sum, row, i) => sum + row[i]!, 0) / examples,
    labels,
    confusion,
    perLabel,
    macroF1: present.reduce((sum, { f1 }) => sum + f1, 0) / present.length,
    baseline: { label: mostFrequent.label, accuracy: mostFrequent.support / examples },
  };
}

/** Predicts the label of each example, as an index. */
export function predictedLabels(logits: Logits): Int32Array {
  return Int32Array.from({ length: logits.examples }, (_, i) => argMax(exampleLogits(logits, i)));
}

/** Returns, for each example, 1 if the predicted label is the true one, else 0. */
export function correctness(logits: Logits, truth: Int32Array): Uint8Array {
  return Uint8Array.from(predictedLabels(logits), (label, i) => (label === truth[i] ? 1 : 0));
}

/**
 * Top-k accuracy for k = 1 … `most` (or the number of labels): the share of examples whose true label is among the k
 * most probable ones. Equal logits rank in the order of the labels.
 */
export function topKAccuracies(
  logits: Logits,
  truth: Int32Array,
  most = 5,
): { k: number; accuracy: number }[] {
  const atRank = new Int32Array(logits.labelCount);
  for (let i = 0; i < logits.examples; i++) {
    const example = exampleLogits(logits, i);
    const own = truth[i]!;
    let rank = 0;
    example.forEach((logit, label) => {
      if (logit > example[own]! || (logit === example[own] && label < own)) rank++;
    });
    atRank[rank]!++;
  }
  let right = 0;
  return Array.from({ length: Math.min(most, logits.labelCount) }, (_, rank) => {
    right += atRank[rank]!;
    return { k: rank + 1, accuracy: right / logits.examples };
  });
}

/** The logits of example `i`, `[labelCount]`. */
export function exampleLogits(logits: Logits, i: number): Float32Array {
  return logits.values.subarray(i * logits.labelCount, (i + 1) * logits.labelCount);
}

/** Mean of `-log softmax(logits)[truth]`, in nats. */
export function meanCrossEntropy(logits: Logits, truth: Int32Array): number {
  let sum = 0;
  for (let i = 0; i < logits.examples; i++) {
    const example = exampleLogits(logits, i);
    const largest = example[argMax(example)]!;
    const logSum = Math.log(example.reduce((total, value) => total + Math.exp(value - largest), 0));
    sum += largest + logSum - example[truth[i]!]!;
  }
  return sum / logits.examples;
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
