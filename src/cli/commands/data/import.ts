import { type Command, Option } from "commander";
import type { ImportSummary } from "../../../data/speech-commands/import/import.js";
import {
  type CommonFlags,
  checkNpzName,
  checkWritable,
  commaList,
  command,
  outputFor,
  requiredOption,
  wholeNumber,
} from "../../options.js";
import { count, type Output, paint, plural } from "../../output.js";

/** The flags of an import. */
export interface ImportFlags extends CommonFlags {
  sampleRate: string;
  dtype: "int16" | "float32";
  labels?: string[];
  seed: number;
  workers?: number;
}

/** Adds the options of an import to a command. */
export function withImportOptions(made: Command): Command {
  return made
    .addOption(
      new Option("--rate, --sample-rate <hz>", "rate that recordings are resampled to")
        .choices(["8000", "16000"])
        .default("8000"),
    )
    .addOption(
      new Option("--dtype <type>", "type of the samples; int16 takes half the space")
        .choices(["int16", "float32"])
        .default("int16"),
    )
    .option(
      "--labels <a,b,c>",
      "words to recognise, and unknown, silence (default: those of the official task)",
      commaList,
    )
    .option(
      "--seed <n>",
      "fixes the choice of clips of other words and of noise",
      wholeNumber("--seed", 0),
      42,
    )
    .option(
      "--workers <n>",
      "number of threads (default: one per core, at most 8)",
      wholeNumber("--workers", 1),
    );
}

export function importCommand(): Command {
  return withImportOptions(
    command(
      "import",
      "convert a folder of WAVs in the Speech Commands layout to an .npz",
      "kws data import speech_commands_v0.02 -o commands.npz",
      "kws data import recordings -o mine.npz --labels hey,stop,unknown,silence --rate 16000",
    ),
  )
    .argument("<folder>", "<word>/<speaker>_nohash_<n>.wav, and _background_noise_/")
    .addOption(requiredOption("-o, --out <file>", "the .npz to write"))
    .action(async (folder: string, flags: ImportFlags & { out: string }) => {
      const output = outputFor(flags);
      await runImport(folder, flags.out, flags, output);
    });
}

/** Imports a folder and prints the summary. */
export async function runImport(
  folder: string,
  out: string,
  { sampleRate, dtype, labels, seed, workers }: ImportFlags,
  output: Output,
): Promise<void> {
  checkNpzName(out);
  checkWritable("file", out);
  const { importFolder } = await import("../../../data/speech-commands/import/import.js");
  const summary = await importFolder(folder, out, {
    sampleRate: Number(sampleRate),
    dtype,
    seed,
    ...(labels && { labels }),
    ...(workers && { workers }),
    onProgress: output.progress("importing"),
  });
  for (const note of summary.notes) output.log(note);
  const { terminalTable } = await import("../../../plot/terminal/index.js");
  const table = terminalTable(["label", "train", "val", "test"], labelRows(summary), {
    width: output.width,
    color: output.color,
  });
  output.result([...describe(out, summary), "", table].join("\n"), { folder, out, ...summary });
}

function describe(
  out: string,
  { clips, sampleRate, dtype, bytes, speakers, partsFrom }: ImportSummary,
): string[] {
  const by = speakers === null ? "speakers unknown" : plural(speakers, "speaker");
  const parts = {
    lists: "the data set's own lists",
    hash: "Speech Commands' hash of the speaker",
  };
  return [
    `${paint("bold", out)}: ${plural(clips, "clip")} at ${sampleRate} Hz, ${dtype}, ${(bytes / 1e6).toFixed(1)} MB, ${by}`,
    `parts by ${parts[partsFrom]} (--split official)`,
  ];
}

function labelRows({ labels }: ImportSummary): string[][] {
  const parts = ["train", "val", "test"] as const;
  const total = parts.map((part) => labels.reduce((sum, each) => sum + each[part], 0));
  return [
    ...labels.map((each) => [each.label, ...parts.map((part) => count(each[part]))]),
    ["total", ...total.map(count)],
  ];
}
