/**
 * How well a trained model learns new words from few clips (docs/results.md). The words' clips come from EXTRA; the data that
 * the model is first trained on, each of its words a label of its own, leaves their rows out, and a quarter of its speakers
 * and of its recordings of noise too, whose clips of `unknown` and `silence` serve the transfer and its test. More words are
 * synthesised and time-reversed for it. Nobody is heard in training and in test.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Random } from "../src/base/random.js";
import type { Clips, Part } from "../src/data/clips.js";
import { writeClips } from "../src/data/formats/write-npz.js";
import { isWord, SILENCE, UNKNOWN } from "../src/data/labels.js";
import { joinClips, loadClips, selectClips } from "../src/data/load.js";
import { sampleStatistics } from "../src/eval/seeds.js";
import type { GivenSettings } from "../src/run/settings.js";
import { type Kws, manyWordsModel, withMoreWords } from "./more-words.js";

const words = ["bed", "cat", "happy"];
const counts = [5, 10, 20, 50];
const testSpeakers = 300; // of each word
const labels = [...words, UNKNOWN, SILENCE];

export interface TransferOptions {
  data: string;
  extra: string;
  out: string;
  seeds: string;
  /** Shares of the base's speakers who validate and test. */
  parts: { valSize: number; testSize: number };
  kws: Kws;
  trained: (run: string, recipe: string, flags: GivenSettings) => Promise<string>;
}

export async function transferCurve(options: TransferOptions): Promise<void> {
  const { kws, trained } = options;
  const folder = join(options.out, "transfer");
  const file = (name: string) => join(folder, `${name}.npz`);
  const seeds = options.seeds.split(",").map(Number);
  mkdirSync(folder, { recursive: true });
  await writeData(options, seeds, file);

  const flags = { ...manyWordsModel, data: [file("base")], split: "speaker", ...options.parts, seed: 1 };
  const base = await trained(join(folder, "base"), "words", flags);
  for (const count of counts) {
    const accuracies: number[] = [];
    for (const seed of seeds) {
      const name = `words-${count}-${seed}`;
      const flags = { from: base, split: "official", data: [file(name)], labels, seed };
      const run = await trained(join(folder, name), "transfer", flags);
      const result = kws("evaluate", run, "--data", file("test")) as {
        accuracy: number;
        examples: number;
        perLabel: { label: string; recall: number }[];
      };
      accuracies.push(result.accuracy);
      const recalls = result.perLabel.map(({ label, recall }) => `${label} ${(100 * recall).toFixed(1)} %`);
      console.log(
        `${count} clips a word, seed ${seed}: ${(100 * result.accuracy).toFixed(2)} % of ${result.examples} clips (${recalls.join(", ")})`,
      );
    }
    console.log(`${count} clips a word: mean ${(100 * sampleStatistics(accuracies).mean).toFixed(2)} %`);
  }
}

/** The seeds choose the few clips; what the base learns, and who tests, is the same for all. */
async function writeData(
  { data, extra, kws }: TransferOptions,
  seeds: readonly number[],
  file: (name: string) => string,
): Promise<void> {
  const first = await loadClips([data], { seed: 1 });
  const others = await loadClips([extra], { seed: 1 });
  if (first.speakers === undefined || first.words === undefined || others.words === undefined)
    throw new Error("both files must tell speakers and words (speaker_vals, word_vals)");
  const random = new Random(1, "transfer");
  const known = new Set(first.speakers);
  const speaking = new Set(first.speakers.filter((_, row) => first.labels[row] !== SILENCE));
  const quarterOf = (names: string[]) =>
    [...random.shuffle(names.sort())].slice(0, Math.ceil(names.length / 4));
  // Of voices and of recordings of noise, each: among so few recordings chance might leave a half with one.
  const reserved = [true, false].map((speaks) =>
    quarterOf([...known].filter((name) => speaking.has(name) === speaks)),
  );
  const [learning, testing] = [0, 1].map(
    (half) => new Set(reserved.flatMap((names) => names.filter((_, i) => i % 2 === half))),
  );

  const isNew = (word: string) => words.includes(word);
  const base = rowsOf(first, ({ speaker, word }) => !reserved.flat().includes(speaker) && !isNew(word));
  const taught = selectClips(first, base);
  await writeClips(
    file("base"),
    await withMoreWords({ ...taught, labels: taught.words! }, file("spoken"), kws),
  );
  const rest = (speakers: Set<string>) =>
    rowsOf(first, ({ label, speaker, word }) => !isWord(label) && speakers.has(speaker) && !isNew(word));
  // One clip of each speaker, so that a test of 300 clips is one of 300 voices.
  const perWord = words.map((word) => {
    const speakers = new Set<string>();
    const shuffled = random.shuffle(rowsOf(others, (row) => row.word === word));
    return shuffled.filter((row) => {
      const speaker = others.speakers![row]!;
      if (known.has(speaker) || speakers.has(speaker)) return false;
      speakers.add(speaker);
      return true;
    });
  });
  // Voices of the test are heard in no word before it.
  const tested = perWord.map((rows) => rows.slice(0, testSpeakers));
  const testedSpeakers = new Set(tested.flatMap((rows) => [...rows].map((row) => others.speakers![row]!)));
  const free = perWord.map((rows) => rows.filter((row) => !testedSpeakers.has(others.speakers![row]!)));
  const joined = (own: readonly number[], rests: Int32Array, parts?: readonly Part[]): Clips => {
    const said = selectClips(others, Int32Array.from(own));
    const clips = joinClips([{ ...said, labels: said.words! }, selectClips(first, rests)]);
    return parts === undefined ? clips : { ...clips, officialParts: parts };
  };
  await writeClips(
    file("test"),
    joined(
      tested.flatMap((rows) => [...rows]),
      rest(testing!),
    ),
  );
  for (const seed of seeds) {
    const random = new Random(seed, "transfer clips");
    const chosen = free.map((rows) => random.shuffle(rows));
    // By label, so that each part gets clips of both.
    const restOfLearning = random
      .shuffle(rest(learning!))
      .sort((a, b) => first.labels[a]!.localeCompare(first.labels[b]!));
    for (const count of counts) {
      // A twentieth of what there is validates, of a word one clip at least: it shows how the training goes, and decides nothing.
      const every = Math.min(count, 20);
      const own = chosen.flatMap((rows) => [...rows.slice(0, count)]);
      const parts = [
        ...own.map((_, i): Part => ((i % count) % every === every - 1 ? "val" : "train")),
        ...Array.from(
          restOfLearning,
          (_, i): Part => (i % 20 === 9 ? "test" : i % 20 === 19 ? "val" : "train"),
        ),
      ];
      await writeClips(file(`words-${count}-${seed}`), joined(own, restOfLearning, parts));
    }
  }
}

interface Row {
  label: string;
  speaker: string;
  word: string;
}

function rowsOf({ labels, speakers, words }: Clips, wanted: (row: Row) => boolean): Int32Array {
  const rows = [...labels.keys()];
  return Int32Array.from(
    rows.filter((i) => wanted({ label: labels[i]!, speaker: speakers![i]!, word: words![i]! })),
  );
}
