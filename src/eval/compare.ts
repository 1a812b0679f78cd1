import type * as tf from "@tensorflow/tfjs";
import { UserError } from "../errors.js";
import { modelCost } from "../models/cost.js";
import type { EpochRecord, RunConfig, RunFolder } from "../run.js";
import { clipKey, type EvaluationData, EvaluationDataLoader, type EvaluationDataOptions } from "./data.js";
import { type Evaluation, evaluate } from "./evaluate.js";
import { predictedLabels } from "./metrics.js";
import { bootstrapAccuracyCi95, mcnemarExact } from "./statistics.js";
import { medianMsPerClip } from "./timing.js";

export interface ComparedRun {
  run: string;
  model: string;
  input: "waveform" | "spectrogram";
  params: number;
  macs: number;
  accuracy: number;
  /** Bootstrap over speakers where they are known, else over clips. */
  accuracyCi95: [number, number];
  loss: number;
  macroF1: number;
  /** Median time for one clip alone, front end included, on the backend in use. */
  msPerClip: number;
}

export interface ComparedPair {
  a: string;
  b: string;
  aOnlyRight: number;
  bOnlyRight: number;
  mcnemarP: number;
}

export interface Comparison {
  examples: number;
  /** What always answering the most frequent label would get on the same clips. */
  baseline: { label: string; accuracy: number };
  /** Clips among the examples that a run trained on, or chose its best epoch by. */
  seenInTraining: { run: string; clips: number }[];
  runs: ComparedRun[];
  pairs: ComparedPair[];
}

/** A comparison with all that a report shows of it. */
export interface DetailedComparison {
  comparison: Comparison;
  details: { evaluation: Evaluation; history: EpochRecord[]; config: RunConfig }[];
  /** Whether the intervals resample speakers. */
  bySpeaker: boolean;
}

/**
 * Evaluates runs on the same clips and compares them pair by pair: without `data` on their own test parts, which must be
 * the same clips.
 *
 * @throws UserError when they are not
 */
export async function compareRuns(
  runs: readonly RunFolder[],
  options: EvaluationDataOptions & {
    /** Once all files are read, before the first evaluation. */
    onReady?: () => void;
    onEvaluating?: (run: RunFolder, done: number, total: number) => void;
  } = {},
): Promise<DetailedComparison> {
  const details: DetailedComparison["details"] = [];
  const compared: Omit<ComparedRun, "msPerClip">[] = [];
  const right: Uint8Array[] = [];

  // All that can be wrong is found before the first of the evaluations starts.
  const loader = new EvaluationDataLoader();
  const prepared: Prepared[] = [];
  for (const run of runs) {
    const config = run.readConfig();
    run.checkTrained();
    const history = run.readHistory();
    const data = await loader.load(run, config, options);
    const first = prepared[0];
    prepared.push({ run, config, history, data: first === undefined ? data : inOrderOf(first, run, data) });
  }
  const { seed } = prepared[0]!.config;
  const models: tf.LayersModel[] = [];
  for (const { run } of prepared) models.push(await run.readBest());
  options.onReady?.();

  for (const [i, { run, config, history, data }] of prepared.entries()) {
    const model = models[i]!;
    const evaluation = await evaluate(model, config, data, (done, total) =>
      options.onEvaluating?.(run, done, total),
    );
    const { metrics, answers } = evaluation;
    const predicted = predictedLabels(answers);
    const correct = Uint8Array.from(predicted, (label, i) => (label === data.truth[i] ? 1 : 0));
    right.push(correct);
    const speakers = data.clips.speakers;
    const groups = speakers && [...data.rows].map((row) => speakers[row]!);
    const cost = modelCost(model);
    compared.push({
      run: run.path,
      model: config.model,
      input: config.input,
      params: cost.params,
      macs: cost.macs,
      accuracy: metrics.accuracy,
      accuracyCi95: bootstrapAccuracyCi95(correct, groups, seed),
      loss: metrics.loss,
      macroF1: metrics.macroF1,
    });
    details.push({ evaluation, history, config });
  }
  const timed = prepared.map(({ data: { clips, rows } }, i) => ({ model: models[i]!, clips, rows }));
  const msPerClip = await medianMsPerClip(timed);
  for (const model of models) model.dispose();

  const { metrics, data } = details[0]!.evaluation;
  const pairs: ComparedPair[] = [];
  for (let i = 0; i < runs.length; i++) {
    for (let j = i + 1; j < runs.length; j++) {
      const aOnlyRight = right[i]!.reduce((sum, yes, k) => sum + (yes && !right[j]![k] ? 1 : 0), 0);
      const bOnlyRight = right[j]!.reduce((sum, yes, k) => sum + (yes && !right[i]![k] ? 1 : 0), 0);
      const mcnemarP = mcnemarExact(aOnlyRight, bOnlyRight);
      pairs.push({ a: runs[i]!.path, b: runs[j]!.path, aOnlyRight, bOnlyRight, mcnemarP });
    }
  }
  return {
    comparison: {
      examples: metrics.examples,
      baseline: metrics.baseline,
      seenInTraining: prepared
        .filter(({ data }) => data.seenInTraining > 0)
        .map(({ run, data }) => ({ run: run.path, clips: data.seenInTraining })),
      runs: compared.map((run, i) => ({ ...run, msPerClip: msPerClip[i]! })),
      pairs,
    },
    details,
    bySpeaker: data.clips.speakers !== undefined,
  };
}

interface Prepared {
  run: RunFolder;
  config: RunConfig;
  history: EpochRecord[];
  data: EvaluationData;
}

/**
 * The same data with its rows in the first run's order, so that answers can be paired. Which clips they are is known by
 * content, not by place: runs may have read the same files in another order.
 */
function inOrderOf(first: Prepared, run: RunFolder, data: EvaluationData): EvaluationData {
  const keys = [...first.data.rows].map((row) => clipKey(first.data.clips, row));
  const places = new Map([...data.rows].map((row, i) => [clipKey(data.clips, row), i]));
  const order = keys.map((key) => places.get(key)).filter((place) => place !== undefined);
  if (order.length < keys.length || order.length < places.size) {
    throw new UserError(
      `the test parts differ: ${first.run.path} has ${keys.length} clips, ${run.path} ${places.size}, ${order.length} of them the same; compare on one set with --data`,
    );
  }
  const { rows, truth } = data;
  return {
    ...data,
    rows: Int32Array.from(order, (i) => rows[i]!),
    truth: Int32Array.from(order, (i) => truth[i]!),
  };
}
