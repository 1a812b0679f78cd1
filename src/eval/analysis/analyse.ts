import { softmax } from "../../base/numbers.js";
import { SILENCE } from "../../data/labels.js";
import type { Evaluation } from "../evaluate.js";
import { correctness, exampleLogits, predictedLabels, topKAccuracies } from "../metrics.js";
import { type Calibration, calibration } from "./calibration.js";
import { type Detection, detection, keywordCurves } from "./detection.js";
import { confidentMistakes, type Mistake } from "./mistakes.js";
import { accuracyBySpeaker, type SpeakerAccuracy } from "./speakers.js";

/** Further figures of an evaluation. docs/evaluation.md defines each. */
export interface Analysis {
  /** Share of clips whose true label is among the k most probable ones. */
  topK: { k: number; accuracy: number }[];
  detection: Detection;
  calibration: Calibration;
  /** Worst first; absent if the data have no speakers. `silence` has no speaker and is left out. */
  speakers?: SpeakerAccuracy[];
  /** The wrong predictions of the highest probability, in descending order. */
  mistakes: Mistake[];
}

/** Computes all further figures of an evaluation. */
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
        Array.from(data.rows, (row) => (labels[row] === SILENCE ? undefined : speakers[row]!)),
      ),
    }),
    mistakes: confidentMistakes(evaluation).map(({ mistake }) => mistake),
  };
}
