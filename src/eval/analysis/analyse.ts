import { softmax } from "../../base/numbers.js";
import type { Evaluation } from "../evaluate.js";
import { correctness, exampleLogits, predictedLabels, topKAccuracies } from "../metrics.js";
import { type Calibration, calibration } from "./calibration.js";
import { type Detection, detection, keywordCurves } from "./detection.js";
import { confidentMistakes, type Mistake } from "./mistakes.js";
import { accuracyBySpeaker, type SpeakerAccuracy } from "./speakers.js";

/** What the answers of an evaluation tell beside its metrics. docs/evaluation.md defines every figure. */
export interface Analysis {
  /** The share of clips whose true label is among the k most probable. */
  topK: { k: number; accuracy: number }[];
  detection: Detection;
  calibration: Calibration;
  /** The worst first; absent where the data has no speakers. `silence` clips are nobody's. */
  speakers?: SpeakerAccuracy[];
  /** The wrong answers that were given with the highest probability, that first. */
  mistakes: Mistake[];
}

export function analyse(evaluation: Evaluation): Analysis {
  const { logits, data, metrics } = evaluation;
  const { labels, speakers } = data.clips;
  const correct = correctness(logits, data.truth);
  const probabilities = Float64Array.from(
    predictedLabels(logits),
    (label, i) => softmax(exampleLogits(logits, i))[label]!,
  );
  const support = new Map(metrics.perLabel.map((each) => [each.label, each.support]));
  return {
    topK: topKAccuracies(logits, data.truth),
    detection: detection(keywordCurves(logits, data.truth, metrics.labels), support, metrics.examples),
    calibration: calibration(probabilities, correct),
    ...(speakers && {
      speakers: accuracyBySpeaker(
        correct,
        Array.from(data.rows, (row) => (labels[row] === "silence" ? undefined : speakers[row]!)),
      ),
    }),
    mistakes: confidentMistakes(evaluation).map(({ mistake }) => mistake),
  };
}
