import { buffer } from "node:stream/consumers";
import type { Command } from "commander";
import type { BackendChoice } from "../../backend/names.js";
import { usageError } from "../../base/errors.js";
import { percent } from "../../base/figures.js";
import type { RowPrediction } from "../../recognizer/predict.js";
import type { Prediction, Recognizer } from "../../recognizer/recognizer.js";
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
    "predict the label of WAV files, or of one clip of a data set",
    "kws predict kws-8k recording.wav",
    "kws predict checkpoints/spectrogram --data sample --index random --save-wav clip.wav",
  )
    .argument("<run>", "a run folder, or the name of a shipped model")
    .argument("[files...]", "WAV files; - reads one from stdin")
    .option("--top-k <n>", "number of labels to show", wholeNumber("--top-k", 1), 3)
    .option("--data <path>", "predict a clip of this data instead; repeatable", collect)
    .option("--index <row>", "which clip of the data: its row, or random", (text) =>
      text === "random" ? text : wholeNumber("--index", 0)(text),
    )
    .option("--save-wav <file>", "write the clip as a WAV file")
    .option("--seed <n>", "fixes the random choice", wholeNumber("--seed", 0), 42)
    .addOption(backendOption())
    .action(async (path: string, files: string[], flags: PredictFlags) => {
      checkUsage(files, flags);
      if (flags.saveWav !== undefined) checkWritable("file", flags.saveWav);
      const output = outputFor(flags);
      const { loadRecognizer } = await import("../../recognizer/open.js");
      const recognizer = await loadRecognizer(path, { backend: flags.backend });
      const documents: PredictDocument[] = [];
      const predictions =
        flags.data === undefined
          ? predictFiles(recognizer, files, flags, output)
          : predictDataRow(recognizer, flags.data, flags, output);
      for await (const document of predictions) {
        documents.push(document);
        if (!output.json) output.result(describe(document), document);
      }
      if (output.json) output.result("", documents);
    });
}

interface PredictDocument
  extends Prediction,
    Partial<Pick<RowPrediction, "index" | "trueLabel" | "correct">> {
  file: string;
}

async function* predictFiles(
  recognizer: Recognizer,
  files: readonly string[],
  { topK }: PredictFlags,
  output: Output,
): AsyncGenerator<PredictDocument> {
  const [{ decodeWav }, { predictFile }] = await Promise.all([
    import("../../audio/wav/decode.js"),
    import("../../recognizer/predict.js"),
  ]);
  let isFirst = true;
  for (const file of files) {
    const { prediction, notes } =
      file === "-"
        ? await recognizer.predictAudio(
            decodeWav(await buffer(process.stdin), "stdin", { streamed: true }),
            topK,
          )
        : await predictFile(recognizer, file, topK);
    // After the first file: if that cannot be read, only the error is printed.
    if (isFirst) logBackend(recognizer, output);
    isFirst = false;
    if (notes.length > 0) output.log(`${file}: ${notes.join(", ")}`);
    yield { file, ...prediction };
  }
}

async function* predictDataRow(
  recognizer: Recognizer,
  data: readonly string[],
  { index, seed, topK, saveWav }: PredictFlags,
  output: Output,
): AsyncGenerator<PredictDocument> {
  const { predictRow } = await import("../../recognizer/predict.js");
  const onLoading = output.progress("reading the data");
  const { prediction, wave } = await predictRow(recognizer, data, { index: index!, seed, topK, onLoading });
  logBackend(recognizer, output);
  if (saveWav !== undefined) {
    const [{ encodeWav }, { writeFileAtomic }] = await Promise.all([
      import("../../audio/wav/decode.js"),
      import("../../base/files.js"),
    ]);
    writeFileAtomic(saveWav, encodeWav(wave, recognizer.sampleRate));
    output.log(`saved to ${saveWav}`);
  }
  yield { file: data.join(" + "), ...prediction };
}

/** Prints which backend computes. */
export function logBackend({ backend }: Recognizer, output: Output): void {
  output.log(`backend: ${backend.name} (${backend.device})`);
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
