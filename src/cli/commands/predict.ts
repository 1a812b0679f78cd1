import { buffer } from "node:stream/consumers";
import type { Command } from "commander";
import type { BackendChoice } from "../../backend/start.js";
import { usageError } from "../../base/errors.js";
import { percent } from "../../base/figures.js";
import type { Prediction } from "../../eval/predict.js";
import {
  backendOption,
  type CommonFlags,
  checkWritable,
  collect,
  command,
  outputFor,
  wholeNumber,
} from "../options.js";
import { type Output, paint } from "../output.js";

interface PredictFlags extends CommonFlags {
  topK: number;
  data?: string[];
  index?: number | "random";
  seed: number;
  saveWav?: string;
  backend: BackendChoice;
}

export function predictCommand(): Command {
  return command(
    "predict",
    "what a run makes of WAV files, or of one clip of a data set",
    "kws predict checkpoints/spectrogram recording.wav",
    "kws predict checkpoints/spectrogram --data sample --index random --save-wav clip.wav",
  )
    .argument("<run>", "a run folder")
    .argument("[files...]", "WAV files; - reads one from stdin")
    .option("--top-k <n>", "how many labels to show", wholeNumber("--top-k", 1), 3)
    .option("--data <path>", "take a clip of this data instead; repeatable", collect)
    .option("--index <row>", "which clip of it: its row, or random", (text) =>
      text === "random" ? text : wholeNumber("--index", 0)(text),
    )
    .option("--save-wav <file>", "write the clip as a WAV, to listen to")
    .option("--seed <n>", "fixes the random choice", wholeNumber("--seed", 0), 42)
    .addOption(backendOption())
    .action(async (path: string, files: string[], flags: PredictFlags) => {
      checkUsage(files, flags);
      if (flags.saveWav !== undefined) checkWritable("file", flags.saveWav);
      const output = outputFor(flags);
      const [{ startBackend }, { RunFolder }] = await Promise.all([
        import("../../backend/start.js"),
        import("../../run/folder.js"),
      ]);
      const run = new RunFolder(path);
      const config = run.readConfig();
      const backend = await startBackend(flags.backend, "short");
      const model = await run.readBest();
      let isFirst = true;
      /** Once the first clip is read: a file that cannot be is the only news then. */
      const onReady = () => {
        if (isFirst) output.log(`backend: ${backend.name} (${backend.device})`);
        isFirst = false;
      };
      const documents: PredictDocument[] = [];
      const predictions =
        flags.data === undefined
          ? predictFiles(files, model, config, flags, output, onReady)
          : predictRow(flags.data, model, config, flags, output, onReady);
      for await (const document of predictions) {
        documents.push(document);
        if (!output.json) output.result(describe(document), document);
      }
      if (output.json) output.result("", documents);
    });
}

type Model = Parameters<typeof import("../../eval/predict.js").predictClip>[0];
type Config = import("../../run/settings.js").RunConfig;

interface PredictDocument extends Prediction {
  file?: string;
  index?: number;
  trueLabel?: string;
  correct?: boolean;
}

async function* predictFiles(
  files: readonly string[],
  model: Model,
  config: Config,
  { topK }: PredictFlags,
  output: Output,
  onReady: () => void,
): AsyncGenerator<PredictDocument> {
  const { decodeWav, readWavFile } = await import("../../audio/wav/decode.js");
  const { predictAudio } = await import("../../eval/predict.js");
  for (const file of files) {
    const audio =
      file === "-"
        ? decodeWav(await buffer(process.stdin), "stdin", { streamed: true })
        : await readWavFile(file);
    onReady();
    const { prediction, notes } = await predictAudio(model, config, audio, topK);
    if (notes.length > 0) output.log(`${file}: ${notes.join(", ")}`);
    yield { file, ...prediction };
  }
}

async function* predictRow(
  data: readonly string[],
  model: Model,
  config: Config,
  flags: PredictFlags,
  output: Output,
  onReady: () => void,
): AsyncGenerator<PredictDocument> {
  const [{ loadClips }, { chooseClip, readClip }, { predictClip }] = await Promise.all([
    import("../../data/load.js"),
    import("../../data/choose.js"),
    import("../../eval/predict.js"),
  ]);
  const { sampleRate, labels } = config;
  const onProgress = output.progress("reading the data");
  const clips = await loadClips(data, { seed: flags.seed, sampleRate, onProgress });
  const row = chooseClip(clips, flags.index!, flags.seed);
  const wave = readClip(clips, row, sampleRate);
  onReady();
  const prediction = await predictClip(model, labels, wave, flags.topK);
  if (flags.saveWav !== undefined) {
    const [{ encodeWav }, { writeFileAtomic }] = await Promise.all([
      import("../../audio/wav/decode.js"),
      import("../../base/files.js"),
    ]);
    writeFileAtomic(flags.saveWav, encodeWav(wave, sampleRate));
    output.log(`saved to ${flags.saveWav}`);
  }
  const trueLabel = clips.labels[row]!;
  const correct = prediction.label === trueLabel;
  yield { file: data.join(" + "), ...prediction, index: clips.rows[row]!, trueLabel, correct };
}

function checkUsage(files: readonly string[], flags: PredictFlags): void {
  if (flags.data === undefined && flags.index !== undefined) throw usageError("--index needs --data");
  if (flags.data === undefined && flags.saveWav !== undefined) throw usageError("--save-wav needs --data");
  if (flags.data !== undefined && files.length > 0)
    throw usageError("expected WAV files or --data, found both");
  if (flags.data !== undefined && flags.index === undefined) {
    throw usageError("--data needs --index: a row, or random");
  }
  if (flags.data === undefined && files.length === 0)
    throw usageError("expected WAV files (or --data and --index), found none");
}

function describe({ file, index, trueLabel, correct, label, probability, top }: PredictDocument): string {
  const name = index === undefined ? file : `${file} row ${index}`;
  const others = top.slice(1).map((entry) => `${entry.label} ${percent(entry.probability, 1)}`);
  const verdict =
    correct === undefined
      ? ""
      : correct
        ? paint("green", "  right")
        : paint("red", `  wrong: it is ${trueLabel}`);
  return `${name}: ${paint("bold", label)} ${percent(probability, 1)}${verdict}${others.length > 0 ? `  (${others.join(", ")})` : ""}`;
}
