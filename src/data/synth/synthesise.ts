import { UserError, usageError } from "../../base/errors.js";
import { Random } from "../../base/random.js";
import { gainFromDecibels, rms, scale } from "../../dsp/level.js";
import { knocks, mainsHum, powerLawNoise } from "../../dsp/noise.js";
import { resample } from "../../dsp/resample.js";
import type { Clips } from "../clips.js";
import { isWord, SILENCE, UNKNOWN } from "../labels.js";
import { SampleStore } from "../sample-store.js";
import { mapParallel } from "./parallel.js";
import { chooseAllSpeakers, type Speaker, usualSpeed } from "./speakers.js";
import { otherWords } from "./words.js";

export interface SynthOptions {
  /** The words or short phrases to recognise; each is a label. */
  readonly words: readonly string[];
  /** Default: 200. */
  readonly clipsPerWord?: number;
  /** Number of clips of other words, labelled `unknown`. Default: clipsPerWord. */
  readonly unknownClips?: number;
  /** The other words. Default: common ones and the single words of phrases. */
  readonly unknownWords?: readonly string[];
  /** Number of clips of noise, labelled `silence`. Default: clipsPerWord. */
  readonly silenceClips?: number;
  /** Number of espeak-ng's speakers; 0 only if there are others. Default: 72. */
  readonly speakers?: number;
  /** Voice models of piper (`.onnx`); all their speakers take part. */
  readonly piperVoices?: readonly string[];
  /**
   * Kokoro's model (`.onnx`), with its voices and vocabulary beside it or in the folder above, and the number of voices and
   * mixtures of two that take part. Default: 200, or all if there are fewer.
   */
  readonly kokoro?: { readonly model: string; readonly speakers?: number };
  /** Hz; a clip is one second. Default: 8000. */
  readonly sampleRate?: number;
  /** Default: 42. The same seed, version of espeak-ng and model of Kokoro give the same clips; piper draws at random. */
  readonly seed?: number;
  /** Called with the number of clips made and their total. */
  readonly onProgress?: (done: number, total: number) => void;
}

interface Job {
  readonly label: string;
  /** Undefined for silence. */
  readonly word: string | undefined;
  readonly speaker: Speaker;
  /** A stream of its own, so that more clips or other words do not change the rest. */
  readonly random: Random;
}

/**
 * Synthesises training data for words that were never recorded, with the installed espeak-ng, and with piper and Kokoro if
 * voices of theirs are given.
 *
 * Speakers take turns at each word. Speed, pitch, intonation, level, the position of the word in the second (it is always
 * complete) and the background vary from clip to clip. The background is noise between white and brown, sometimes with hum
 * or knocks, 15 to 40 dB below the word. Clips of silence are such backgrounds; they have speaker names too, so that a split
 * by speaker distributes them like words. Rows are shuffled.
 *
 * @throws UserError if espeak-ng, or another program or model that is needed, is missing, or a word takes longer than a
 *   second; (exit 2) for options out of their range
 */
export async function synthesize(options: SynthOptions): Promise<Clips> {
  const { clipsPerWord = 200, sampleRate = 8000, seed = 42, onProgress } = options;
  const { unknownClips = clipsPerWord, silenceClips = clipsPerWord } = options;
  const words = checkWords(options.words);
  checkSpeakable(options.unknownWords ?? []);
  requireCount("clipsPerWord", clipsPerWord, 1);
  requireCount("unknownClips", unknownClips, 0);
  requireCount("silenceClips", silenceClips, 0);
  if (!Number.isSafeInteger(sampleRate) || sampleRate < 4000 || sampleRate > 48000) {
    throw usageError(`sampleRate must be a whole number from 4000 to 48000 Hz, got ${sampleRate}`);
  }

  const { speakers, end } = await chooseAllSpeakers({
    espeak: options.speakers ?? 72,
    piperModels: options.piperVoices,
    kokoro: options.kokoro,
  });
  const unknown = unknownClips > 0 ? await otherWords(words, options.unknownWords) : [];
  new Random(seed, "synth", "unknown words").shuffle(unknown);
  const jobs: Job[] = [];
  const plan = (label: string, count: number, wordOf: (i: number) => string | undefined) => {
    for (let i = 0; i < count; i++) {
      const speaker = speakers[i % speakers.length]!;
      jobs.push({ label, word: wordOf(i), speaker, random: new Random(seed, "synth", label, i) });
    }
  };
  for (const word of words) plan(word, clipsPerWord, () => word);
  plan(UNKNOWN, unknownClips, (i) => unknown[i % unknown.length]);
  plan(SILENCE, silenceClips, () => undefined);
  new Random(seed, "synth", "order").shuffle(jobs);

  let done = 0;
  const rows = await mapParallel(jobs, async (job) => {
    const clip = await makeClip(job, sampleRate);
    onProgress?.(++done, jobs.length);
    return clip;
  }).finally(end);
  return {
    sampleRate,
    samples: SampleStore.of(sampleRate, rows),
    labels: jobs.map((job) => job.label),
    speakers: jobs.map((job) => job.speaker.id),
    words: jobs.map((job) => job.word ?? job.label),
    rows: Int32Array.from(jobs.keys()),
    sources: [],
  };
}

/** Makes one second of a word or of silence, `[sampleRate]`. */
async function makeClip({ word, speaker, random }: Job, sampleRate: number): Promise<Int16Array> {
  const clip = background(sampleRate, random);
  let noiseRms: number;
  if (word === undefined) {
    noiseRms = gainFromDecibels(random.between(-75, -20));
    scale(clip, noiseRms);
  } else {
    const spoken = await spokenWord(word, speaker, sampleRate, random);
    scale(spoken, gainFromDecibels(random.between(-14, -2)) / peak(spoken));
    noiseRms = rms(spoken) / gainFromDecibels(random.between(15, 40));
    scale(clip, noiseRms);
    // Most people start to speak when told to, so words are near the middle.
    const room = clip.length - spoken.length;
    const start = Math.round(Math.min(room, Math.max(0, room / 2 + random.between(-0.2, 0.2) * sampleRate)));
    for (let i = 0; i < spoken.length; i++) clip[start + i]! += spoken[i]!;
  }
  const tooLoud = peak(clip) / 0.98;
  if (tooLoud > 1) {
    scale(clip, 1 / tooLoud);
    noiseRms /= tooLoud;
  }
  // Bits far below the noise carry no information, and noise does not compress. Rounding to a step of at most the noise's
  // RMS adds noise at least 10.8 dB below it, and halves the size of files.
  const step = 2 ** Math.max(0, Math.floor(Math.log2(noiseRms * 32768)));
  return Int16Array.from(clip, (sample) => Math.round((sample * 32768) / step) * step);
}

// Relative to the usual pace.
const slowest = 90 / usualSpeed;
const fastest = 170 / usualSpeed;
const fastestOfAll = 450 / usualSpeed; // the maximum of espeak-ng
const edge = 0.02; // seconds kept around a word

/** Speaks a word, at most a clip long, without the silence around it. */
async function spokenWord(
  word: string,
  speaker: Speaker,
  sampleRate: number,
  random: Random,
): Promise<Float32Array> {
  // Punctuation changes the intonation.
  const text = word + random.pick(["", ".", "!", "?", ","]);
  const pitch = Math.round(random.between(...speaker.pitch));
  for (let pace = random.between(slowest, fastest); ; ) {
    const { channels, sampleRate: rate } = await speaker.say(text, pace, pitch);
    // A multiple of 50 Hz has a small ratio to the usual rates.
    const played = Math.round(rate / speaker.tract / 50) * 50;
    const sound = trimmed(resample(channels[0]!, played, sampleRate), sampleRate);
    if (sound.length === 0) throw new UserError(`${speaker.program} says nothing for "${word}"`);
    if (sound.length <= sampleRate) return sound;
    if (pace >= fastestOfAll) {
      const seconds = (Math.ceil((100 * sound.length) / sampleRate) / 100).toFixed(2); // never 1.00
      throw new UserError(
        `"${word}" must fit into a clip of one second, but even spoken fast it takes ${seconds} s`,
      );
    }
    pace = Math.min(fastestOfAll, pace * 1.1 * (sound.length / sampleRate));
  }
}

/** Cuts off both ends that are 60 dB below the loudest 10 ms, keeping 20 ms that fade in and out. */
function trimmed(sound: Float32Array, sampleRate: number): Float32Array {
  const frame = Math.round(sampleRate / 100);
  const levels: number[] = [];
  for (let start = 0; start < sound.length; start += frame)
    levels.push(rms(sound.subarray(start, start + frame)));
  const loudest = Math.max(...levels);
  if (loudest < 1e-4) return new Float32Array(0);
  const isSound = (level: number) => level > loudest * gainFromDecibels(-60);
  const margin = Math.round(edge * sampleRate);
  const start = Math.max(0, levels.findIndex(isSound) * frame - margin);
  const end = Math.min(sound.length, (levels.findLastIndex(isSound) + 1) * frame + margin);
  const word = sound.slice(start, end);
  for (let i = 0; i < Math.min(margin, word.length); i++) {
    word[i]! *= i / margin;
    word[word.length - 1 - i]! *= i / margin;
  }
  return word;
}

/** Makes one second of background sound, RMS 1. */
function background(sampleRate: number, random: Random): Float32Array {
  const length = sampleRate;
  const sound = powerLawNoise({ exponent: random.between(0, 2), length, sampleRate }, random);
  const add = (other: Float64Array, lowestDb: number, highestDb: number) => {
    const gain = gainFromDecibels(random.between(lowestDb, highestDb));
    for (let i = 0; i < length; i++) sound[i]! += gain * other[i]!;
  };
  if (random.uniform() < 0.25)
    add(mainsHum({ mainsHz: random.pick([50, 60]), length, sampleRate }, random), -10, 6);
  if (random.uniform() < 0.25) add(knocks({ length, sampleRate }, random), -6, 10);
  const clip = Float32Array.from(sound);
  scale(clip, 1 / rms(clip));
  return clip;
}

function checkWords(words: readonly string[]): string[] {
  const checked = words.map((word) => word.trim().replace(/\s+/g, " "));
  if (checked.length === 0 || checked.includes(""))
    throw usageError("words must name at least one word, none empty");
  const twice = checked.find((word, i) => checked.indexOf(word) !== i);
  if (twice !== undefined) throw usageError(`the word "${twice}" is asked for twice`);
  checkSpeakable(checked);
  const made = checked.find((word) => !isWord(word));
  if (made !== undefined)
    throw usageError(`"${made}" is not spoken: such clips are made of other words and of noise`);
  return checked;
}

function checkSpeakable(words: readonly string[]): void {
  const silent = words.find((word) => !/[\p{L}\p{N}]/u.test(word));
  if (silent !== undefined)
    throw usageError(`words are spoken: expected letters or digits in each, found ${JSON.stringify(silent)}`);
}

function requireCount(name: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw usageError(`${name} must be a whole number of at least ${least}, got ${value}`);
  }
}

function peak(samples: Float32Array): number {
  let highest = 0;
  for (const sample of samples) highest = Math.max(highest, Math.abs(sample));
  return highest;
}
