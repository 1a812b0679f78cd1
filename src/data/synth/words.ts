import { usageError } from "../../base/errors.js";
import { phonemes } from "./espeak.js";
import { mapParallel } from "./parallel.js";

/** Short common English words for `unknown`: the other words of the Speech Commands data set, and more. */
const commonWords = (
  "backward bed bird cat dog eight five follow forward four happy house learn marvin nine one seven sheila six three " +
  "tree two visual wow zero again book coffee door evening finish garden green hello kitchen light maybe morning mother " +
  "music paper people picture please question river table thanks time today water week window yellow"
).split(" ");

/**
 * Chooses the words for `unknown`: those given, else common ones and the single words of wanted phrases ("hey" is not
 * "hey kodi"). Words that sound like a wanted word or like an earlier one are left out, whatever their spelling.
 *
 * @throws UserError (exit 2) if no word is left
 */
export async function otherWords(wanted: readonly string[], given?: readonly string[]): Promise<string[]> {
  const candidates = given ?? [...wanted.flatMap((word) => word.split(" ")), ...commonWords];
  const all = [...wanted, ...candidates];
  const sounds = await mapParallel(all, (word) => phonemes(word, "en-us"));
  const others = all.filter((_, i) => i >= wanted.length && sounds.indexOf(sounds[i]!) === i);
  if (others.length === 0) {
    throw usageError(`no word is left for "unknown": ${candidates.join(", ")} sound like wanted ones`);
  }
  return others;
}
