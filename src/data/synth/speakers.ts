import type { Audio } from "../../audio/clip.js";
import { UserError, usageError } from "../../base/errors.js";
import { hash32 } from "../../base/random.js";
import { espeakVariants, espeakVoices, speak } from "./espeak.js";
import { Kokoro } from "./kokoro.js";
import { piperSpeak, piperVoices } from "./piper.js";

/** Who speaks, for a split by speaker: one of espeak-ng's many voices, of piper's, or of Kokoro's. */
export interface Speaker {
  /** Of espeak-ng's: accent, variant and pitch, such as `en-gb+f3-low`. Of piper's: the model and who of it. Of Kokoro's: whose mixture. */
  readonly id: string;
  readonly program: "espeak-ng" | "piper" | "Kokoro";
  /** Speaks a text, at a pace of which 1 is the usual and 2 twice as fast, and at a pitch of the range below. */
  readonly say: (text: string, pace: number, pitch: number) => Promise<Audio>;
  /** The range of the pitch, 0 to 99, 50 being the voice's own. */
  readonly pitch: readonly [low: number, high: number];
  /**
   * The length of the vocal tract against the voice's own: its sound is played that much slower, which moves formants
   * and pitch alike.
   */
  readonly tract: number;
}

// Those of espeak-ng's English accents that a classifier trained on recordings understood best.
const accents = ["en-us", "en-gb", "en-gb-x-rp", "en-gb-scotland", "en-us-nyc"];

// The variants that sound like people and unlike each other, a woman's and two men's in turn. Left out are whispering,
// croaking, robots, and what that classifier took for other words.
const variants = (
  "f2 m3 m7 f4 m1 Denis Annie m4 Marco f5 Alex m5 aunty antonio Mike f1 ed Hugo " +
  "anika Gene pedro linda paul pablo grandma caleb Mario f3 Nguyen max shelby rob edward2 Andrea robert victor"
).split(" ");

const pitches: readonly { name: string; range: Speaker["pitch"] }[] = [
  { name: "mid", range: [41, 59] },
  { name: "high", range: [62, 80] },
  { name: "low", range: [20, 38] },
];

/** The pace of 1, at which espeak-ng and the others speak alike, in words a minute. */
export const usualSpeed = 130;

// Few, since the resampler keeps a filter for each.
const tracts = [0.94, 0.97, 1, 1.03, 1.06];

/**
 * The first `count` speakers of a fixed order, in which each variant comes once with one accent before any comes again
 * with another: speakers differ as much as the installed espeak-ng lets them.
 */
export async function chooseSpeakers(count: number): Promise<Speaker[]> {
  const [voices, voiceVariants] = await Promise.all([espeakVoices("en"), espeakVariants()]);
  const hasAccents = accents.filter((accent) => voices.has(accent));
  const hasVariants = variants.filter((variant) => voiceVariants.has(variant));
  const most = hasAccents.length * hasVariants.length * pitches.length;
  if (most === 0) throw new UserError("the installed espeak-ng has no English voices, or no voice variants");
  if (!Number.isSafeInteger(count) || count < 1 || count > most) {
    const none = count === 0 ? " (none only where piper or Kokoro speak)" : "";
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

/** Who is to speak. */
export interface SpeakerChoice {
  /** How many of espeak-ng's; 0 where there are others. */
  readonly espeak: number;
  /** Models of piper, all of whose people speak. */
  readonly piperModels?: readonly string[] | undefined;
  /** Kokoro's model, and how many of its voices and their mixtures. */
  readonly kokoro?: { readonly model: string; readonly speakers?: number | undefined } | undefined;
}

/**
 * Those of espeak-ng, of piper and of Kokoro, in turn: so many of each as the others have are heard first. Once they have spoken,
 * `end` gives back what they hold.
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

/** The rate of a neural voice at a pitch of 0 or 100 against its own. */
const neuralRange = 0.12;

/** Neural voices know no pitch: they are played slower or faster. */
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
