import { resolve } from "node:path";
import { UserError } from "../base/errors.js";
import { labelIndices } from "../data/batches/batches.js";
import { type Clips, clipKey, type Part } from "../data/clips.js";
import { atSampleRate, loadClips, SAMPLE_DATA } from "../data/load.js";
import { defaultSplitKind, splitClips } from "../data/split.js";
import { chooseRunDataset } from "../run/dataset.js";
import type { RunConfig, RunFolder } from "../run/folder.js";

export interface EvaluationDataOptions {
  /** Data to use instead of the run's own. */
  data?: readonly string[] | undefined;
  /** Default: the test part of the run's own data, all of other data. */
  part?: Part | "all" | undefined;
  /** The label to count labels as that the run lacks; without it, they are an error. */
  othersAs?: string | undefined;
  onLoading?: ((done: number, total: number) => void) | undefined;
}

/** Clips to evaluate a run on, and their true labels. */
export interface EvaluationData {
  clips: Clips;
  /** Rows of `clips`. */
  rows: Int32Array;
  /** By entry of `rows`: index into the run's labels. */
  truth: Int32Array;
  part: Part | "all";
  /** By row of `clips`: 1 if the run was trained on it or its best epoch was chosen by it. */
  seen: Uint8Array;
  /** Number of `rows` that were seen. */
  seenInTraining: number;
}

/** Loads data for evaluation, and holds what it loaded last, so that several runs can share it. */
export class EvaluationDataLoader {
  /** The data to evaluate on and the data of a run. A full-size set takes gigabytes. */
  private static readonly held = 2;
  private readonly loaded = new Map<string, Clips>();

  /**
   * Loads the clips to evaluate a run on, at the sample rate of its model.
   *
   * @throws UserError when the data have labels that the run lacks and `othersAs` is not given
   */
  async load(
    run: RunFolder,
    config: RunConfig,
    options: EvaluationDataOptions = {},
  ): Promise<EvaluationData> {
    const { data, othersAs, onLoading } = options;
    checkOthersAs(run, config, othersAs);
    const part = options.part ?? (data === undefined ? "test" : "all");
    const loaded =
      data === undefined
        ? await this.ownClips(config, onLoading)
        : await this.clips(data, config.sampleRate, onLoading);
    const { clips, rows } =
      data === undefined ? ownPart(loaded, config, part) : partOfOther(loaded, config, part);
    const truth = trueLabels(run, config, clips, rows, othersAs);
    const seen = await this.findSeen(config, loaded, clips);
    const seenInTraining = rows.reduce((count, row) => count + seen[row]!, 0);
    return { clips, rows, truth, part, seen, seenInTraining };
  }

  private async clips(
    specs: readonly string[],
    sampleRate: number,
    onProgress: EvaluationDataOptions["onLoading"],
  ): Promise<Clips> {
    const paths = specs.map((spec) => (spec === SAMPLE_DATA ? spec : resolve(spec)));
    const key = JSON.stringify([paths, sampleRate]);
    let clips = this.loaded.get(key);
    this.loaded.delete(key); // set again below: the first key is then the one used longest ago
    if (clips === undefined) {
      const oldest = [...this.loaded.keys()][0];
      if (this.loaded.size === EvaluationDataLoader.held) this.loaded.delete(oldest!);
      // No clips are chosen at random here: the seed does not matter.
      const read = await loadClips(specs, { seed: 0, sampleRate, ...(onProgress && { onProgress }) });
      clips = atSampleRate(read, sampleRate);
    }
    this.loaded.set(key, clips);
    return clips;
  }

  private async ownClips(config: RunConfig, onProgress: EvaluationDataOptions["onLoading"]): Promise<Clips> {
    try {
      return await this.clips(config.data, config.sampleRate, onProgress);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      throw new UserError(
        `the run's own data: ${error.message}; if it was moved, give its path with --data and --part test`,
        { cause: error },
      );
    }
  }

  /** @param loaded all clips of the data; `clips` are those that the run's settings choose */
  private async findSeen(config: RunConfig, loaded: Clips, clips: Clips): Promise<Uint8Array> {
    const found = new Uint8Array(clips.samples.count);
    const shared = clips.sources.some(({ fingerprint }) =>
      config.sources.some((source) => source.fingerprint === fingerprint),
    );
    if (!shared) return found;
    const own = isOwnData(loaded, config) ? loaded : await this.ownClips(config, undefined);
    const dataset = chooseRunDataset(own, config);
    const { train, val } = dataset.split;
    const seen = new Set([...train, ...val].map((row) => clipKey(dataset.clips, row)));
    return found.map((_, row) => (seen.has(clipKey(clips, row)) ? 1 : 0));
  }
}

/** Loads the clips to evaluate one run on, see `EvaluationDataLoader.load`. */
export function loadEvaluationData(
  run: RunFolder,
  config: RunConfig,
  options: EvaluationDataOptions = {},
): Promise<EvaluationData> {
  return new EvaluationDataLoader().load(run, config, options);
}

function ownPart(loaded: Clips, config: RunConfig, part: Part | "all"): { clips: Clips; rows: Int32Array } {
  const { clips, split } = chooseRunDataset(loaded, config);
  return { clips, rows: part === "all" ? allRows(clips) : split[part] };
}

/** Splits other data as the run's own data were split, if these clips allow it. */
function partOfOther(
  loaded: Clips,
  config: RunConfig,
  part: Part | "all",
): { clips: Clips; rows: Int32Array } {
  if (part === "all") return { clips: loaded, rows: allRows(loaded) };
  if (isOwnData(loaded, config)) return ownPart(loaded, config, part); // from another place
  const { seed, valSize, testSize } = config;
  const kind = config.split === "speaker" ? defaultSplitKind(loaded) : config.split;
  return { clips: loaded, rows: splitClips(loaded, { kind, valSize, testSize, seed })[part] };
}

function isOwnData({ sources }: Clips, config: RunConfig): boolean {
  return (
    sources.length === config.sources.length &&
    sources.every(({ fingerprint }, i) => fingerprint === config.sources[i]!.fingerprint)
  );
}

function allRows(clips: Clips): Int32Array {
  return Int32Array.from({ length: clips.samples.count }, (_, row) => row);
}

function checkOthersAs(run: RunFolder, { labels }: RunConfig, othersAs: string | undefined): void {
  if (othersAs === undefined || labels.includes(othersAs)) return;
  throw new UserError(
    `--others-as: expected one of the labels of ${run.path} (${labels.join(", ")}), found ${othersAs}`,
  );
}

function trueLabels(
  run: RunFolder,
  { labels }: RunConfig,
  clips: Clips,
  rows: Int32Array,
  othersAs: string | undefined,
): Int32Array {
  const byRow = labelIndices(clips, labels);
  const other = othersAs === undefined ? -1 : labels.indexOf(othersAs);
  const truth = rows.map((row) => (byRow[row]! < 0 ? other : byRow[row]!));
  if (truth.includes(-1)) {
    const lacking = new Set(
      [...rows].map((row) => clips.labels[row]!).filter((label) => !labels.includes(label)),
    );
    throw new UserError(
      `the data has labels that ${run.path} lacks: ${[...lacking].sort().join(", ")}; expected ${labels.join(", ")}; count other labels as one of these with --others-as`,
    );
  }
  return truth;
}
