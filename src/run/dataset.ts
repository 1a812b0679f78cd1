import { UserError } from "../base/errors.js";
import type { Clips, Split } from "../data/clips.js";
import { resolveLabels } from "../data/labels.js";
import { atSampleRate, chooseClips, loadClips } from "../data/load.js";
import { defaultSplitKind, splitClips } from "../data/split.js";
import type { RunConfig } from "./folder.js";
import type { TrainSettings } from "./settings.js";

/** What a training's settings say of its data. */
export type DatasetSettings = Pick<
  TrainSettings,
  "data" | "from" | "labels" | "limit" | "sampleRate" | "seed" | "split" | "valSize" | "testSize"
>;

/** Clips with the labels to tell apart and the parts they are split into: all that follows from the settings. */
export interface Dataset {
  clips: Clips;
  labels: string[];
  splitKind: NonNullable<TrainSettings["split"]>;
  split: Split;
}

export async function loadDataset(
  settings: DatasetSettings,
  onProgress?: (done: number, total: number) => void,
): Promise<Dataset> {
  const { data, seed, sampleRate } = settings;
  const clips = await loadClips(data, {
    seed,
    ...(sampleRate !== undefined && { sampleRate }),
    ...(onProgress && { onProgress }),
  });
  // What starts from a run keeps its rate, whatever the data's own.
  const atRate = settings.from === undefined ? clips : atSampleRate(clips, sampleRate ?? clips.sampleRate);
  return chooseDataset(atRate, settings);
}

/** What the settings make of data that is loaded already: the clips they choose, the labels, and the parts. */
export function chooseDataset(loaded: Clips, settings: Omit<DatasetSettings, "data">): Dataset {
  const { seed, valSize, testSize } = settings;
  const clips = chooseClips(loaded, {
    seed,
    ...(settings.labels !== undefined && { labels: settings.labels }),
    ...(settings.limit !== undefined && { limit: settings.limit }),
  });
  const labels = resolveLabels(clips.labels, settings.labels);
  const splitKind = settings.split ?? defaultSplitKind(clips);
  return { clips, labels, splitKind, split: splitClips(clips, { kind: splitKind, valSize, testSize, seed }) };
}

/**
 * Loads a run's own data set again, split as it was.
 *
 * @throws UserError when the data is no longer what the run was trained on
 */
export async function loadRunDataset(
  config: RunConfig,
  onProgress?: (done: number, total: number) => void,
): Promise<Dataset> {
  const { data, seed, sampleRate } = config;
  const clips = await loadClips(data, { seed, sampleRate, ...(onProgress && { onProgress }) });
  return chooseRunDataset(clips, config);
}

/** The same of data that is loaded already. */
export function chooseRunDataset(loaded: Clips, config: RunConfig): Dataset {
  config.sources.forEach((source, i) => {
    if (loaded.sources[i]?.fingerprint !== source.fingerprint) {
      throw new UserError(`${source.path} has changed since the run was trained on it`);
    }
  });
  const { labels, ...settings } = config;
  const clips = atSampleRate(loaded, config.sampleRate);
  return chooseDataset(clips, config.labelsChosen ? config : settings);
}
