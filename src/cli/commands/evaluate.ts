import type { Command } from "commander";
import type { BackendChoice } from "../../backend/start.js";
import { percent } from "../../base/figures.js";
import type { Part } from "../../data/clips.js";
import type { Analysis } from "../../eval/analysis/analyse.js";
import type { EvaluationDocument } from "../../report/evaluation.js";
import {
  backendOption,
  type CommonFlags,
  checkWritable,
  collect,
  command,
  outputFor,
  partOption,
} from "../options.js";
import { count, type Output, paint, plural, wrapped } from "../output.js";

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
      "write a report (index.html) with pictures, the figures (evaluation.json) and mistakes to listen to",
    )
    .option("--predictions <file>", "write a CSV with a line a clip")
    .option(
      "--noise-from <source>",
      "also with noise added: silence (the data's silence clips), pink, or a folder of WAVs (default with --report: silence, or pink where there is none)",
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
      const [
        { startBackend },
        { loadEvaluationData },
        { evaluate, predictionsCsv },
        { analyse },
        { chooseNoise, figuresInNoise },
        { RunFolder },
        { writeFileAtomic },
      ] = await Promise.all([
        import("../../backend/start.js"),
        import("../../eval/data.js"),
        import("../../eval/evaluate.js"),
        import("../../eval/analysis/analyse.js"),
        import("../../eval/analysis/noise.js"),
        import("../../run/folder.js"),
        import("../../base/files.js"),
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
      const wantsNoise = flags.report !== undefined || flags.noiseFrom !== undefined;
      const source = wantsNoise ? await chooseNoise(loaded, flags.noiseFrom) : undefined;
      const evaluation = await evaluate(model, config, loaded, output.progress("evaluating"));
      const noise =
        source &&
        (await figuresInNoise(model, config, loaded, source, output.progress("evaluating in noise")));
      if (loaded.seenInTraining > 0) output.warn(seenInTraining(path, loaded.seenInTraining));
      if (flags.predictions !== undefined) {
        writeFileAtomic(flags.predictions, predictionsCsv(evaluation));
        output.log(`predictions: ${flags.predictions}`);
      }
      const document = {
        run: run.path,
        ...evaluation.metrics,
        seenInTraining: loaded.seenInTraining,
        ...analyse(evaluation),
        ...(noise && { noise }),
      };
      if (flags.report !== undefined) {
        const { writeEvaluationReport } = await import("../../report/evaluation.js");
        const reported = { run, config, history, evaluation, document };
        const report = await writeEvaluationReport(
          flags.report,
          reported,
          output.progress("writing the report"),
        );
        output.log(`report: ${report}`);
      }
      output.result(output.json ? "" : await describe(document, loaded.part, output), document);
    });
}

/** Why a run's figures on these clips are not those on clips that it has never heard. */
export function seenInTraining(run: string, clips: number): string {
  return `${run} was trained, or its best epoch chosen, on ${count(clips)} of these clips: its figures flatter`;
}

async function describe(document: EvaluationDocument, part: Part | "all", output: Output): Promise<string> {
  const { terminalConfusion, terminalTable } = await import("../../plot/terminal/index.js");
  const look = { width: output.width, color: output.color };
  const share = (value: number) => value.toFixed(3);
  const { run, accuracy, examples, loss, macroF1, baseline, labels, confusion, perLabel, noise } = document;
  return [
    ...wrapped(
      `${run}: accuracy ${percent(accuracy)} of ${plural(examples, "clip")} (${part})`,
      output.width,
      2,
    ).map((line) => paint("bold", line)),
    `loss ${loss.toFixed(4)}, macro F1 ${share(macroF1)}`,
    `always answering "${baseline.label}" would get ${percent(baseline.accuracy)}`,
    describeAnalysis(document),
    "",
    terminalTable(
      ["label", "precision", "recall", "F1", "clips"],
      perLabel.map(({ label, precision, recall, f1, support }) => [
        label,
        share(precision),
        share(recall),
        share(f1),
        String(support),
      ]),
      look,
    ),
    "",
    terminalConfusion(labels, confusion, look),
    ...(noise === undefined
      ? []
      : [
          "",
          terminalTable(
            [`dB above the noise (${noise.source})`, "accuracy", "macro F1", "loss"],
            noise.levels.map((level) => [
              String(level.snrDb),
              percent(level.accuracy),
              share(level.macroF1),
              level.loss.toFixed(4),
            ]),
            look,
          ),
        ]),
  ].join("\n");
}

function describeAnalysis({ topK, detection, calibration }: Analysis): string {
  const { mean } = detection;
  const second = topK[1]!; // there are two labels at least
  const equalErrors = mean === null ? "" : `, equal error rate ${percent(mean.equalErrorRate)}`;
  return [
    `among the two most probable ${percent(second.accuracy)}${equalErrors}`,
    `expected calibration error ${percent(calibration.expectedCalibrationError)}`,
  ].join("\n");
}
