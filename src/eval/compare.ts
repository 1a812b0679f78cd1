import * as tf from "@tensorflow/tfjs";
import type { Clips } from "../data/clips.js";
import { loadRunDataset } from "../data/dataset.js";
import { UserError } from "../errors.js";
import { modelCost } from "../models/cost.js";
import type { EpochRecord, RunConfig, RunFolder } from "../run.js";
import { type Evaluation, type EvaluationDataOptions, evaluate, loadEvaluationData } from "./evaluate.js";
import { predictedLabels } from "./metrics.js";
import { bootstrapAccuracyCi95, mcnemarExact } from "./statistics.js";

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
    onEvaluating?: (run: RunFolder, done: number, total: number) => void;
  } = {},
): Promise<DetailedComparison> {
  const details: DetailedComparison["details"] = [];
  const compared: ComparedRun[] = [];
  const right: Uint8Array[] = [];
  let first: { run: RunFolder; keys: string[] } | undefined;
  const seenInTraining: Comparison["seenInTraining"] = [];

  for (const run of runs) {
    const config = run.readConfig();
    const data = await loadEvaluationData(run, config, options);
    const keys = [...data.rows].map((row) => clipKey(data.clips, row));
    if (first === undefined) first = { run, keys };
    else checkSameClips(first, { run, keys });

    const model = await run.readBest();
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
      accuracyCi95: bootstrapAccuracyCi95(correct, groups, config.seed),
      loss: metrics.loss,
      macroF1: metrics.macroF1,
      msPerClip: await medianMsPerClip(model, data.clips, data.rows),
    });
    const clips = await countSeen(config, keys);
    if (clips > 0) seenInTraining.push({ run: run.path, clips });
    details.push({ evaluation, history: run.readHistory(), config });
    model.dispose();
  }

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
      seenInTraining,
      runs: compared,
      pairs,
    },
    details,
    bySpeaker: data.clips.speakers !== undefined,
  };
}

/** What a clip is known by in any order and under any limit: the data's content and the row in it. */
function clipKey(clips: Clips, row: number): string {
  let index = clips.rows[row]!;
  for (const source of clips.sources) {
    if (index < source.rows) return `${source.fingerprint}:${index}`;
    index -= source.rows;
  }
  throw new RangeError(`row ${row} is in no source`);
}

function checkSameClips(a: { run: RunFolder; keys: string[] }, b: { run: RunFolder; keys: string[] }): void {
  const inA = new Set(a.keys);
  const shared = b.keys.filter((key) => inA.has(key)).length;
  if (shared === a.keys.length && shared === b.keys.length) return;
  throw new UserError(
    `the test parts differ: ${a.run.path} has ${a.keys.length} clips, ${b.run.path} ${b.keys.length}, ${shared} of them the same; compare on one set with --data`,
  );
}

/** How many of the clips the run trained on or chose its best epoch by. */
async function countSeen(config: RunConfig, keys: readonly string[]): Promise<number> {
  const fingerprints = new Set(keys.map((key) => key.split(":")[0]!));
  if (!config.sources.some(({ fingerprint }) => fingerprints.has(fingerprint))) return 0;
  const { clips, split } = await loadRunDataset(config);
  const test = new Set(split.test);
  const seen = new Set<string>();
  // In the course's protocol the test part is the validation part: its clips are counted as chosen by, which they were.
  for (const row of split.train) seen.add(clipKey(clips, row));
  for (const row of split.val) if (!test.has(row) || config.split === "course") seen.add(clipKey(clips, row));
  return keys.filter((key) => seen.has(key)).length;
}

async function medianMsPerClip(model: tf.LayersModel, clips: Clips, rows: Int32Array): Promise<number> {
  const wave = new Float32Array(clips.samples.clipLength);
  const times: number[] = [];
  for (let i = 0; i < 15; i++) {
    clips.samples.read(rows[i % rows.length]!, wave);
    const start = performance.now();
    const answer = tf.tidy(() => model.apply(tf.tensor2d(wave, [1, wave.length])) as tf.Tensor2D);
    await answer.data();
    answer.dispose();
    times.push(performance.now() - start);
  }
  return times.slice(5).sort((a, b) => a - b)[5]!; // the first ones warm up
}
