import { UserError, usageError } from "../../../base/errors.js";
import { Random } from "../../../base/random.js";
import type { Part } from "../../clips.js";
import { COURSE_LABELS, isWord, mendLabel, SILENCE, UNKNOWN } from "../../labels.js";
import { officialPart } from "../../split.js";
import { indicesByKey } from "../../stratify.js";
import { type ClipFile, labelOf, noiseFolder, speakerOf } from "../layout.js";

/** One clip of the new data set, and the source of its sound. */
export interface PlannedClip {
  readonly label: string;
  readonly word: string;
  /** Empty if the file's name has none. */
  readonly speaker: string;
  readonly part: Part;
  /** The WAV file, relative to the folder. */
  readonly file: string;
  /** The second from sample `start` on (at the file's rate), at this volume; if absent, the whole file. */
  readonly cut?: { readonly start: number; readonly volume: number };
}

/** A recording of noise. */
export interface Noise {
  readonly file: ClipFile;
  /** Hz. */
  readonly sampleRate: number;
  /** Samples. */
  readonly length: number;
}

export interface ImportPlan {
  /** Shuffled. */
  readonly clips: readonly PlannedClip[];
  readonly labels: readonly string[];
  /** Notes on what could not be done as intended. */
  readonly notes: readonly string[];
}

/** Number of `unknown` clips, and of `silence` clips, as a fraction of the word clips. */
const extraShare = 0.1;
/** Number of stretches of each recording of noise; the last but one is for validation, the last for the test. */
const stretches = 10;

const parts: readonly Part[] = ["train", "val", "test"];

/**
 * Plans the official task for any labels (`prepare_data_index` in TensorFlow's
 * `examples/speech_commands/input_data.py`; Warden, arXiv:1804.03209).
 *
 * It has all clips of the words and, in each part, a tenth of their number (rounded up) each of `unknown` and `silence`.
 * `unknown` is drawn from all other words. `silence` is seconds cut from the recordings of noise at random places and
 * volumes. If the folder has clips of `unknown` or `silence`, those are used instead.
 *
 * The official code cuts noise for training and test from the same stretches; here each part has its own.
 *
 * @param listed the part of each file by the official lists, others being for training; undefined for parts by the hash
 *   of the speaker
 * @param options.labels default: the twelve of the course
 * @throws UserError if the folder lacks what a label needs; (exit 2) for labels that are empty, given twice, or no words
 */
export function planImport(
  files: readonly ClipFile[],
  listed: ReadonlyMap<string, Part> | undefined,
  noises: readonly Noise[],
  { path, labels: chosen = COURSE_LABELS, seed }: { path: string; labels?: readonly string[]; seed: number },
): ImportPlan {
  const labels = checkLabels(chosen.map(mendLabel));
  const spoken = files.filter(({ folder }) => folder !== noiseFolder);
  const byLabel = indicesByKey(spoken.map(({ folder }) => labelOf(folder)));
  const isMade = (label: string) => !isWord(label) && !byLabel.has(label);
  const missing = labels.filter((label) => !byLabel.has(label) && !isMade(label));
  if (missing.length > 0) {
    const found = [...byLabel.keys()].sort().join(", ") || "none";
    throw new UserError(
      `${path} has no folder for ${missing.join(", ")}: expected one for each label, found ${found}`,
    );
  }

  const clipOf = (file: ClipFile, label: string): PlannedClip => ({
    label,
    word: labelOf(file.folder),
    speaker: speakerOf(file.base) ?? "",
    part: listed === undefined ? officialPart(hashedName(file)) : (listed.get(file.name) ?? "train"),
    file: file.name,
  });
  const clips = labels.flatMap((label) => (byLabel.get(label) ?? []).map((i) => clipOf(spoken[i]!, label)));
  const wordCount = (part: Part) => clips.filter((clip) => clip.part === part && isWord(clip.label)).length;
  const wanted = parts.map((part) => ({ part, count: Math.ceil(extraShare * wordCount(part)) }));
  const notes: string[] = [];

  if (labels.some((label) => label === UNKNOWN && isMade(label))) {
    const others = [...byLabel]
      .filter(([word]) => !labels.includes(word) && word !== SILENCE)
      .flatMap(([, indices]) => indices.map((i) => clipOf(spoken[i]!, UNKNOWN)));
    if (others.length === 0)
      throw new UserError(`${path} has no folders of other words, which "unknown" is made of`);
    for (const { part, count } of wanted) {
      const there = others.filter((clip) => clip.part === part);
      const drawn = new Random(seed, "import", UNKNOWN, part).shuffle(there).slice(0, count);
      if (drawn.length < count)
        notes.push(
          `${count} clips of unknown were wanted for ${part}, but the other words have ${drawn.length}`,
        );
      clips.push(...drawn);
    }
  }
  if (labels.some((label) => label === SILENCE && isMade(label))) {
    const usable = usableNoises(noises, path, notes);
    for (const { part, count } of wanted) {
      const random = new Random(seed, "import", SILENCE, part);
      for (let i = 0; i < count; i++) clips.push(silence(random.pick(usable), part, random));
    }
  }
  return { clips: new Random(seed, "import", "order").shuffle(clips), labels, notes };
}

function checkLabels(labels: readonly string[]): readonly string[] {
  const twice = labels.find((label, i) => labels.indexOf(label) !== i);
  if (twice !== undefined) throw usageError(`--labels: "${twice}" is asked for twice`);
  if (labels.includes("")) throw usageError("--labels: an empty label is asked for");
  if (!labels.some(isWord))
    throw usageError("--labels: at least one word was expected beside unknown and silence");
  return labels;
}

/** Returns the text that the official hash is computed of: the file's name up to `_nohash_`, if it has that. */
function hashedName({ name, folder }: ClipFile): string {
  return name.slice(folder.length + 1).replace(/_nohash_.*$/, "");
}

function usableNoises(noises: readonly Noise[], path: string, notes: string[]): readonly Noise[] {
  if (noises.length === 0)
    throw new UserError(`${path} has no ${noiseFolder} with WAV files, which "silence" is cut from`);
  const usable = noises.filter(({ length, sampleRate }) => length >= stretches * sampleRate);
  const short = noises.filter((noise) => !usable.includes(noise)).map(({ file }) => file.name);
  const why = `noise must last at least ${stretches} s, as each part is cut from stretches of its own`;
  if (usable.length === 0)
    throw new UserError(`${path}: ${why}; the recordings in ${noiseFolder} are all shorter`);
  if (short.length > 0) notes.push(`${short.join(", ")}: too short, left out; ${why}`);
  return usable;
}

function silence({ file, sampleRate, length }: Noise, part: Part, random: Random): PlannedClip {
  const stretch = { train: random.integer(stretches - 2), val: stretches - 2, test: stretches - 1 }[part];
  const from = Math.floor((stretch * length) / stretches);
  const to = Math.floor(((stretch + 1) * length) / stretches);
  return {
    label: SILENCE,
    word: SILENCE,
    speaker: `bg_${file.base}_${String(stretch).padStart(2, "0")}`,
    part,
    file: file.name,
    cut: { start: from + random.integer(to - from - sampleRate + 1), volume: random.uniform() },
  };
}
