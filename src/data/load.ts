import { statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describeSystemError, UserError, usageError } from "../base/errors.js";
import { resample } from "../dsp/resample.js";
import type { Clips } from "./clips.js";
import { type ReadOptions, readNpz } from "./formats/npz.js";
import { resolveLabels } from "./labels.js";
import { SampleStore, SampleStoreBuilder } from "./sample-store.js";
import { readFolder } from "./speech-commands/folder.js";
import { stratifiedSample } from "./stratify.js";

/** The name of the small data set that ships with the package, and its path. */
export const SAMPLE_DATA = "sample";
const SAMPLE_PATH = fileURLToPath(new URL("../../assets/sample.npz", import.meta.url));

export interface LoadOptions extends ReadOptions {
  /** Hz, for folders of WAV files, if the first data given are one; all other data are resampled to the first's rate. */
  readonly sampleRate?: number;
  /** Keeps only clips with these labels. */
  readonly labels?: readonly string[];
  /** Keeps only a sample of this many clips, stratified by label. */
  readonly limit?: number;
  readonly seed: number;
}

/**
 * Reads data and joins them in the order given. Each is an `.npz` file, a folder in the Speech Commands layout, or
 * `sample`. All are resampled to the rate of the first.
 *
 * @param options.onProgress receives the progress within the data being read
 * @throws UserError for data that cannot be read or lack a requested label
 */
export async function loadClips(specs: readonly string[], options: LoadOptions): Promise<Clips> {
  const { limit } = options;
  if (specs.length === 0)
    throw usageError("no data was given, expected an .npz file, a folder of WAV files or sample");
  if (limit !== undefined && !(Number.isInteger(limit) && limit > 0)) {
    throw usageError(`--limit is a number of clips above 0, found ${limit}`);
  }
  const parts: Clips[] = [];
  for (const spec of specs) parts.push(await readSource(spec, options, parts[0]?.sampleRate));
  checkDifferent(parts);
  return chooseClips(joinClips(parts), options);
}

/** Selects the clips with the given labels, and a sample of `limit` of them. Samples are shared, not copied. */
export function chooseClips(
  clips: Clips,
  { labels, limit, seed }: Pick<LoadOptions, "labels" | "limit" | "seed">,
): Clips {
  let chosen = clips;
  if (labels !== undefined) {
    const wanted = new Set(resolveLabels(clips.labels, labels));
    const rows = [...clips.labels.keys()].filter((row) => wanted.has(clips.labels[row]!));
    chosen = selectClips(clips, Int32Array.from(rows));
  }
  if (limit !== undefined && limit < chosen.labels.length) {
    chosen = selectClips(chosen, stratifiedSample(chosen.labels, limit, seed));
  }
  return chosen;
}

/** Selects rows in the given order. Samples are shared, not copied. */
export function selectClips(clips: Clips, rows: Int32Array): Clips {
  const pick = <T>(values: readonly T[]): T[] => Array.from(rows, (row) => values[row]!);
  const { speakers, words, officialParts, recordedSeconds } = clips;
  return {
    ...clips,
    samples: clips.samples.select(rows),
    labels: pick(clips.labels),
    ...(speakers && { speakers: pick(speakers) }),
    ...(words && { words: pick(words) }),
    ...(officialParts && { officialParts: pick(officialParts) }),
    ...(recordedSeconds && { recordedSeconds: pick(recordedSeconds) }),
    rows: rows.map((row) => clips.rows[row]!),
  };
}

/** Resamples clips to another rate (Hz); a clip remains one second long. */
export function atSampleRate(clips: Clips, sampleRate: number): Clips {
  if (clips.sampleRate === sampleRate) return clips;
  const { samples } = clips;
  const builder = new SampleStoreBuilder(sampleRate);
  const wave = new Float32Array(samples.clipLength);
  for (let row = 0; row < samples.count; row++) {
    samples.read(row, wave);
    builder.append(resample(wave, clips.sampleRate, sampleRate));
  }
  return { ...clips, sampleRate, samples: builder.finish(clips.sources.map(({ path }) => path).join(", ")) };
}

async function readSource(spec: string, options: LoadOptions, firstRate: number | undefined): Promise<Clips> {
  const { onProgress } = options;
  if (spec === SAMPLE_DATA) {
    const clips = await readNpz(SAMPLE_PATH, { onProgress });
    return { ...clips, sources: clips.sources.map((source) => ({ ...source, path: SAMPLE_DATA })) };
  }
  const sampleRate = firstRate ?? options.sampleRate ?? 8000;
  return isFolder(spec) ? readFolder(spec, { sampleRate, onProgress }) : readNpz(spec, { onProgress });
}

/** Refuses data given twice, which would put the same clip into training and test. */
function checkDifferent(parts: readonly Clips[]): void {
  const seen = new Map<string, string>();
  for (const { path, fingerprint } of parts.flatMap((part) => part.sources)) {
    const before = seen.get(fingerprint);
    if (before === path) throw new UserError(`${path} is given twice: give it once`);
    if (before !== undefined) throw new UserError(`${path} holds the same data as ${before}: give it once`);
    seen.set(fingerprint, path);
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    throw describeSystemError(error, "read", path);
  }
}

/**
 * Concatenates clips at the sample rate of the first. Columns that some of them lack (speakers, words, official parts)
 * are left out.
 */
export function joinClips(parts: readonly Clips[]): Clips {
  const first = parts[0]!;
  if (parts.length === 1) return first;
  const { sampleRate } = first;
  const column = <T>(of: (clips: Clips) => readonly T[] | undefined): T[] | undefined =>
    parts.every((part) => of(part) !== undefined) ? parts.flatMap((part) => [...of(part)!]) : undefined;
  const labels = parts.flatMap((part) => [...part.labels]);
  const speakers = column((part) => part.speakers);
  const words = column((part) => part.words);
  const officialParts = column((part) => part.officialParts);
  const officialNotes = parts.flatMap((part) => part.officialNotes ?? []);
  const recordedSeconds = column((part) => part.recordedSeconds);
  return {
    sampleRate,
    samples: SampleStore.join(parts.map((part) => atSampleRate(part, sampleRate).samples)),
    labels,
    ...(speakers && { speakers }),
    ...(words && { words }),
    ...(officialParts && { officialParts }),
    ...(officialNotes.length > 0 && { officialNotes }),
    ...(recordedSeconds && { recordedSeconds }),
    rows: Int32Array.from(labels.keys()),
    sources: parts.flatMap((part) => part.sources),
  };
}
