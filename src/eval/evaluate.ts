import type * as tf from "@tensorflow/tfjs";
import { labelIndices } from "../data/batches.js";
import type { Clips, Part, Split } from "../data/clips.js";
import { loadRunDataset } from "../data/dataset.js";
import { atSampleRate, loadClips } from "../data/load.js";
import { defaultSplitKind, splitClips } from "../data/split.js";
import { UserError } from "../errors.js";
import type { RunConfig, RunFolder } from "../run.js";
import { type Answers, classify } from "./classify.js";
import { computeMetrics, exampleLogits, type Metrics, predictedLabels, softmax } from "./metrics.js";

export interface EvaluationDataOptions {
  /** Other data than the run's own. */
  data?: readonly string[] | undefined;
  /** By default the test part of the run's own data, all of other data. */
  part?: Part | "all" | undefined;
  /** The label that stands for all that the run lacks, instead of an error. */
  othersAs?: string | undefined;
  onLoading?: ((done: number, total: number) => void) | undefined;
}

/** Clips to evaluate a run on, and the right answers. */
export interface EvaluationData {
  clips: Clips;
  /** Rows of `clips`. */
  rows: Int32Array;
  /** By entry of `rows`: index into the run's labels. */
  truth: Int32Array;
  part: Part | "all";
}

/**
 * The clips that a run is to be evaluated on, at the rate that its model takes.
 *
 * @throws UserError when the data has labels that the run lacks, and `othersAs` does not say what they count as
 */
export async function loadEvaluationData(
  run: RunFolder,
  config: RunConfig,
  options: EvaluationDataOptions = {},
): Promise<EvaluationData> {
  const { data, othersAs, onLoading } = options;
  const part = options.part ?? (data === undefined ? "test" : "all");
  const { clips, split } =
    data === undefined
      ? await loadRunDataset(config, onLoading)
      : await loadOther(data, config, part, onLoading);
  const rows = split === undefined ? allRows(clips) : part === "all" ? allRows(clips) : split[part];
  return { clips, rows, truth: trueLabels(run, config, clips, rows, othersAs), part };
}

async function loadOther(
  data: readonly string[],
  config: RunConfig,
  part: Part | "all",
  onLoading: EvaluationDataOptions["onLoading"],
): Promise<{ clips: Clips; split?: Split }> {
  const { seed, sampleRate, valSize, testSize } = config;
  const clips = atSampleRate(
    await loadClips(data, { seed, sampleRate, ...(onLoading && { onProgress: onLoading }) }),
    sampleRate,
  );
  if (part === "all") return { clips };
  // The run's own way to split where these clips allow it.
  const kind = config.split === "speaker" ? defaultSplitKind(clips) : config.split;
  return { clips, split: splitClips(clips, { kind, valSize, testSize, seed }) };
}

function allRows(clips: Clips): Int32Array {
  return Int32Array.from({ length: clips.samples.count }, (_, row) => row);
}

function trueLabels(
  run: RunFolder,
  config: RunConfig,
  clips: Clips,
  rows: Int32Array,
  othersAs: string | undefined,
): Int32Array {
  const { labels } = config;
  const other = othersAs === undefined ? -1 : labels.indexOf(othersAs);
  if (othersAs !== undefined && other < 0) {
    throw new UserError(`--others-as ${othersAs}: the run's labels are ${labels.join(", ")}`);
  }
  const byRow = labelIndices(clips, labels);
  const truth = rows.map((row) => (byRow[row]! < 0 ? other : byRow[row]!));
  if (truth.includes(-1)) {
    const lacking = new Set(clips.labels.filter((label) => !labels.includes(label)));
    throw new UserError(
      `the data has labels that ${run.path} lacks: ${[...lacking].sort().join(", ")}; count them with --others-as unknown`,
    );
  }
  return truth;
}

/** A run's answers for clips, and their figures. */
export interface Evaluation {
  metrics: Metrics;
  answers: Answers;
  data: EvaluationData;
}

/** Every clip counts, the last partial batch too. */
export async function evaluate(
  model: tf.LayersModel,
  config: RunConfig,
  data: EvaluationData,
  onProgress?: (done: number, total: number) => void,
): Promise<Evaluation> {
  const answers = (await classify(model, data.clips, data.rows, { onProgress }))!;
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
