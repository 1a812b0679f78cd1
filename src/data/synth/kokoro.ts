import type { ChildProcess } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join, resolve } from "node:path";
import { z } from "zod";
import type { Audio } from "../../audio/clip.js";
import { describeSystemError, UserError, usageError } from "../../base/errors.js";
import { Random } from "../../base/random.js";
import { startProcess } from "../../base/workers.js";
import { ipa } from "./espeak.js";
import type { KokoroAnswer, KokoroTask } from "./kokoro-process.js";

/** A speaker of Kokoro: one of its English voices, or a mixture of one and another voice. */
export interface KokoroVoice {
  /** The voice that also determines the accent. */
  readonly first: string;
  readonly second: string;
  /** Share of the first voice. */
  readonly percent: number;
}

/** Rate of Kokoro's output, Hz. */
const sampleRate = 24_000;
/** Length of a style vector. */
const styleSize = 256;
const usualSpeakers = 200;
const expected = "expected Kokoro's model, an .onnx file";

/**
 * Speaks with Kokoro (https://huggingface.co/hexgrad/Kokoro-82M), a neural model of 82 million parameters, in processes of
 * its own. The model's folder, or the one above, holds its `voices/*.bin` and its vocabulary: a `tokenizer.json`
 * (Transformers.js) or Kokoro's own `config.json`, which may be called `vocab.json`.
 */
export class Kokoro {
  private readonly model: string;
  private readonly folder: string;
  private readonly tokens: Readonly<Record<string, number>>;
  private readonly styles = new Map<string, Float32Array>();
  private readonly pronunciations = new Map<string, string>();
  private processes: KokoroProcess[] = [];
  private asked = 0;

  /** @throws UserError if the model, its voices or its vocabulary are missing */
  constructor(model: string) {
    this.model = model;
    if (!existsSync(model)) throw new UserError(`${model} does not exist: ${expected}`);
    if (!statSync(model).isFile()) throw new UserError(`${model} is not a file: ${expected}`);
    const own = dirname(resolve(model));
    const near = [own, dirname(own)];
    const folder = near.map((each) => join(each, "voices")).find(existsSync);
    if (folder === undefined)
      throw new UserError(
        `${own} has no voices: expected voices/*.bin and tokenizer.json beside Kokoro's model, or in the folder above`,
      );
    this.folder = folder;
    this.tokens = readTokens(near);
  }

  /**
   * Returns the first `count` speakers of a fixed order: each English voice by itself, then mixtures of an English voice
   * with any other, each pair once, in shares from a fifth to four fifths. A mixture sounds like another person.
   *
   * @param count default: 200, or all if there are fewer
   * @throws UserError if there is no English voice, or fewer speakers than `count`
   */
  voices(count?: number): { id: string; voice: KokoroVoice }[] {
    let names: string[];
    try {
      names = readdirSync(this.folder);
    } catch (error) {
      throw describeSystemError(error, "read", this.folder);
    }
    names = names.flatMap((name) => /^(\w+)\.bin$/.exec(name)?.[1] ?? []).sort();
    // The first letters stand for the language (American or British English) and the sex.
    const english = names.filter((name) => /^[ab][fm]_/.test(name));
    if (english.length === 0)
      throw new UserError(`${this.folder} has no English voice of Kokoro, such as af_heart.bin`);
    const pairs = english.flatMap((first, i) =>
      names.filter((second) => !english.slice(0, i + 1).includes(second)).map((second) => [first, second]),
    );
    const most = english.length + pairs.length;
    const wanted = count ?? Math.min(usualSpeakers, most);
    if (!Number.isSafeInteger(wanted) || wanted < 1 || wanted > most)
      throw usageError(`--kokoro-speakers: expected 1 to ${most}, found ${wanted}`);
    const random = new Random(1, "kokoro speakers");
    const mixtures = random.shuffle(pairs).map(([a, b]): KokoroVoice => {
      const swapped = english.includes(b!) && random.uniform() < 0.5;
      const [first, second] = swapped ? [b!, a!] : [a!, b!];
      return { first, second, percent: 20 + random.integer(61) };
    });
    const alone = english.map((name): KokoroVoice => ({ first: name, second: name, percent: 100 }));
    return [...alone, ...mixtures].slice(0, wanted).map((voice) => {
      const { first, second, percent } = voice;
      return { id: `kokoro-${percent === 100 ? first : `${first}-${percent}-${second}`}`, voice };
    });
  }

  /**
   * Speaks a text: one channel at 24 kHz. The same model, text, voice and speed give the same samples, up to rounding on
   * another processor.
   *
   * @param speed 1 is the voice's own, 2 takes half as long
   * @throws UserError if ONNX Runtime is not installed or cannot read the model, or the text has no known token or too many
   */
  async speak(text: string, voice: KokoroVoice, speed: number): Promise<Audio> {
    const mark = /[.,!?]$/.exec(text)?.[0] ?? "";
    const spelt = await this.spelling(text.slice(0, text.length - mark.length), voice.first);
    const tokens = [...spelt, ...mark].flatMap((token) => this.tokens[token] ?? []);
    const styles = this.stylesOf(voice.first).length / styleSize;
    if (tokens.length <= mark.length || tokens.length > styles)
      throw new UserError(
        `Kokoro cannot say "${text}": expected 1 to ${styles} of its tokens, found ${tokens.length}`,
      );
    const style = this.styleOf(voice, tokens.length - 1);
    if (this.processes.length === 0) {
      const count = Math.min(availableParallelism(), mostProcesses);
      this.processes = Array.from({ length: count }, () => new KokoroProcess(this.model));
    }
    const process = this.processes[this.asked++ % this.processes.length]!;
    return { sampleRate, channels: [await process.speak({ tokens, style, speed })] };
  }

  /** Ends the processes and frees their memory. */
  end(): void {
    for (const process of this.processes.splice(0)) process.end();
  }

  /** Computes a mixture's style for a text of `row` + 1 tokens, `[styleSize]`. */
  private styleOf({ first, second, percent }: KokoroVoice, row: number): Float32Array {
    const [a, b] = [this.stylesOf(first), this.stylesOf(second)];
    const [start, end] = [row * styleSize, (row + 1) * styleSize];
    if (b.length < end)
      throw new UserError(
        `${second}: expected at least ${end / styleSize} styles, as ${first} has, found ${b.length / styleSize}`,
      );
    return a.slice(start, end).map((value, i) => (value * percent + b[start + i]! * (100 - percent)) / 100);
  }

  /** Reads a voice's styles, `[tokens, styleSize]`, one for each possible number of tokens in a text. */
  private stylesOf(name: string): Float32Array {
    const path = join(this.folder, `${name}.bin`);
    const styles = this.styles.get(name) ?? readStyles(path);
    this.styles.set(name, styles);
    return styles;
  }

  private async spelling(text: string, voice: string): Promise<string> {
    const accent = voice.startsWith("b") ? "en-gb" : "en-us";
    const key = `${accent} ${text}`;
    const spelt = this.pronunciations.get(key) ?? kokoroSpelling(await ipa(text, accent), accent);
    this.pronunciations.set(key, spelt);
    return spelt;
  }
}

type Spellings = readonly (readonly [espeak: string, kokoro: string])[];
const everywhere: Spellings = [
  ["aɪ", "I"],
  ["aʊ", "W"],
  ["eɪ", "A"],
  ["ɔɪ", "Y"],
  ["dʒ", "ʤ"],
  ["tʃ", "ʧ"],
  ["əl", "ᵊl"],
  ["ʔn\u0329", "tᵊn"],
  ["ʔ", "t"],
  ["ɚ", "əɹ"],
  ["r", "ɹ"],
  ["x", "k"],
  ["ç", "k"],
  ["ɐ", "ə"],
  ["ɬ", "l"],
];
const british: Spellings = [
  ["eə", "ɛː"],
  ["iə", "ɪə"],
  ["əʊ", "Q"],
];
const american: Spellings = [
  ["oʊ", "O"],
  ["ɜːɹ", "ɜɹ"],
  ["ɜː", "ɜɹ"],
  ["ɪə", "iə"],
  ["ː", ""],
  ["o", "ɔ"],
];

/** Converts espeak-ng's phonemes to those that Kokoro was trained with, as its misaki does (github.com/hexgrad/misaki). */
export function kokoroSpelling(phonemes: string, accent: "en-us" | "en-gb"): string {
  return [...everywhere, ...(accent === "en-gb" ? british : american)]
    .reduce((text, [espeak, kokoro]) => text.replaceAll(espeak, kokoro), phonemes)
    .replace(/(\S)\u0329/g, "ᵊ$1"); // syllabic consonants
}

const vocabulary = z.record(z.string(), z.int().min(0));
const description = z.union([
  z.object({ model: z.object({ vocab: vocabulary }) }).transform(({ model }) => model.vocab),
  z.object({ vocab: vocabulary }).transform(({ vocab }) => vocab),
]);
const descriptions = ["tokenizer.json", "config.json", "vocab.json"];

/** Reads the ids of the tokens from the first file that has them; the `config.json` of Transformers.js has none. */
function readTokens(folders: readonly string[]): Readonly<Record<string, number>> {
  const paths = folders.flatMap((folder) => descriptions.map((name) => join(folder, name)));
  for (const path of paths.filter(existsSync)) {
    let content: unknown;
    try {
      content = JSON.parse(readFileSync(path, "utf8"));
    } catch (error) {
      throw new UserError(`${path}: expected Kokoro's vocabulary in JSON`, { cause: error });
    }
    const { data } = description.safeParse(content);
    if (data !== undefined) return data;
  }
  throw new UserError(
    `${folders[0]}: expected Kokoro's vocabulary in ${descriptions.join(", ")}, there or in the folder above`,
  );
}

function readStyles(path: string): Float32Array {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw describeSystemError(error, "read", path);
  }
  const values = bytes.length / 4;
  if (values === 0 || values % styleSize !== 0)
    throw new UserError(
      `${path}: expected rows of ${styleSize} float32, the styles of a voice of Kokoro, found ${bytes.length} bytes`,
    );
  return Float32Array.from({ length: values }, (_, i) => bytes.readFloatLE(4 * i));
}

/** Each process loads the model, 0.3 GB. */
const mostProcesses = 4;

/**
 * One process, which answers in the order of its tasks. It is not a thread: ending a thread that is in ONNX Runtime, as on
 * Ctrl-C, aborts the whole program.
 */
class KokoroProcess {
  private readonly child: ChildProcess;
  private readonly waiting: { resolve: (samples: Float32Array) => void; reject: (error: unknown) => void }[] =
    [];
  private failure: unknown;

  constructor(model: string) {
    this.child = startProcess(new URL("./kokoro-process.js", import.meta.url), [model], {
      serialization: "advanced",
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    this.child.on("message", (answer: KokoroAnswer) => {
      const { resolve, reject } = this.waiting.shift()!;
      if ("samples" in answer) resolve(answer.samples);
      else reject(answer.byUser ? new UserError(answer.error) : new Error(answer.error));
    });
    this.child.on("error", (error) => this.fail(error));
    this.child.on("exit", (code, signal) =>
      this.fail(new UserError(`the process in which Kokoro speaks ended with ${signal ?? `code ${code}`}`)),
    );
  }

  speak(task: KokoroTask): Promise<Float32Array> {
    return new Promise((resolve, reject) => {
      if (this.failure !== undefined) return reject(this.failure);
      this.waiting.push({ resolve, reject });
      this.child.send(task, (error) => error && this.fail(error));
    });
  }

  end(): void {
    this.child.kill("SIGKILL");
  }

  private fail(error: unknown): void {
    this.failure ??= error;
    for (const { reject } of this.waiting.splice(0)) reject(this.failure);
  }
}
