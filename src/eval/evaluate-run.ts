import { chooseNoise } from "../data/augment/noise-source.js";
import { loadRecognizer, type OpenOptions } from "../recognizer/open.js";
import type { Recognizer } from "../recognizer/recognizer.js";
import { type EpochRecord, type RunConfig, RunFolder } from "../run/folder.js";
import { type Analysis, analyse } from "./analysis/analyse.js";
import { figuresInNoise, type NoiseFigures } from "./analysis/noise.js";
import { type EvaluationDataOptions, loadEvaluationData } from "./data.js";
import { type Evaluation, evaluate } from "./evaluate.js";
import type { Metrics } from "./metrics.js";

/** What `evaluate --json` prints, and a report's `evaluation.json`. */
export interface EvaluationDocument extends Metrics, Analysis {
  run: string;
  /** Number of clips that the run was trained on, or its best epoch chosen by. */
  seenInTraining: number;
  /** The figures with noise added. */
  noise?: NoiseFigures;
}

/** A run's evaluation with all that a report shows of it. */
export interface EvaluatedRun {
  run: RunFolder;
  config: RunConfig;
  /** Empty unless a report was asked for. */
  history: readonly EpochRecord[];
  evaluation: Evaluation;
  document: EvaluationDocument;
}

export interface EvaluateRunOptions extends EvaluationDataOptions, Pick<OpenOptions, "backend"> {
  /** Also computes what a report needs: the training's history and the figures with noise added. */
  forReport?: boolean;
  /** Adds the figures with this noise, see `chooseNoise`. */
  noiseFrom?: string | undefined;
  /** Called once all files are read, before the evaluation. */
  onReady?: (recognizer: Recognizer) => void;
  onEvaluating?: (done: number, total: number) => void;
  onEvaluatingInNoise?: (done: number, total: number) => void;
}

/**
 * Evaluates a run: by default on the test part of its own data.
 *
 * @param run a run folder, its path, or the name of a model that ships
 * @throws UserError when the run or the data cannot be read, or the data have labels that the run lacks
 */
export async function evaluateRun(
  run: RunFolder | string,
  options: EvaluateRunOptions = {},
): Promise<EvaluatedRun> {
  const { forReport = false, noiseFrom, backend, onReady, onEvaluating, onEvaluatingInNoise } = options;
  const folder = typeof run === "string" ? RunFolder.open(run) : run;
  const config = folder.readConfig();
  folder.checkTrained();
  const history = forReport ? folder.readHistory() : [];
  const recognizer = await loadRecognizer(folder, { backend, purpose: "training" });
  const data = await loadEvaluationData(folder, config, options);
  onReady?.(recognizer);
  const source = forReport || noiseFrom !== undefined ? await chooseNoise(data, noiseFrom) : undefined;
  const evaluation = await evaluate(recognizer, data, onEvaluating);
  const noise = source && (await figuresInNoise(recognizer, data, source, config.seed, onEvaluatingInNoise));
  recognizer.dispose();
  const document = {
    run: folder.path,
    ...evaluation.metrics,
    seenInTraining: data.seenInTraining,
    ...analyse(evaluation),
    ...(noise && { noise }),
  };
  return { run: folder, config, history, evaluation, document };
}
