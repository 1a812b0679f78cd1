import type * as tf from "@tensorflow/tfjs";
import type { RunConfig } from "../run/folder.js";
import { type Answers, checkLogits, classify } from "../run/logits.js";
import type { EvaluationData } from "./data.js";
import { computeMetrics, exampleLogits, type Metrics, predictedLabels, softmax } from "./metrics.js";

/** A run's answers for clips, and their figures. */
export interface Evaluation {
  metrics: Metrics;
  answers: Answers;
  data: EvaluationData;
}

/**
 * Every clip counts, the last partial batch too.
 *
 * @throws UserError where the model answers with something else than numbers
 */
export async function evaluate(
  model: tf.LayersModel,
  config: RunConfig,
  data: EvaluationData,
  onProgress?: (done: number, total: number) => void,
): Promise<Evaluation> {
  const answers = (await classify(model, data.clips, data.rows, { onProgress }))!;
  const rowAt = (place: number) => data.rows[Math.floor(place / answers.labelCount)]!;
  checkLogits(answers.logits, (place) => `clip ${data.clips.rows[rowAt(place)]}`);
  return { metrics: computeMetrics(answers, data.truth, config.labels), answers, data };
}

/** A line a clip: `index,label,predicted,probability`, the index being the row in the data as it was read. */
export function predictionsCsv({ answers, data, metrics }: Evaluation): string {
  const predicted = predictedLabels(answers);
  const lines = ["index,label,predicted,probability"];
  data.rows.forEach((row, i) => {
    const probability = softmax(exampleLogits(answers, i))[predicted[i]!]!;
    const cells = [data.clips.labels[row]!, metrics.labels[predicted[i]!]!].map(csvCell);
    lines.push(`${data.clips.rows[row]},${cells.join(",")},${probability.toFixed(6)}`);
  });
  return `${lines.join("\n")}\n`;
}

function csvCell(text: string): string {
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
