/**
 * How well a trained model learns new words from few clips (docs/results.md). The words' clips come from EXTRA; the data that
 * the model is first trained on, each of its words a label of its own, leaves their rows out, and a quarter of its speakers
 * too, whose clips of `unknown` and `silence` serve the transfer and its test. Nobody is heard in training and in test.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Clips, Part } from "../src/data/clips.js";
import { joinClips, loadClips, selectClips } from "../src/data/load.js";
import { writeClips } from "../src/data/write-npz.js";
import { Random } from "../src/random.js";

const words = ["bed", "cat", "happy"];
const counts = [5, 10, 20, 50];
const testSpeakers = 300; // of each word
const labels = [...words, "unknown", "silence"];

export interface TransferOptions {
  data: string;
  extra: string;
  out: string;
  seeds: string;
  backend: string;
  kws: (...args: readonly string[]) => Record<string, unknown>;
  trained: (run: string, settings: readonly string[]) => string;
}

export async function transferCurve(options: TransferOptions): Promise<void> {
  const { out, kws, trained, backend } = options;
  const table: string[] = [];
  for (const seed of options.seeds.split(",").map(Number)) {
    const folder = join(out, `transfer-${seed}`);
    const file = (name: string) => join(folder, `${name}.npz`);
    if (!existsSync(file("test"))) await writeData(options, seed, file);
    const common = ["--seed", String(seed), "--backend", backend];
    const settings = ["--config", "recipes/words.json", "--width", "3", "--split", "speaker"];
    const base = trained(join(folder, "base"), [...settings, "--data", file("base"), ...common]);
    for (const count of counts) {
      const settings = ["--config", "recipes/transfer.json", "--from", base, "--split", "official"];
      const data = ["--data", file(`words-${count}`), "--labels", labels.join(",")];
      const run = trained(join(folder, `words-${count}`), [...settings, ...data, ...common]);
      const result = kws("evaluate", run, "--data", file("test")) as {
        accuracy: number;
        examples: number;
        perLabel: { label: string; recall: number }[];
      };
      const recalls = result.perLabel.map(({ label, recall }) => `${label} ${(100 * recall).toFixed(1)} %`);
      table.push(
        `seed ${seed}, ${count} clips a word: ${(100 * result.accuracy).toFixed(2)} % of ${result.examples} clips (${recalls.join(", ")})`,
      );
    }
  }
  for (const line of table) console.log(line);
}

async function writeData(
  { data, extra }: TransferOptions,
  seed: number,
  file: (name: string) => string,
): Promise<void> {
  const first = await loadClips([data], { seed });
  const others = await loadClips([extra], { seed });
  if (first.speakers === undefined || first.words === undefined || others.words === undefined)
    throw new Error("both files must tell speakers and words (speaker_vals, word_vals)");
  const random = new Random(seed, "transfer");
  const known = new Set(first.speakers);
  const reserved = [...random.shuffle([...known].sort())].slice(0, Math.ceil(known.size / 4));
  const [learning, testing] = [0, 1].map((half) => new Set(reserved.filter((_, i) => i % 2 === half)));

  const isNew = (word: string) => words.includes(word);
  const base = rowsOf(first, ({ speaker, word }) => !reserved.includes(speaker) && !isNew(word));
  const taught = selectClips(first, base);
  await writeClips(file("base"), { ...taught, labels: taught.words! });
  const rest = (speakers: Set<string>) =>
    rowsOf(
      first,
      ({ label, speaker, word }) =>
        (label === "unknown" || label === "silence") && speakers.has(speaker) && !isNew(word),
    );
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
  // By label, so that each part gets clips of both.
  const restOfLearning = random
    .shuffle(rest(learning!))
    .sort((a, b) => first.labels[a]!.localeCompare(first.labels[b]!));
  for (const count of counts) {
    // A fifth of what there is validates, in every label.
    const isForValidation = (i: number) => i % 5 === 4;
    const own = free.flatMap((rows) => [...rows.slice(0, count)]);
    const part = (i: number): Part => (isForValidation(i) ? "val" : "train");
    const parts = [
      ...own.map((_, i) => part(i % count)),
      ...Array.from(restOfLearning, (_, i) => (i % 10 === 9 ? ("test" as const) : part(i))),
    ];
    await writeClips(file(`words-${count}`), joined(own, restOfLearning, parts));
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
