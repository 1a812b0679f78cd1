/**
 * Makes `assets/sample.npz`, the data set that ships with the package: `npx tsx scripts/make-sample.ts`, with espeak-ng
 * installed. What is in it, and with which version of espeak-ng it was made, is told in `docs/sample.md`.
 */
import { statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { writeClips } from "../src/data/formats/write-npz.js";
import { COURSE_LABELS, isWord } from "../src/data/labels.js";
import { espeakVersion } from "../src/data/synth/espeak.js";
import { synthesize } from "../src/data/synth/synthesise.js";

const path = fileURLToPath(new URL("../assets/sample.npz", import.meta.url));

const clips = await synthesize({
  words: COURSE_LABELS.filter(isWord),
  clipsPerWord: 84,
  // No two of so few share a variant of espeak-ng's voice: heard and unheard speakers differ in more than their accent.
  speakers: 36,
  // Few enough that a model can learn them from so few clips: the auxiliary words of the Speech Commands data set.
  unknownWords: "bed bird cat dog happy house marvin sheila tree wow".split(" "),
});
await writeClips(path, clips, { compressionLevel: 9 });
console.log(
  `${path}: ${clips.labels.length} clips of ${new Set(clips.speakers).size} speakers, ` +
    `${(statSync(path).size / 1e6).toFixed(2)} MB, espeak-ng ${await espeakVersion()}`,
);
