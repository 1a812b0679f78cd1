import { percent, pointsInterval, pValue } from "../base/figures.js";
import type { NoiseFigures } from "../eval/analysis/noise.js";
import type { Comparison } from "../eval/compare.js";
import type { Metrics } from "../eval/metrics.js";
import { shortNames } from "../eval/names.js";
import { plusMinus, shortGroupNames } from "../eval/seeds.js";
import type { Table } from "../plot/table.js";

/** The figures of each label. */
export function labelTable({ perLabel }: Pick<Metrics, "perLabel">): Table {
  return {
    headers: ["label", "precision", "recall", "F1", "clips"],
    rows: perLabel.map(({ label, precision, recall, f1, support }) => [
      label,
      precision.toFixed(3),
      recall.toFixed(3),
      f1.toFixed(3),
      String(support),
    ]),
  };
}

/** The figures at each signal-to-noise ratio. */
export function noiseTable({ levels }: NoiseFigures): Table {
  return {
    headers: ["signal-to-noise ratio", "accuracy", "macro F1", "loss"],
    rows: levels.map(({ snrDb, accuracy, macroF1, loss }) => [
      `${snrDb} dB`,
      percent(accuracy),
      macroF1.toFixed(3),
      loss.toFixed(4),
    ]),
  };
}

/** How good each compared run is. */
export function accuracyTable({ runs }: Comparison): Table {
  const names = namesOf(runs);
  return {
    headers: ["run", "accuracy", "95 % interval", "macro F1", "loss"],
    rows: runs.map((run, i) => [
      names[i]!,
      percent(run.accuracy),
      `${(100 * run.accuracyCi95[0]).toFixed(1)} to ${percent(run.accuracyCi95[1], 1)}`,
      run.macroF1.toFixed(3),
      run.loss.toFixed(4),
    ]),
  };
}

/** What each compared run costs. */
export function costTable({ runs }: Comparison): Table {
  const names = namesOf(runs);
  return {
    headers: ["run", "model", "input", "parameters", "multiply-adds", "ms a clip"],
    rows: runs.map((run, i) => [
      names[i]!,
      run.model,
      run.input,
      run.params.toLocaleString("en-US"),
      `${(run.macs / 1e6).toLocaleString("en-US", { maximumFractionDigits: 1 })} M`,
      run.msPerClip.toFixed(1),
    ]),
  };
}

/** Means over seeds; undefined when every group has one run alone. */
export function seedTable({ groups, runs }: Comparison): Table | undefined {
  if (groups.every((group) => group.runs.length === 1)) return undefined;
  const names = shortGroupNames(groups, runs);
  return {
    headers: ["runs", "seeds", "accuracy", "range", "macro F1", "loss"],
    rows: groups.map(({ seeds, accuracy, macroF1, loss }, i) => [
      names[i]!,
      seeds.join(", "),
      plusMinus(accuracy, (value) => (100 * value).toFixed(2), " %"),
      `${(100 * accuracy.min).toFixed(2)} to ${percent(accuracy.max)}`,
      plusMinus(macroF1, (value) => value.toFixed(3)),
      plusMinus(loss, (value) => value.toFixed(4)),
    ]),
  };
}

/** The paired statistics of runs on the same clips. */
export function pairTable({ pairs, runs }: Comparison): Table {
  const names = namesOf(runs);
  const nameOf = (path: string) => names[runs.findIndex(({ run }) => run === path)]!;
  return {
    headers: ["a", "b", "only a right", "only b right", "a − b, 95 % interval", "McNemar p"],
    rows: pairs.map((pair) => [
      nameOf(pair.a),
      nameOf(pair.b),
      String(pair.aOnlyRight),
      String(pair.bOnlyRight),
      pointsInterval(pair.differenceCi95),
      pValue(pair.mcnemarP),
    ]),
  };
}

/** `12 clips`, or how many different clips several test parts have. */
export function describeClips({ examples, testSets }: Comparison): string {
  const count = examples.toLocaleString("en-US");
  if (testSets > 1) return `${testSets} test parts of ${count} different clips`;
  return `${count} clip${examples === 1 ? "" : "s"}`;
}

/** Warns that a run has seen some of the clips that it is evaluated on. */
export function seenWarning(run: string, seen: number, examples: number): string {
  return `${run} was trained, or its best epoch chosen, on ${seen.toLocaleString("en-US")} of the ${examples.toLocaleString("en-US")} clips: its figures are optimistic`;
}

function namesOf(runs: Comparison["runs"]): string[] {
  return shortNames(runs.map(({ run }) => run));
}
