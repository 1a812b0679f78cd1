import type { Command } from "commander";
import { usageError } from "../../../base/errors.js";
import { SILENCE, UNKNOWN } from "../../../data/labels.js";
import {
  type CommonFlags,
  checkNpzName,
  checkWritable,
  collect,
  commaList,
  command,
  outputFor,
  requiredOption,
  wholeNumber,
} from "../../options.js";
import { paint, plural } from "../../output.js";

interface SynthFlags extends CommonFlags {
  words: string[];
  out: string;
  count: number;
  unknown?: number;
  unknownWords?: string[];
  silence?: number;
  voices: number;
  piperVoice?: string[];
  kokoro?: string;
  kokoroSpeakers?: number;
  sampleRate: number;
  seed: number;
}

export function synthCommand(): Command {
  return command(
    "synth",
    "synthesise training data for words that were never recorded; needs espeak-ng",
    'kws data synth --words "hey kodi,stop" -o mine.npz',
    "kws data synth --words lumos -o lumos.npz --voices 0 --kokoro kokoro/model.onnx",
    "kws data synth --words lumos -o lumos.npz --count 500 --piper-voice en_US-libritts_r-medium.onnx",
  )
    .addOption(requiredOption("--words <a,b,c>", "words or short phrases, each a label", commaList))
    .addOption(requiredOption("-o, --out <file>", "the .npz to write"))
    .option("--count <n>", "clips per word", wholeNumber("--count", 1), 200)
    .option("--unknown <n>", "clips of other words (default: as --count)", wholeNumber("--unknown", 0))
    .option("--unknown-words <a,b,c>", "the other words (default: common ones)", commaList)
    .option("--silence <n>", "clips of noise (default: as --count)", wholeNumber("--silence", 0))
    .option(
      "--voices <n>",
      "number of espeak-ng's speakers; 0 only with others",
      wholeNumber("--voices", 0),
      72,
    )
    .option("--piper-voice <file>", "a voice of piper, .onnx, to add; repeatable", collect)
    .option("--kokoro <file>", "Kokoro's model, .onnx, whose voices to add")
    .option(
      "--kokoro-speakers <n>",
      "number of its voices and mixtures of two (default: 200)",
      wholeNumber("--kokoro-speakers", 1),
    )
    .option("--rate, --sample-rate <hz>", "rate of the clips", wholeNumber("--rate", 4000), 8000)
    .option("--seed <n>", "fixes the variation from clip to clip", wholeNumber("--seed", 0), 42)
    .action(async (flags: SynthFlags) => {
      const output = outputFor(flags);
      const { words, out, count, unknown, unknownWords, silence, voices, piperVoice, sampleRate, seed } =
        flags;
      const { kokoro, kokoroSpeakers } = flags;
      if (kokoroSpeakers !== undefined && kokoro === undefined)
        throw usageError("--kokoro-speakers: expected --kokoro with the model, found none");
      checkNpzName(out);
      checkWritable("file", out);
      const [{ synthesize }, { writeClips }] = await Promise.all([
        import("../../../data/synth/synthesise.js"),
        import("../../../data/formats/write-npz.js"),
      ]);
      const clips = await synthesize({
        words,
        clipsPerWord: count,
        ...(unknown !== undefined && { unknownClips: unknown }),
        ...(unknownWords && { unknownWords }),
        ...(silence !== undefined && { silenceClips: silence }),
        speakers: voices,
        ...(piperVoice && { piperVoices: piperVoice }),
        ...(kokoro !== undefined && {
          kokoro: { model: kokoro, ...(kokoroSpeakers !== undefined && { speakers: kokoroSpeakers }) },
        }),
        sampleRate,
        seed,
        onProgress: output.progress("speaking"),
      });
      await writeClips(out, clips);
      const labels = [...new Set(clips.labels)].map((label) => ({
        label,
        clips: clips.labels.filter((each) => each === label).length,
      }));
      const order = [...words, UNKNOWN, SILENCE];
      labels.sort((a, b) => order.indexOf(a.label) - order.indexOf(b.label));
      const speakers = new Set(clips.speakers).size;
      output.result(
        [
          `${paint("bold", out)}: ${plural(clips.labels.length, "clip")} at ${sampleRate} Hz by ${plural(speakers, "synthetic speaker")}`,
          labels.map(({ label, clips }) => `${label} ${clips}`).join(", "),
        ].join("\n"),
        { out, clips: clips.labels.length, sampleRate, speakers, labels },
      );
    });
}
