import type { SampleStore } from "./sample-store.js";

/** Labelled one-second clips in memory: the one form in which data reaches training and evaluation. */
export interface Clips {
  /** Hz. */
  readonly sampleRate: number;
  readonly samples: SampleStore;
  /** The label of each row of `samples`, after the course's misspellings are mended. */
  readonly labels: readonly string[];
  /** Who speaks, by row; absent unless every row has one. */
  readonly speakers?: readonly string[];
  /** The word that is said, by row, where the data tells it (it differs from the label for `unknown`). */
  readonly words?: readonly string[];
  /** The part each row has by the data set's makers (its lists, or their hash of the speaker), where it tells them. */
  readonly officialParts?: readonly Part[];
  /** In words, what of the makers' lists could not be followed. */
  readonly officialNotes?: readonly string[];
  /** How long each recording was before it was cut or padded to a clip, in seconds, where that is known. */
  readonly recordedSeconds?: readonly number[];
  /** The row in the data as it was read, for each row here: they differ once a limit or a choice of labels was applied. */
  readonly rows: Int32Array;
  /** The files or folders that were read, in order. */
  readonly sources: readonly ClipSource[];
}

export interface ClipSource {
  readonly path: string;
  /** SHA-256 over what identifies the content, as hex: the same data elsewhere has the same fingerprint. */
  readonly fingerprint: string;
  readonly rows: number;
}

export type Part = "train" | "val" | "test";

/** Rows of `Clips` for each part, in ascending order; no row is in two of them (`course` alone has val = test). */
export type Split = Readonly<Record<Part, Int32Array>>;

/** Identifies a clip in any order and under any limit: by its source's fingerprint and the row in that source. */
export function clipKey(clips: Clips, row: number): string {
  let index = clips.rows[row]!;
  for (const source of clips.sources) {
    if (index < source.rows) return `${source.fingerprint}:${index}`;
    index -= source.rows;
  }
  throw new RangeError(`row ${row} is in no source`);
}
