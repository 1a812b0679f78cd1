import { existsSync, readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { Worker } from "node:worker_threads";
import { UserError, usageError } from "../../errors.js";
import { Random } from "../../random.js";
import { startWorker } from "../../worker.js";
import type { Audio } from "../wav.js";
import { ipa } from "./espeak.js";
import type { KokoroAnswer, KokoroTask } from "./kokoro-worker.js";

/** Somebody who speaks by Kokoro (https://huggingface.co/hexgrad/Kokoro-82M): one of its English voices, or a mixture of two. */
export interface KokoroVoice {
  /** The model, `….onnx`; its voices and its symbols lie beside it, or a folder above it. */
  readonly model: string;
  /** Accent, in espeak-ng's words: that of the first of the two. */
  readonly accent: "en-us" | "en-gb";
  /** Styles `[lengths, styleSize]`, row after row: one for each number of symbols that a text may have. */
  readonly styles: Float32Array;
}

/** What it says, in Hz. */
const sampleRate = 24_000;
const styleSize = 256;

/**
 * The first `count` speakers of a fixed order: each English voice by itself, then mixtures of an English one with any other, in
 * shares between a fifth and four fifths. What lies between two voices is the voice of somebody else.
 *
 * @throws UserError where the model, its voices or its symbols are not there
 */
export function kokoroVoices(model: string, count: number): { id: string; voice: KokoroVoice }[] {
  if (!existsSync(model))
    throw new UserError(`${model} is not there: expected Kokoro's model, an .onnx file`);
  const folder = join(besideModel(model, ["voices"]), "voices");
  symbolsOf(model);
  const names = readdirSync(folder)
    .filter((name) => name.endsWith(".bin"))
    .map((name) => name.slice(0, -4))
    .sort();
  // The first letter is the language's: American and British English.
  const english = names.filter((name) => /^[ab]/.test(name));
  if (english.length === 0)
    throw new UserError(`${folder} has no English voice of Kokoro, such as af_heart.bin`);
  // Half of the mixtures in whole percents: drawn at random, the rest would be long in coming.
  const most = english.length * (1 + 30 * (names.length - 1));
  if (!Number.isSafeInteger(count) || count < 1 || count > most)
    throw usageError(`expected 1 to ${most} speakers of Kokoro, found ${count}`);
  const read = new Map<string, Float32Array>();
  const stylesOf = (name: string) => {
    const styles = read.get(name) ?? readStyles(join(folder, `${name}.bin`));
    read.set(name, styles);
    return styles;
  };
  const speakers = new Map<string, KokoroVoice>();
  const add = (id: string, name: string, styles: Float32Array) =>
    speakers.set(`kokoro-${id}`, { model, accent: name.startsWith("b") ? "en-gb" : "en-us", styles });
  for (const name of english.slice(0, count)) add(name, name, stylesOf(name));
  for (let i = 0; speakers.size < count; i++) {
    const random = new Random(i, "kokoro speaker");
    const first = random.pick(english);
    const second = random.pick(names.filter((name) => name !== first));
    const percent = 20 + random.integer(61);
    const [a, b] = [stylesOf(first), stylesOf(second)];
    const mixed = Float32Array.from(a, (value, j) => (value * percent + (b[j] ?? 0) * (100 - percent)) / 100);
    add(`${first}-${percent}-${second}`, first, mixed);
  }
  return [...speakers].map(([id, voice]) => ({ id, voice }));
}

/**
 * Speaks a text. The same model, text, voice and speed give the same samples, but for what another processor rounds otherwise.
 *
 * @param speed 1 is the voice's own
 */
export async function kokoroSpeak(
  text: string,
  { model, accent, styles }: KokoroVoice,
  speed: number,
): Promise<Audio> {
  const symbols = symbolsOf(model);
  const mark = /[.,!?]$/.exec(text)?.[0] ?? "";
  const spelling = [...(await pronunciation(text, accent)), ...mark];
  const signs = spelling.flatMap((sign) => symbols[sign] ?? []);
  const row = Math.min(Math.max(signs.length - 1, 0), styles.length / styleSize - 1);
  const style = styles.slice(row * styleSize, (row + 1) * styleSize);
  return { sampleRate, channels: [await threadsOf(model).speak({ signs, style, speed })] };
}

const pronunciations = new Map<string, Promise<string>>();

/** In the signs that Kokoro was trained with, which write diphthongs and affricates as one (its documentation, EN_PHONES.md). */
function pronunciation(text: string, accent: KokoroVoice["accent"]): Promise<string> {
  const words = text.replace(/[.,!?]$/, "");
  const key = `${accent} ${words}`;
  const known = pronunciations.get(key) ?? ipa(words, accent).then(asKokoroWrites);
  pronunciations.set(key, known);
  return known;
}

const spellings: readonly (readonly [espeak: string, kokoro: string])[] = [
  ["eɪ", "A"],
  ["aɪ", "I"],
  ["aʊ", "W"],
  ["ɔɪ", "Y"],
  ["oʊ", "O"],
  ["əʊ", "Q"],
  ["dʒ", "ʤ"],
  ["tʃ", "ʧ"],
  ["ɚ", "əɹ"],
  ["ɐ", "ə"],
  ["ː", ""],
  ["r", "ɹ"],
  ["x", "k"],
];

function asKokoroWrites(phonemes: string): string {
  return spellings.reduce((text, [espeak, kokoro]) => text.replaceAll(espeak, kokoro), phonemes);
}

/** The folder of the model, or the one above it, that holds one of the names. */
function besideModel(model: string, names: readonly string[]): string {
  const own = dirname(resolve(model));
  const folder = [own, dirname(own)].find((each) => names.some((name) => existsSync(join(each, name))));
  if (folder !== undefined) return folder;
  throw new UserError(
    `${own} lacks ${names.join(" or ")}: beside Kokoro's model, or a folder above it, expected voices/ and tokenizer.json`,
  );
}

const vocabularies = new Map<string, Readonly<Record<string, number>>>();
const descriptions = ["tokenizer.json", "config.json", "vocab.json"];

/** The numbers of the signs, by `tokenizer.json` (Transformers.js) or Kokoro's own `config.json`. */
function symbolsOf(model: string): Readonly<Record<string, number>> {
  const known = vocabularies.get(model);
  if (known !== undefined) return known;
  const folder = besideModel(model, descriptions);
  for (const path of descriptions.map((name) => join(folder, name)).filter(existsSync)) {
    let found: { model?: { vocab?: Record<string, number> }; vocab?: Record<string, number> };
    try {
      found = JSON.parse(readFileSync(path, "utf8"));
    } catch (error) {
      throw new UserError(`${path}: expected the numbers of Kokoro's symbols in JSON`, { cause: error });
    }
    const symbols = found.model?.vocab ?? found.vocab;
    // Transformers.js keeps a config.json beside its tokenizer that has none.
    if (symbols === undefined) continue;
    vocabularies.set(model, symbols);
    return symbols;
  }
  throw new UserError(`${folder}: expected the numbers of Kokoro's symbols in ${descriptions.join(" or ")}`);
}

function readStyles(path: string): Float32Array {
  const bytes = readFileSync(path);
  const values = bytes.length / 4;
  if (values === 0 || values % styleSize !== 0)
    throw new UserError(
      `${path}: expected rows of ${styleSize} float32, the styles of a voice of Kokoro, found ${bytes.length} bytes`,
    );
  return Float32Array.from({ length: values }, (_, i) => bytes.readFloatLE(4 * i));
}

const threads = new Map<string, KokoroThreads>();

function threadsOf(model: string): KokoroThreads {
  const known = threads.get(model) ?? new KokoroThreads(model);
  threads.set(model, known);
  return known;
}

/** Each holds the model, so that more would cost memory: 0.4 GB each. */
const mostThreads = 4;

/** Threads that speak in turn. They end with the process, and do not keep it. */
class KokoroThreads {
  private readonly workers: Worker[];
  private readonly waiting = new Map<
    number,
    { resolve: (samples: Float32Array) => void; reject: (error: unknown) => void }
  >();
  private asked = 0;

  constructor(model: string) {
    this.workers = Array.from({ length: Math.min(availableParallelism(), mostThreads) }, () => {
      const worker = startWorker(new URL("./kokoro-worker.js", import.meta.url), { workerData: { model } });
      worker.on("message", (answer: KokoroAnswer) => this.answered(answer));
      worker.on("error", (error) => {
        for (const { reject } of this.waiting.values()) reject(error);
        this.waiting.clear();
      });
      worker.unref();
      return worker;
    });
  }

  speak(task: Omit<KokoroTask, "number">): Promise<Float32Array> {
    const number = this.asked++;
    const worker = this.workers[number % this.workers.length]!;
    worker.ref(); // somebody waits
    return new Promise((resolve, reject) => {
      this.waiting.set(number, { resolve, reject });
      worker.postMessage({ ...task, number } satisfies KokoroTask);
    });
  }

  private answered(answer: KokoroAnswer): void {
    const { resolve, reject } = this.waiting.get(answer.number)!;
    this.waiting.delete(answer.number);
    if (this.waiting.size === 0) for (const worker of this.workers) worker.unref();
    if ("samples" in answer) resolve(answer.samples);
    else reject(answer.mendable ? new UserError(answer.error) : new Error(answer.error));
  }
}
