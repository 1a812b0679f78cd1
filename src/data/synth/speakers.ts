import type { Audio } from "../../audio/clip.js";
import { UserError, usageError } from "../../base/errors.js";
import { hash32 } from "../../base/random.js";
import { espeakVariants, espeakVoices, speak } from "./espeak.js";
import { Kokoro } from "./kokoro.js";
import { piperSpeak, piperVoices } from "./piper.js";

/** A synthetic speaker: a voice of espeak-ng, of piper, or of Kokoro. */
export interface Speaker {
  /** For espeak-ng accent, variant and pitch (`en-gb+f3-low`); for piper model and number; for Kokoro the mixed voices. */
  readonly id: string;
  readonly program: "espeak-ng" | "piper" | "Kokoro";
  /** Speaks a text. A pace of 1 is the usual one, 2 is twice as fast; the pitch is in the range below. */
  readonly say: (text: string, pace: number, pitch: number) => Promise<Audio>;
  /** The range of the pitch, 0 to 99, 50 being the voice's own. */
  readonly pitch: readonly [low: number, high: number];
  /**
   * Length of the vocal tract relative to the voice's own. The sound is played slower by this factor, which lowers formants
   * and pitch.
   */
  readonly tract: number;
}

// The English accents of espeak-ng that a classifier trained on recordings recognised best.
const accents = ["en-us", "en-gb", "en-gb-x-rp", "en-gb-scotland", "en-us-nyc"];

// Variants that sound human and different from each other, one female and two male in turn. Left out are whispering,
// croaking and robotic ones, and those whose words that classifier confused.
const variants = (
  "f2 m3 m7 f4 m1 Denis Annie m4 Marco f5 Alex m5 aunty antonio Mike f1 ed Hugo " +
  "anika Gene pedro linda paul pablo grandma caleb Mario f3 Nguyen max shelby rob edward2 Andrea robert victor"
).split(" ");

const pitches: readonly { name: string; range: Speaker["pitch"] }[] = [
  { name: "mid", range: [41, 59] },
  { name: "high", range: [62, 80] },
  { name: "low", range: [20, 38] },
];

/** The pace of 1, at which all programs speak about equally fast, in words per minute. */
export const usualSpeed = 130;

// Few, since the resampler caches a filter for each.
const tracts = [0.94, 0.97, 1, 1.03, 1.06];

/**
 * Returns the first `count` speakers of espeak-ng in a fixed order: each variant with one accent before any is repeated with
 * another, so that speakers differ as much as the installed espeak-ng allows.
 *
 * @throws UserError if espeak-ng has no English voices; (exit 2) for a count out of range
 */
export async function chooseSpeakers(count: number): Promise<Speaker[]> {
  const [voices, voiceVariants] = await Promise.all([espeakVoices("en"), espeakVariants()]);
  const hasAccents = accents.filter((accent) => voices.has(accent));
  const hasVariants = variants.filter((variant) => voiceVariants.has(variant));
  const most = hasAccents.length * hasVariants.length * pitches.length;
  if (most === 0) throw new UserError("the installed espeak-ng has no English voices, or no voice variants");
  if (!Number.isSafeInteger(count) || count < 1 || count > most) {
    const none = count === 0 ? " (0 only with voices of piper or Kokoro)" : "";
    throw usageError(`expected 1 to ${most} voices of espeak-ng, found ${count}${none}`);
  }
  return Array.from({ length: count }, (_, i) => {
    const v = i % hasVariants.length;
    const round = Math.floor(i / hasVariants.length);
    const accent = hasAccents[(v + round) % hasAccents.length]!;
    const pitch = pitches[(v + Math.floor(round / hasAccents.length)) % pitches.length]!;
    const id = `${accent}+${hasVariants[v]}-${pitch.name}`;
    const voice = `${voices.get(accent)}+${hasVariants[v]}`;
    return {
      id,
      program: "espeak-ng",
      say: (text, pace, pitch) => speak(text, { voice, speed: Math.round(usualSpeed * pace), pitch }),
      pitch: pitch.range,
      tract: tracts[hash32(id) % tracts.length]!,
    };
  });
}

/** A choice of speakers. */
export interface SpeakerChoice {
  /** Number of speakers of espeak-ng; 0 only if there are others. */
  readonly espeak: number;
  /** Models of piper; all their speakers are used. */
  readonly piperModels?: readonly string[] | undefined;
  /** Kokoro's model, and the number of its voices and mixtures. */
  readonly kokoro?: { readonly model: string; readonly speakers?: number | undefined } | undefined;
}

/**
 * Returns the speakers of espeak-ng, piper and Kokoro in alternating order.
 *
 * @returns the speakers, and a function that ends the processes they use
 */
export async function chooseAllSpeakers({
  espeak,
  piperModels = [],
  kokoro,
}: SpeakerChoice): Promise<{ speakers: Speaker[]; end: () => void }> {
  const others = piperModels.map((model) =>
    piperVoices(model).map(({ id, voice }) =>
      neuralSpeaker("piper", id, (text, pace) => piperSpeak(text, voice, 1 / pace)),
    ),
  );
  const neural = kokoro && new Kokoro(kokoro.model);
  if (neural !== undefined)
    others.push(
      neural
        .voices(kokoro?.speakers)
        .map(({ id, voice }) => neuralSpeaker("Kokoro", id, (text, pace) => neural.speak(text, voice, pace))),
    );
  const all = [...others, ...(espeak === 0 && others.length > 0 ? [] : [await chooseSpeakers(espeak)])];
  const most = Math.max(...all.map((speakers) => speakers.length));
  const speakers = Array.from({ length: most }, (_, i) => all.flatMap((each) => each[i] ?? [])).flat();
  return { speakers, end: () => neural?.end() };
}

/** Relative change of a neural voice's playing speed at a pitch of 0 or 100. */
const neuralRange = 0.12;

/** Makes a speaker of a neural voice. It has no setting for pitch, so it is played slower or faster. */
function neuralSpeaker(
  program: Speaker["program"],
  id: string,
  speak: (text: string, pace: number) => Promise<Audio>,
): Speaker {
  const say: Speaker["say"] = async (text, pace, pitch) => {
    const audio = await speak(text, pace);
    return { ...audio, sampleRate: audio.sampleRate * (1 + (neuralRange * (pitch - 50)) / 50) };
  };
  return { id, program, say, pitch: [20, 80], tract: 1 };
}
