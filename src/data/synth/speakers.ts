import { UserError, usageError } from "../../errors.js";
import { hash32 } from "../../random.js";
import { espeakVariants, espeakVoices } from "./espeak.js";

/** One of espeak-ng's many voices: who speaks, for a split by speaker. */
export interface Speaker {
  /** Its accent, variant and pitch, such as `en-gb+f3-low`. */
  readonly id: string;
  /** What espeak-ng is given as its voice. */
  readonly voice: string;
  /** The range of espeak-ng's pitch, 0 to 99. */
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
    throw usageError(`speakers must be a whole number from 1 to ${most}, got ${count}`);
  }
  return Array.from({ length: count }, (_, i) => {
    const v = i % hasVariants.length;
    const round = Math.floor(i / hasVariants.length);
    const accent = hasAccents[(v + round) % hasAccents.length]!;
    const pitch = pitches[(v + Math.floor(round / hasAccents.length)) % pitches.length]!;
    const id = `${accent}+${hasVariants[v]}-${pitch.name}`;
    const voice = `${voices.get(accent)}+${hasVariants[v]}`;
    return { id, voice, pitch: pitch.range, tract: tracts[hash32(id) % tracts.length]! };
  });
}
