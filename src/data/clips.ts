import type { SampleStore } from "./sample-store.js";

/** Labelled one-second clips in memory, the form in which data reach training and evaluation. */
export interface Clips {
  /** Hz. */
  readonly sampleRate: number;
  readonly samples: SampleStore;
  /** The label of each row of `samples`, with the course's misspellings corrected. */
  readonly labels: readonly string[];
  /** The speaker of each row; absent unless every row has one. */
  readonly speakers?: readonly string[];
  /** The word spoken in each row, if the data state it; it differs from the label for `unknown`. */
  readonly words?: readonly string[];
  /** The official part of each row (from the data set's lists or its hash of the speaker), if known. */
  readonly officialParts?: readonly Part[];
  /** Notes on what in the official lists could not be followed. */
  readonly officialNotes?: readonly string[];
  /** Length of each recording before it was cut or padded to a clip, in seconds, if known. */
  readonly recordedSeconds?: readonly number[];
  /** For each row here, its row in the data as read. They differ after a limit or a choice of labels. */
  readonly rows: Int32Array;
  /** The files or folders that were read, in order. */
  readonly sources: readonly ClipSource[];
}

export interface ClipSource {
  readonly path: string;
  /** SHA-256 of what identifies the content, as hex: the same data elsewhere has the same fingerprint. */
  readonly fingerprint: string;
  readonly rows: number;
}

export type Part = "train" | "val" | "test";

/** The rows of `Clips` in each part, ascending. No row is in two parts, except that `course` has val = test. */
export type Split = Readonly<Record<Part, Int32Array>>;

/** Identifies a clip whatever the order and limit: by the fingerprint of its source and its row there. */
export function clipKey(clips: Clips, row: number): string {
  let index = clips.rows[row]!;
  for (const source of clips.sources) {
    if (index < source.rows) return `${source.fingerprint}:${index}`;
    index -= source.rows;
  }
  throw new RangeError(`row ${row} is in no source`);
}
