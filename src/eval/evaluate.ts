import { softmax } from "../base/numbers.js";
import type { Recognizer } from "../recognizer/recognizer.js";
import { checkLogits, type Logits } from "../run/logits.js";
import type { EvaluationData } from "./data.js";
import { computeMetrics, exampleLogits, type Metrics, predictedLabels } from "./metrics.js";

/** A model's logits for clips, and their figures. */
export interface Evaluation {
  metrics: Metrics;
  logits: Logits;
  data: EvaluationData;
}

/**
 * Evaluates a model on every clip of the data, the last partial batch included.
 *
 * @throws UserError when the model's output is not finite
 */
export async function evaluate(
  recognizer: Recognizer,
  data: EvaluationData,
  onProgress?: (done: number, total: number) => void,
): Promise<Evaluation> {
  const logits = (await recognizer.logits(data.clips, data.rows, { onProgress }))!;
  const rowAt = (index: number) => data.rows[Math.floor(index / logits.labelCount)]!;
  checkLogits(logits.values, (index) => `clip ${data.clips.rows[rowAt(index)]}`);
  return { metrics: computeMetrics(logits, data.truth, recognizer.labels), logits, data };
}

/** Formats predictions as CSV, one line a clip: `index,label,predicted,probability`; `index` is the row in the data. */
export function predictionsCsv({ logits, data, metrics }: Evaluation): string {
  const predicted = predictedLabels(logits);
  const lines = ["index,label,predicted,probability"];
  data.rows.forEach((row, i) => {
    const probability = softmax(exampleLogits(logits, i))[predicted[i]!]!;
    const cells = [data.clips.labels[row]!, metrics.labels[predicted[i]!]!].map(csvCell);
    lines.push(`${data.clips.rows[row]},${cells.join(",")},${probability.toFixed(6)}`);
  });
  return `${lines.join("\n")}\n`;
}

function csvCell(text: string): string {
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
