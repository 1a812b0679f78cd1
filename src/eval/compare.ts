import { UserError } from "../base/errors.js";
import { argMax } from "../base/numbers.js";
import { clipKey } from "../data/clips.js";
import { loadRecognizers, type OpenOptions } from "../recognizer/open.js";
import type { Recognizer } from "../recognizer/recognizer.js";
import { type EpochRecord, type RunConfig, RunFolder } from "../run/folder.js";
import { type EvaluationData, EvaluationDataLoader, type EvaluationDataOptions } from "./data.js";
import { type Evaluation, evaluate } from "./evaluate.js";
import { correctness } from "./metrics.js";
import { commonName, groupBySeed, type SeedGroup, sampleStatistics } from "./seeds.js";
import { areSeveral, bootstrapAccuracyCi95, bootstrapDifferenceCi95, mcnemarExact } from "./statistics.js";
import { medianMsPerClip } from "./timing.js";

export interface ComparedRun {
  run: string;
  model: string;
  input: "waveform" | "spectrogram";
  seed: number;
  /** Number of clips that it was evaluated on. */
  examples: number;
  params: number;
  macs: number;
  accuracy: number;
  /** Bootstrap over speakers if there are several, else over clips. */
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
  /** Interval of a's accuracy minus b's, as shares; resampled like the intervals of the accuracies. */
  differenceCi95: [number, number];
}

export interface Comparison {
  /** Number of different clips that the runs were evaluated on. */
  examples: number;
  /** Number of different sets of clips that the runs were evaluated on: 1, unless seeds have made different test parts. */
  testSets: number;
  /** What always predicting the most frequent label would get on the same clips. */
  baseline: { label: string; accuracy: number };
  /** Number of the examples that a run was trained on, or its best epoch chosen by. */
  seenInTraining: { run: string; clips: number }[];
  runs: ComparedRun[];
  /** Every pair of runs on the same clips. */
  pairs: ComparedPair[];
  /** Runs that differ only in their seed; a run alone is a group too. */
  groups: SeedGroup[];
}

/** A comparison and what a report shows of it. */
export interface DetailedComparison {
  comparison: Comparison;
  details: { evaluation: Evaluation; history: EpochRecord[]; config: RunConfig }[];
  /** Whether the intervals resample speakers. */
  bySpeaker: boolean;
}

export interface CompareOptions extends EvaluationDataOptions, Pick<OpenOptions, "backend"> {
  /** Called once all files are read, before the first evaluation. */
  onReady?: (recognizers: readonly Recognizer[]) => void;
  onEvaluating?: (run: string, done: number, total: number) => void;
}

/**
 * Evaluates runs on the same clips and compares them pair by pair. Without `data`, the clips are those of their own
 * test parts, which must be the same. Test parts may differ with the seed: then only runs on the same clips are
 * compared as pairs, and the others by their means over the same seeds.
 *
 * @param runs run folders, their paths, or the names of models that ship
 * @throws UserError when the test parts differ otherwise
 */
export async function compareRuns(
  runs: readonly (RunFolder | string)[],
  options: CompareOptions = {},
): Promise<DetailedComparison> {
  const details: DetailedComparison["details"] = [];
  const compared: Omit<ComparedRun, "msPerClip">[] = [];
  const right: Uint8Array[] = [];

  // Everything is checked before the first evaluation starts.
  const folders = runs.map((run) => (typeof run === "string" ? RunFolder.open(run) : run));
  const stored = folders.map((run) => {
    const config = run.readConfig();
    run.checkTrained();
    return { run, config, history: run.readHistory() };
  });
  const recognizers = await loadRecognizers(folders, { backend: options.backend, purpose: "training" });
  const loader = new EvaluationDataLoader();
  const prepared: Prepared[] = [];
  for (const { run, config, history } of stored) {
    const data = await loader.load(run, config, options);
    const keys = [...data.rows].map((row) => clipKey(data.clips, row));
    const same = prepared.find((other) => sameClips(other.keys, keys));
    prepared.push(
      same === undefined
        ? { run, config, history, data, keys, testSet: prepared.length }
        : { run, config, history, ...inOrderOf(same.keys, keys, data), testSet: same.testSet },
    );
  }
  const groups = groupBySeed(prepared.map(({ config }) => config));
  checkTestSets(prepared, groups);
  options.onReady?.(recognizers);

  for (const [i, { run, config, history, data }] of prepared.entries()) {
    const recognizer = recognizers[i]!;
    const evaluation = await evaluate(recognizer, data, (done, total) =>
      options.onEvaluating?.(run.path, done, total),
    );
    const { metrics, logits } = evaluation;
    const correct = correctness(logits, data.truth);
    right.push(correct);
    compared.push({
      run: run.path,
      model: config.model,
      input: config.input,
      seed: config.seed,
      examples: metrics.examples,
      params: recognizer.cost.params,
      macs: recognizer.cost.macs,
      accuracy: metrics.accuracy,
      // Seeded by the run itself, so that the interval does not depend on the other runs.
      accuracyCi95: bootstrapAccuracyCi95(correct, voicesOf(data), config.seed),
      loss: metrics.loss,
      macroF1: metrics.macroF1,
    });
    details.push({ evaluation, history, config });
  }
  const timed = prepared.map(({ data: { clips, rows } }, i) => ({
    recognizer: recognizers[i]!,
    clips,
    rows,
  }));
  const msPerClip = await medianMsPerClip(timed);
  for (const recognizer of recognizers) recognizer.dispose();

  const pairs: ComparedPair[] = [];
  for (let i = 0; i < runs.length; i++) {
    for (let j = i + 1; j < runs.length; j++) {
      if (prepared[i]!.testSet !== prepared[j]!.testSet) continue;
      const aOnlyRight = right[i]!.reduce((sum, yes, k) => sum + (yes && !right[j]![k] ? 1 : 0), 0);
      const bOnlyRight = right[j]!.reduce((sum, yes, k) => sum + (yes && !right[i]![k] ? 1 : 0), 0);
      const mcnemarP = mcnemarExact(aOnlyRight, bOnlyRight);
      const { data, config } = prepared[i]!;
      const differenceCi95 = bootstrapDifferenceCi95(right[i]!, right[j]!, voicesOf(data), config.seed);
      const names = { a: folders[i]!.path, b: folders[j]!.path };
      pairs.push({ ...names, aOnlyRight, bOnlyRight, mcnemarP, differenceCi95 });
    }
  }
  return {
    comparison: {
      ...describeClips(prepared),
      seenInTraining: prepared
        .filter(({ data }) => data.seenInTraining > 0)
        .map(({ run, data }) => ({ run: run.path, clips: data.seenInTraining })),
      runs: compared.map((run, i) => ({ ...run, msPerClip: msPerClip[i]! })),
      pairs,
      groups: groups.map((places): SeedGroup => {
        const members = places.map((place) => compared[place]!);
        return {
          name: commonName(members.map(({ run }) => run)),
          runs: members.map(({ run }) => run),
          seeds: members.map((each) => each.seed),
          accuracy: sampleStatistics(members.map(({ accuracy }) => accuracy)),
          macroF1: sampleStatistics(members.map(({ macroF1 }) => macroF1)),
          loss: sampleStatistics(members.map(({ loss }) => loss)),
        };
      }),
    },
    details,
    bySpeaker: prepared.every(({ data }) => areSeveral(voicesOf(data))),
  };
}

interface Prepared {
  run: RunFolder;
  config: RunConfig;
  history: EpochRecord[];
  data: EvaluationData;
  /** The key of each of the data's rows, see `clipKey`. */
  keys: readonly string[];
  /** The same number for runs on the same clips. */
  testSet: number;
}

/** The speaker of each of the data's rows, if the data have them. */
function voicesOf({ clips: { speakers }, rows }: EvaluationData): string[] | undefined {
  return speakers && [...rows].map((row) => speakers[row]!);
}

function sameClips(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && countShared(a, b) === a.length;
}

function countShared(a: readonly string[], b: readonly string[]): number {
  const found = new Set(a);
  return b.filter((key) => found.has(key)).length;
}

/**
 * Puts the data's rows into the given order of keys, so that predictions can be paired: runs may have read the same
 * files in another order.
 */
function inOrderOf(
  order: readonly string[],
  keys: readonly string[],
  data: EvaluationData,
): { data: EvaluationData; keys: readonly string[] } {
  const places = new Map(keys.map((key, i) => [key, i]));
  const { rows, truth } = data;
  return {
    data: {
      ...data,
      rows: Int32Array.from(order, (key) => rows[places.get(key)!]!),
      truth: Int32Array.from(order, (key) => truth[places.get(key)!]!),
    },
    keys: order,
  };
}

/** Checks that all groups have the same test parts: else their means cannot be compared. */
function checkTestSets(prepared: readonly Prepared[], groups: readonly (readonly number[])[]): void {
  for (const places of groups) {
    const own = new Set(places.map((place) => prepared[place]!.testSet));
    const other = prepared.find(({ testSet }) => !own.has(testSet));
    if (other === undefined) continue;
    const { run, keys } = prepared[places[0]!]!;
    throw new UserError(
      `the test parts differ: ${run.path} has ${keys.length} clips, ${other.run.path} ${other.keys.length}, ${countShared(keys, other.keys)} of them the same; compare on one set with --data, or runs of the same seeds`,
    );
  }
}

/** Counts the different clips, and what always predicting their most frequent label would get. */
function describeClips(
  prepared: readonly Prepared[],
): Pick<Comparison, "examples" | "testSets" | "baseline"> {
  const counts = new Map(prepared[0]!.config.labels.map((label) => [label, 0]));
  const counted = new Set<string>();
  for (const { config, data, keys } of prepared) {
    keys.forEach((key, i) => {
      if (counted.has(key)) return;
      counted.add(key);
      const label = config.labels[data.truth[i]!]!;
      counts.set(label, (counts.get(label) ?? 0) + 1);
    });
  }
  const [label, most] = [...counts][argMax([...counts.values()])]!;
  return {
    examples: counted.size,
    testSets: new Set(prepared.map(({ testSet }) => testSet)).size,
    baseline: { label, accuracy: most / counted.size },
  };
}
