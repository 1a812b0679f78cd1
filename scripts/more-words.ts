/**
 * More words for a model to learn speech from (docs/results.md), each a label of its own: spoken by espeak-ng, in which it
 * hears sounds in orders that few recordings have, and every word time-reversed, which makes another word of it.
 */
import { existsSync, rmSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import type { Clips } from "../src/data/clips.js";
import { SILENCE } from "../src/data/labels.js";
import { joinClips, loadClips, selectClips } from "../src/data/load.js";
import { SampleStoreBuilder } from "../src/data/sample-store.js";

/** Runs a command of `kws` and returns what it says with `--json`. */
export type Kws = (...args: readonly string[]) => Record<string, unknown>;

/** The model that learns them. */
export const manyWordsModel = { model: "matchboxnet", width: 1.15 };

/** Common words. `bed`, `cat` and `happy` are not among them: the transfer learns those from few clips. */
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

/**
 * The clips; then their words and the common ones, spoken; then all of these but `silence`, time-reversed, with the speakers
 * that they had. They have no official parts.
 *
 * @param clips labelled with the words that they say
 * @param spokenPath the .npz that keeps what is spoken; one that holds other words is replaced
 */
export async function withMoreWords(clips: Clips, spokenPath: string, kws: Kws): Promise<Clips> {
  const recorded = clips.labels.filter((label) => label !== SILENCE);
  const words = [...vocabulary, ...[...new Set(recorded)].sort()];
  const forwards = joinClips([clips, await spoken([...new Set(words)], clips.sampleRate, spokenPath, kws)]);
  const speech = [...forwards.labels.keys()].filter((row) => forwards.labels[row] !== SILENCE);
  return joinClips([forwards, reversed(selectClips(forwards, Int32Array.from(speech)))]);
}

/** Clips of the words, each by as many of espeak-ng's voices. */
async function spoken(words: readonly string[], sampleRate: number, path: string, kws: Kws): Promise<Clips> {
  if (existsSync(path)) {
    const clips = await loadClips([path], { seed: 1 });
    const wanted = words.flatMap((word) => new Array<string>(clipsPerWord).fill(word));
    if (clips.sampleRate === sampleRate && isDeepStrictEqual([...clips.labels].sort(), wanted.sort()))
      return clips;
    rmSync(path);
  }
  const rest = ["--unknown", "0", "--silence", "0", "--seed", "1", "--quiet", "--rate", String(sampleRate)];
  kws("data", "synth", "--words", words.join(","), "--count", String(clipsPerWord), ...rest, "-o", path);
  return loadClips([path], { seed: 1 });
}

function reversed(clips: Clips): Clips {
  const { count, clipLength } = clips.samples;
  const builder = new SampleStoreBuilder(clipLength);
  const wave = new Float32Array(clipLength);
  for (let row = 0; row < count; row++) {
    clips.samples.read(row, wave);
    builder.append(wave.reverse());
  }
  const labels = clips.labels.map((label) => `backwards ${label}`);
  return {
    ...clips,
    samples: builder.finish("reversed speech"),
    labels,
    ...(clips.words && { words: labels }),
  };
}
