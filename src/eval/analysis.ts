import { type Calibration, calibration } from "./analysis/calibration.js";
import { type Detection, detection, type KeywordCurve, keywordCurves } from "./analysis/detection.js";
import { accuracyBySpeaker, type SpeakerAccuracy } from "./analysis/speakers.js";
import type { Evaluation } from "./evaluate.js";
import { correctness, exampleLogits, predictedLabels, softmax, topKAccuracies } from "./metrics.js";

/** What the answers of an evaluation tell beside its metrics. docs/evaluation.md defines every figure. */
export interface Analysis {
  /** The share of clips whose true label is among the k most probable. */
  topK: { k: number; accuracy: number }[];
  detection: Detection;
  calibration: Calibration;
  /** The worst first; absent where the data has no speakers. `silence` clips are nobody's. */
  speakers?: SpeakerAccuracy[];
}

/** @returns the figures, and the curves behind those of detection */
export function analyse(evaluation: Evaluation): { analysis: Analysis; curves: KeywordCurve[] } {
  const { answers, data, metrics } = evaluation;
  const predicted = predictedLabels(answers);
  const correct = correctness(answers, data.truth);
  const probabilities = Float64Array.from(
    predicted,
    (label, i) => softmax(exampleLogits(answers, i))[label]!,
  );
  const curves = keywordCurves(answers, data.truth, metrics.labels);
  const support = new Map(metrics.perLabel.map((each) => [each.label, each.support]));
  const { labels, speakers } = data.clips;
  return {
    analysis: {
      topK: topKAccuracies(answers, data.truth),
      detection: detection(curves, support, metrics.examples),
      calibration: calibration(probabilities, correct),
      ...(speakers && {
        speakers: accuracyBySpeaker(
          correct,
          Array.from(data.rows, (row) => (labels[row] === "silence" ? undefined : speakers[row]!)),
        ),
      }),
    },
    curves,
  };
}
