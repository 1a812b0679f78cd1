/** Clips whose predicted label has a probability in (from, to]. */
export interface ReliabilityBin {
  from: number;
  to: number;
  clips: number;
  /** Mean probability of the predicted label. */
  confidence: number;
  accuracy: number;
}

export interface Calibration {
  /** Mean difference of confidence and accuracy, bins weighted by their clips. */
  expectedCalibrationError: number;
  /** Mean probability of the predicted label. If it is above the accuracy, the model is overconfident. */
  meanConfidence: number;
  /** The bins that have clips, in ascending order. */
  bins: ReliabilityBin[];
}

/**
 * Computes how well probabilities match accuracies: of clips predicted with a probability of 0.8, eight in ten should be
 * right. Bins have equal width; 15 of them as in C. Guo and others, "On calibration of modern neural networks" (2017), equations 2, 3 and 5.
 *
 * @param probabilities by clip: probability of the predicted label, in (0, 1]; at least one clip
 * @param correct by clip, 1 or 0
 */
export function calibration(
  probabilities: ArrayLike<number>,
  correct: ArrayLike<number>,
  binCount = 15,
): Calibration {
  const sums = Array.from({ length: binCount }, () => ({ clips: 0, confidence: 0, right: 0 }));
  for (let i = 0; i < probabilities.length; i++) {
    const bin = sums[Math.max(0, Math.ceil(probabilities[i]! * binCount) - 1)]!;
    bin.clips++;
    bin.confidence += probabilities[i]!;
    bin.right += correct[i]!;
  }
  const bins = sums.flatMap(({ clips, confidence, right }, i) =>
    clips === 0
      ? []
      : [
          {
            from: i / binCount,
            to: (i + 1) / binCount,
            clips,
            confidence: confidence / clips,
            accuracy: right / clips,
          },
        ],
  );
  const total = probabilities.length;
  return {
    expectedCalibrationError: sums.reduce(
      (sum, { confidence, right }) => sum + Math.abs(confidence - right) / total,
      0,
    ),
    meanConfidence: sums.reduce((sum, { confidence }) => sum + confidence, 0) / total,
    bins,
  };
}
