/**
 * More words for a model to learn speech from (docs/results.md), each a label of its own: spoken by a synthesiser, in which
 * a model hears sounds in orders that few recordings have, and everything played backwards, which makes a word of each word.
 */
import { existsSync } from "node:fs";
import type { Clips } from "../src/data/clips.js";
import { joinClips, loadClips, selectClips } from "../src/data/load.js";
import { SampleStore } from "../src/data/samples.js";

/** Common words; `bed`, `cat` and `happy`, which the transfer is to learn from few clips, are in none of them. */
const vocabulary = `
  open close start pause play next back light lamp music volume louder quiet heat cool fan door window kitchen garden
  camera timer alarm morning evening monday friday summer winter red green blue yellow orange purple black white brown silver
  apple banana coffee water sugar butter bread cheese chicken pepper table chair pencil paper button bottle basket hammer
  ladder bucket horse cow sheep tiger lion monkey rabbit mouse spider eagle river mountain forest island ocean desert valley
  bridge castle village train bus plane ship bike truck engine wheel ticket station doctor teacher farmer sister brother
  mother father uncle baby friend love hope peace dream laugh voice story number letter answer run jump walk swim climb throw
  push pull turn big small fast slow warm cold soft hard new old ten twelve twenty thirty hundred thousand first second third
  half`
  .trim()
  .split(/\s+/);
const clipsPerWord = 30;

/** The clips and the words that they say, spoken by espeak-ng as often as the common ones; then all of it backwards. */
export async function withMoreWords(
  clips: Clips,
  spokenPath: string,
  kws: (...args: readonly string[]) => unknown,
): Promise<Clips> {
  const recorded = [...new Set(clips.words)].filter((word) => word !== "silence").sort();
  if (!existsSync(spokenPath)) {
    const words = [...vocabulary, ...recorded].join(",");
    const rest = ["--unknown", "0", "--silence", "0", "--seed", "1", "--quiet"];
    kws("data", "synth", "--words", words, "--count", String(clipsPerWord), ...rest, "-o", spokenPath);
  }
  const forwards = joinClips([clips, await loadClips([spokenPath], { seed: 1 })]);
  const speech = [...forwards.labels.keys()].filter((row) => forwards.words![row] !== "silence");
  return joinClips([forwards, backwards(selectClips(forwards, Int32Array.from(speech)))]);
}

function backwards(clips: Clips): Clips {
  const { count, clipLength } = clips.samples;
  const samples = new Int16Array(count * clipLength);
  const clip = new Float32Array(clipLength);
  for (let row = 0; row < count; row++) {
    clips.samples.read(row, clip);
    samples.set(
      clip.reverse().map((value) => value * 32768),
      row * clipLength,
    );
  }
  const named = (names: readonly string[] | undefined) => names?.map((name) => `backwards ${name}`);
  return {
    ...clips,
    samples: SampleStore.of(clipLength, [samples]),
    labels: named(clips.labels)!,
    words: named(clips.words)!,
  };
}
