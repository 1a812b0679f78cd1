import type { Command } from "commander";
import { resolveSettings } from "../../../run/settings.js";
import {
  type CommonFlags,
  checkWritable,
  command,
  numberOrText,
  outputFor,
  recipeOrStrengths,
  requiredOption,
  wholeNumber,
} from "../../options.js";
import { plural } from "../../output.js";

interface AugmentFlags extends CommonFlags {
  out: string;
  count: number;
  augment: unknown;
  sampleRate?: unknown;
  seed?: unknown;
}

export function augmentCommand(): Command {
  return command(
    "augment",
    "write clips as training would use them, to listen to",
    "kws data augment sample -o augmented --count 20",
    `kws data augment sample -o augmented --augment '{"speed": 0.1, "gainDb": 6}'`,
  )
    .argument("<data...>", "an .npz, a folder of WAVs, or sample; several are joined")
    .addOption(
      requiredOption("-o, --out <folder>", "a new or an empty folder, or one that this command wrote"),
    )
    .option("--count <n>", "number of clips", wholeNumber("--count", 1), 20)
    .option("--augment <recipe>", "none, standard, or strengths as JSON", recipeOrStrengths, "standard")
    .option("--sample-rate <hz>", "rate that folders of WAVs are resampled to (default: 8000)", numberOrText)
    .option("--seed <n>", "fixes the choice of clips and the changes (default: 42)", numberOrText)
    .action(async (data: string[], flags: AugmentFlags) => {
      const output = outputFor(flags);
      const { out, count, augment, sampleRate, seed } = flags;
      const settings = resolveSettings({ data, model: "any", augment, sampleRate, seed });
      checkWritable("folder", out);
      const [{ loadClips }, { checkListeningFolder, writeAugmented }] = await Promise.all([
        import("../../../data/load.js"),
        import("../../../data/augment/listen.js"),
      ]);
      checkListeningFolder(out);
      const clips = await loadClips(data, {
        seed: settings.seed,
        ...(settings.sampleRate !== undefined && { sampleRate: settings.sampleRate }),
        onProgress: output.progress("reading the data"),
      });
      const written = await writeAugmented(clips, out, {
        count,
        augment: settings.augment,
        seed: settings.seed,
      });
      if (settings.augment.noise !== undefined && !written.hasNoise) {
        output.log(
          "no noise is mixed in: the data have no clips of silence, and no folder of noise is given",
        );
      }
      if (settings.augment.specAugment !== undefined) {
        output.log(
          "specAugment is not audible: it masks parts of the feature map that a model computes from the clip",
        );
      }
      output.result(`${plural(written.files.length, "clip")} in ${out}`, {
        out,
        augment: settings.augment,
        clips: written.files,
      });
    });
}
