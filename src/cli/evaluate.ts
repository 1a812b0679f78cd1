import type { Command } from "commander";
import type { BackendChoice } from "../backend/index.js";
import type { Part } from "../data/clips.js";
import type { Evaluation } from "../eval/evaluate.js";
import type { RunFolder } from "../run.js";
import {
  backendOption,
  type CommonFlags,
  checkWritable,
  collect,
  command,
  outputFor,
  partOption,
} from "./options.js";
import { count, type Output, paint, percent, plural } from "./output.js";

interface EvaluateFlags extends CommonFlags {
  data?: string[];
  part?: Part | "all";
  othersAs?: string;
  report?: string;
  predictions?: string;
  backend: BackendChoice;
}

export function evaluateCommand(): Command {
  return command(
    "evaluate",
    "loss, accuracy, figures by label and the confusion matrix of a run",
    "kws evaluate checkpoints/spectrogram",
    "kws evaluate checkpoints/spectrogram --data sample --part all --predictions predictions.csv",
  )
    .argument("<run>", "a run folder")
    .option("--data <path>", "other data than the run's own; repeatable", collect)
    .addOption(partOption())
    .option("--others-as <label>", "count the labels that the run lacks as this one (such as unknown)")
    .option(
      "--report <folder>",
      "write a report with pictures (index.html) and the figures (evaluation.json)",
    )
    .option("--predictions <file>", "write a CSV with a line a clip")
    .addOption(backendOption())
    .action(async (path: string, flags: EvaluateFlags) => {
      const output = outputFor(flags);
      if (flags.report !== undefined) {
        checkWritable("folder", flags.report);
        const { checkReportFolder } = await import("../eval/report-folder.js");
        checkReportFolder(flags.report);
      }
      if (flags.predictions !== undefined) checkWritable("file", flags.predictions);
      const [
        { startBackend },
        { loadEvaluationData },
        { evaluate, predictionsCsv },
        { RunFolder },
        { writeFileAtomic },
      ] = await Promise.all([
        import("../backend/index.js"),
        import("../eval/data.js"),
        import("../eval/evaluate.js"),
        import("../run.js"),
        import("../files.js"),
      ]);
      const run = new RunFolder(path);
      const config = run.readConfig();
      run.checkTrained();
      const history = flags.report === undefined ? [] : run.readHistory();
      const backend = await startBackend(flags.backend, "training");
      const model = await run.readBest();
      const { data, part, othersAs } = flags;
      const onLoading = output.progress("reading the data");
      const loaded = await loadEvaluationData(run, config, { data, part, othersAs, onLoading });
      output.log(`backend: ${backend.name} (${backend.device})`);
      const evaluation = await evaluate(model, config, loaded, output.progress("evaluating"));
      if (loaded.seenInTraining > 0) output.warn(seenInTraining(path, loaded.seenInTraining));
      if (flags.predictions !== undefined) {
        writeFileAtomic(flags.predictions, predictionsCsv(evaluation));
        output.log(`predictions: ${flags.predictions}`);
      }
      if (flags.report !== undefined) {
        const { writeEvaluationReport } = await import("../eval/report.js");
        output.log(`report: ${await writeEvaluationReport(flags.report, run, config, history, evaluation)}`);
      }
      const document = { run: run.path, ...evaluation.metrics, seenInTraining: loaded.seenInTraining };
      output.result(await describe(run, evaluation, output), document);
    });
}

/** Why a run's figures on these clips are not those on clips that it has never heard. */
export function seenInTraining(run: string, clips: number): string {
  return `${run} was trained, or its best epoch chosen, on ${count(clips)} of these clips: its figures flatter`;
}

async function describe(run: RunFolder, { metrics, data }: Evaluation, output: Output): Promise<string> {
  const { terminalConfusion, terminalTable } = await import("../plot/terminal.js");
  const look = { width: output.width, color: output.color };
  const share = (value: number) => value.toFixed(3);
  return [
    paint(
      "bold",
      `${run.path}: accuracy ${percent(metrics.accuracy)} of ${plural(metrics.examples, "clip")} (${data.part})`,
    ),
    `loss ${metrics.loss.toFixed(4)}, macro F1 ${share(metrics.macroF1)}`,
    `always answering "${metrics.baseline.label}" would get ${percent(metrics.baseline.accuracy)}`,
    "",
    terminalTable(
      ["label", "precision", "recall", "F1", "clips"],
      metrics.perLabel.map(({ label, precision, recall, f1, support }) => [
        label,
        share(precision),
        share(recall),
        share(f1),
        String(support),
      ]),
      look,
    ),
    "",
    terminalConfusion(metrics.labels, metrics.confusion, look),
  ].join("\n");
}
