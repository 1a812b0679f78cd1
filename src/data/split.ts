import { createHash } from "node:crypto";
import { UserError, usageError } from "../base/errors.js";
import { Random } from "../base/random.js";
import type { Clips, Part, Split } from "./clips.js";
import { apportion, indicesByKey } from "./stratify.js";

/**
 * - `speaker`: each speaker is in one part only, so that evaluation uses voices that training did not
 * - `random`: clips drawn at random, stratified by label
 * - `course`: the notebook's protocol, 90 % for training; the other 10 % are both validation and test
 * - `official`: Speech Commands' own parts, from its lists or its hash of the speaker
 */
export type SplitKind = "speaker" | "random" | "course" | "official";

export interface SplitOptions {
  readonly kind: SplitKind;
  /** Shares of the speakers (`speaker`) or of the clips (`random`); unused by `course` and `official`. */
  readonly valSize: number;
  readonly testSize: number;
  readonly seed: number;
}

const PARTS: readonly Part[] = ["train", "val", "test"];
/** The share that the course's notebook holds out, and that Speech Commands' lists hold out for either part. */
const HELD_BACK = 0.1;
/** Number of shuffles of the speakers tried to get every label into every part. */
const SHUFFLES = 100;

/** Returns `speaker` if every clip has a speaker, else `random`. */
export function defaultSplitKind(clips: Clips): SplitKind {
  return clips.speakers === undefined ? "random" : "speaker";
}

/**
 * Divides clips into training, validation and test rows without common clips, except that `course` has
 * validation = test. The same seed gives the same parts; for `speaker` and `official` they do not depend on the order of
 * the rows.
 *
 * @throws UserError if a part has no clip or a single label, or the data lack what the kind of split needs
 */
export function splitClips(clips: Clips, options: SplitOptions): Split {
  const { kind, valSize, testSize } = options;
  if (!(valSize > 0 && testSize > 0 && valSize + testSize < 1)) {
    throw usageError(
      `--val-size and --test-size: expected shares above 0 whose sum is below 1, found ${valSize} and ${testSize}`,
    );
  }
  const labelCount = new Set(clips.labels).size;
  if (labelCount < 2) throw new UserError(`expected data with at least 2 labels, found ${labelCount}`);
  const split = splitters[kind](clips, options);
  checkParts(clips, split, kind);
  return split;
}

const splitters: Record<SplitKind, (clips: Clips, options: SplitOptions) => Split> = {
  speaker: splitBySpeaker,
  random: (clips, { valSize, testSize, seed }) => splitStratified(clips, valSize, testSize, seed),
  course(clips, { seed }) {
    const { train, test } = splitStratified(clips, 0, HELD_BACK, seed);
    return { train, val: test, test };
  },
  official: splitOfficially,
};

function splitBySpeaker(clips: Clips, { valSize, testSize, seed }: SplitOptions): Split {
  const { labels } = clips;
  if (clips.speakers === undefined) throw lacksSpeakers("speaker");
  const speakers = indicesByKey(clips.speakers);
  const count = speakers.size;
  const testCount = Math.max(1, Math.round(testSize * count));
  const valCount = Math.max(1, Math.round(valSize * count));
  const labelsOf = new Map(
    [...speakers].map(([name, rows]) => [name, new Set(rows.map((row) => labels[row]!))]),
  );

  const everywhere = PARTS.length * new Set(labels).size;
  let best: { present: number; names: Record<Part, string[]> } | undefined;
  for (let attempt = 0; attempt < SHUFFLES && best?.present !== everywhere; attempt++) {
    const order = new Random(seed, "split", attempt).shuffle([...speakers.keys()]);
    const names = {
      test: order.slice(0, testCount),
      val: order.slice(testCount, testCount + valCount),
      train: order.slice(testCount + valCount),
    };
    const labelsIn = (part: Part) => new Set(names[part].flatMap((name) => [...labelsOf.get(name)!])).size;
    const present = PARTS.reduce((sum, part) => sum + labelsIn(part), 0);
    if (best === undefined || present > best.present) best = { present, names };
  }
  const rowsOf = (part: Part) => sorted(best!.names[part].flatMap((name) => speakers.get(name)!));
  return { train: rowsOf("train"), val: rowsOf("val"), test: rowsOf("test") };
}

function splitStratified({ labels }: Clips, valSize: number, testSize: number, seed: number): Split {
  const groups = [...indicesByKey(labels)].map(([label, rows]) =>
    new Random(seed, "split", label).shuffle(rows),
  );
  const counts = groups.map((rows) => rows.length);
  const test = apportion(counts, partSize(labels.length, testSize));
  const val = apportion(counts, partSize(labels.length, valSize));
  return {
    test: sorted(groups.flatMap((rows, i) => rows.slice(0, test[i]))),
    val: sorted(groups.flatMap((rows, i) => rows.slice(test[i], test[i]! + val[i]!))),
    train: sorted(groups.flatMap((rows, i) => rows.slice(test[i]! + val[i]!))),
  };
}

function partSize(clipCount: number, share: number): number {
  return share === 0 ? 0 : Math.max(1, Math.round(share * clipCount));
}

function splitOfficially({ labels, speakers, officialParts }: Clips): Split {
  const parts = officialParts ?? speakers?.map(officialPart);
  if (parts === undefined) throw lacksSpeakers("official");
  const rowsOf = (part: Part) => sorted([...labels.keys()].filter((row) => parts[row] === part));
  return { train: rowsOf("train"), val: rowsOf("val"), test: rowsOf("test") };
}

/**
 * Returns the part that Speech Commands assigns to a speaker: the SHA-1 of the name, modulo 2^27, as a percentage;
 * validation has the first 10 and test the next 10 (`which_set` in the data set's README).
 */
export function officialPart(speaker: string): Part {
  const hash = BigInt(`0x${createHash("sha1").update(speaker).digest("hex")}`);
  const share = Number(hash % 2n ** 27n) / (2 ** 27 - 1);
  if (share < HELD_BACK) return "val";
  return share < 2 * HELD_BACK ? "test" : "train";
}

function checkParts({ labels, officialNotes = [] }: Clips, split: Split, kind: SplitKind): void {
  const names = { train: "training", val: "validation", test: "test" };
  for (const part of PARTS) {
    const present = new Set([...split[part]].map((row) => labels[row]!));
    if (present.size >= 2) continue;
    const counts = PARTS.map((name) => `${names[name]} ${split[name].length}`).join(", ");
    const found = present.size === 0 ? "no clip" : `only clips labelled "${[...present].join()}"`;
    const larger = kind === "speaker" || kind === "random" ? "other --val-size and --test-size, " : "";
    const other = kind === "random" ? "" : " or --split random";
    const why = kind === "official" ? officialNotes.map((note) => `; ${note}`).join("") : "";
    throw new UserError(
      `the ${names[part]} part of the ${kind} split has ${found} (clips: ${counts})${why}; use ${larger}more data${other}`,
    );
  }
}

function lacksSpeakers(kind: SplitKind): UserError {
  return new UserError(
    `--split ${kind}: expected a speaker for every clip, which these data do not have; use --split random`,
  );
}

function sorted(rows: number[]): Int32Array {
  return Int32Array.from(rows).sort();
}
