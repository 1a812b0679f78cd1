/**
 * Data to teach a model words with, before it learns the twelve labels (docs/results.md): each word a label of its own, from
 * DATA and from EXTRA, whose many speakers say few words. Nobody is heard whom the row's own split holds back to test; those
 * whom it holds back to validate do so here too. Asked for more words, it trains on synthesised and time-reversed ones as well.
 */
import { isDeepStrictEqual } from "node:util";
import { Random } from "../src/base/random.js";
import type { Clips, Part } from "../src/data/clips.js";
import { writeClips } from "../src/data/formats/write-npz.js";
import { joinClips, loadClips, selectClips } from "../src/data/load.js";
import { splitClips } from "../src/data/split.js";
import { type Kws, withMoreWords } from "./more-words.js";

/** Share of the speakers of EXTRA alone who test what is learned from the words. */
const tested = 0.03;

/** The shares and the seed are those of the row's own split. */
export interface WordsOptions extends Shares {
  data: string;
  extra: string;
  seed: number;
  /** To train on more words than the recorded ones (more-words.ts): where those that are spoken for it lie. */
  more?: { spokenPath: string; kws: Kws } | undefined;
}

export async function writeWords(path: string, options: WordsOptions): Promise<void> {
  const { data, extra, seed, valSize, testSize, more } = options;
  const first = await loadClips([data], { seed });
  const others = await loadClips([extra], { seed });
  const split = splitClips(first, { kind: "speaker", valSize, testSize, seed });
  const partOf = new Map<string, Part>();
  for (const part of ["train", "val", "test"] as const)
    for (const row of split[part]) partOf.set(first.speakers![row]!, part);
  const strangers = [...new Set(others.speakers)].filter((speaker) => !partOf.has(speaker)).sort();
  const tests = new Random(seed, "words").shuffle(strangers).slice(0, Math.round(tested * strangers.length));
  const testing = new Set(tests);

  const own = wordsOf(first, (speaker) => (partOf.get(speaker) === "test" ? undefined : partOf.get(speaker)));
  const once = selectClips(others, firstOfEach(others));
  const added = wordsOf(once, (speaker) => {
    if (testing.has(speaker)) return "test";
    return partOf.has(speaker) && partOf.get(speaker) !== "train" ? undefined : "train";
  });
  const recorded = joinClips([own, added]);
  if (more === undefined) return writeClips(path, recorded);
  const rowsOf = (trains: boolean) =>
    Int32Array.from(
      [...recorded.labels.keys()].filter((i) => (recorded.officialParts![i] === "train") === trains),
    );
  const learned = await withMoreWords(selectClips(recorded, rowsOf(true)), more.spokenPath, more.kws);
  const officialParts = learned.labels.map((): Part => "train");
  await writeClips(path, joinClips([{ ...learned, officialParts }, selectClips(recorded, rowsOf(false))]));
}

/** Shares, from 0 to 1, of the speakers who validate and test. */
export interface Shares {
  valSize: number;
  testSize: number;
}

/**
 * Whether nobody whom the split with `shares` holds back trains in the one with `usual` shares: the same speakers test, and those
 * who validate do so there too. With other shares a split by speaker may be shuffled otherwise, to have all labels in all parts.
 */
export function holdsBackNoOthers(clips: Clips, shares: Shares, usual: Shares, seed: number): boolean {
  const split = splitClips(clips, { kind: "speaker", ...shares, seed });
  const usualSplit = splitClips(clips, { kind: "speaker", ...usual, seed });
  const validating = new Set(usualSplit.val);
  return isDeepStrictEqual(split.test, usualSplit.test) && split.val.every((row) => validating.has(row));
}

/** The clips of the speakers who have a part, the word for a label. */
function wordsOf(clips: Clips, partOf: (speaker: string) => Part | undefined): Clips {
  const rows = [...clips.labels.keys()].filter((row) => partOf(clips.speakers![row]!) !== undefined);
  const chosen = selectClips(clips, Int32Array.from(rows));
  const officialParts = chosen.speakers!.map((speaker) => partOf(speaker)!);
  return { ...chosen, labels: chosen.words!, officialParts };
}

/** The first row of each speaker and word: one clip tells how a voice sounds. */
function firstOfEach({ speakers, words }: Clips): Int32Array {
  const rows = new Map<string, number>();
  speakers!.forEach((speaker, row) => {
    const key = `${speaker} ${words![row]}`;
    if (!rows.has(key)) rows.set(key, row);
  });
  return Int32Array.from(rows.values());
}
