import type { Command } from "commander";
import type { BackendChoice } from "../../backend/names.js";
import { percent } from "../../base/figures.js";
import type { Part } from "../../data/clips.js";
import type { Analysis } from "../../eval/analysis/analyse.js";
import type { EvaluationDocument } from "../../eval/evaluate-run.js";
import type { Table } from "../../plot/table.js";
import {
  backendOption,
  type CommonFlags,
  checkWritable,
  collect,
  command,
  outputFor,
  partOption,
} from "../options.js";
import { type Output, paint, plural, wrapped } from "../output.js";
import { logBackend } from "./predict.js";

interface EvaluateFlags extends CommonFlags {
  data?: string[];
  part?: Part | "all";
  othersAs?: string;
  report?: string;
  predictions?: string;
  noiseFrom?: string;
  backend: BackendChoice;
}

export function evaluateCommand(): Command {
  return command(
    "evaluate",
    "loss, accuracy, figures by label and confusion matrix of a run",
    "kws evaluate checkpoints/spectrogram",
    "kws evaluate checkpoints/spectrogram --data sample --part all --predictions predictions.csv",
  )
    .argument("<run>", "a run folder, or the name of a shipped model")
    .option("--data <path>", "data to use instead of the run's own; repeatable", collect)
    .addOption(partOption())
    .option("--others-as <label>", "count the labels that the run lacks as this one (such as unknown)")
    .option(
      "--report <folder>",
      "write a report (index.html) with pictures, the figures (evaluation.json) and mistakes to listen to",
    )
    .option("--predictions <file>", "write a CSV with one line a clip")
    .option(
      "--noise-from <source>",
      "also evaluate with noise added: silence (the data's silence clips), pink, or a folder of WAVs (default with --report: silence, or pink if there are no such clips)",
    )
    .addOption(backendOption())
    .action(async (path: string, flags: EvaluateFlags) => {
      const output = outputFor(flags);
      if (flags.report !== undefined) {
        checkWritable("folder", flags.report);
        const { checkReportFolder } = await import("../../report/folder.js");
        checkReportFolder(flags.report);
      }
      if (flags.predictions !== undefined) checkWritable("file", flags.predictions);
      const [{ evaluateRun }, { predictionsCsv }, { writeFileAtomic }, { seenWarning }] = await Promise.all([
        import("../../eval/evaluate-run.js"),
        import("../../eval/evaluate.js"),
        import("../../base/files.js"),
        import("../../report/tables.js"),
      ]);
      const { data, part, othersAs, noiseFrom, backend } = flags;
      const evaluated = await evaluateRun(path, {
        ...{ data, part, othersAs, noiseFrom, backend, forReport: flags.report !== undefined },
        onLoading: output.progress("reading the data"),
        onReady: (recognizer) => logBackend(recognizer, output),
        onEvaluating: output.progress("evaluating"),
        onEvaluatingInNoise: output.progress("evaluating in noise"),
      });
      const { evaluation, document } = evaluated;
      if (document.seenInTraining > 0)
        output.warn(seenWarning(path, document.seenInTraining, document.examples));
      if (flags.predictions !== undefined) {
        writeFileAtomic(flags.predictions, predictionsCsv(evaluation));
        output.log(`predictions: ${flags.predictions}`);
      }
      if (flags.report !== undefined) {
        const { writeEvaluationReport } = await import("../../report/evaluation.js");
        const onProgress = output.progress("writing the report");
        output.log(`report: ${await writeEvaluationReport(flags.report, evaluated, onProgress)}`);
      }
      output.result(output.json ? "" : await describe(document, evaluation.data.part, output), document);
    });
}

async function describe(document: EvaluationDocument, part: Part | "all", output: Output): Promise<string> {
  const [{ terminalConfusion, terminalTable }, { labelTable, noiseTable }] = await Promise.all([
    import("../../plot/terminal/index.js"),
    import("../../report/tables.js"),
  ]);
  const look = { width: output.width, color: output.color };
  const { run, accuracy, examples, loss, macroF1, baseline, labels, confusion, noise } = document;
  const table = ({ headers, rows }: Table) => terminalTable(headers, rows, look);
  return [
    ...wrapped(
      `${run}: accuracy ${percent(accuracy)} of ${plural(examples, "clip")} (${part})`,
      output.width,
      2,
    ).map((line) => paint("bold", line)),
    `loss ${loss.toFixed(4)}, macro F1 ${macroF1.toFixed(3)}`,
    `always answering "${baseline.label}" would get ${percent(baseline.accuracy)}`,
    describeAnalysis(document),
    "",
    table(labelTable(document)),
    "",
    terminalConfusion(labels, confusion, look),
    ...(noise === undefined ? [] : ["", `with noise added (${noise.source})`, table(noiseTable(noise))]),
  ].join("\n");
}

function describeAnalysis({ topK, detection, calibration }: Analysis): string {
  const { mean } = detection;
  const second = topK[1]!; // there are at least two labels
  const equalErrors = mean === null ? "" : `, equal error rate ${percent(mean.equalErrorRate)}`;
  return [
    `among the two most probable ${percent(second.accuracy)}${equalErrors}`,
    `expected calibration error ${percent(calibration.expectedCalibrationError)}`,
  ].join("\n");
}
