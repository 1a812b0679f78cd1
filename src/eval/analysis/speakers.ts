import { wilsonCi95 } from "../statistics.js";

export interface SpeakerAccuracy {
  speaker: string;
  clips: number;
  right: number;
  accuracy: number;
  /** Wilson's interval; it is wide for a speaker of few clips. */
  accuracyCi95: [low: number, high: number];
}

/**
 * Computes the accuracy of each speaker's clips, worst first. The order is that of the interval's upper bound, so that
 * one wrong clip of one counts less than nine of ten.
 *
 * @param correct by clip, 1 or 0
 * @param speakers by clip; undefined for a clip without a speaker
 */
export function accuracyBySpeaker(
  correct: ArrayLike<number>,
  speakers: readonly (string | undefined)[],
): SpeakerAccuracy[] {
  const counts = new Map<string, { clips: number; right: number }>();
  speakers.forEach((speaker, i) => {
    if (speaker === undefined) return;
    const count = counts.get(speaker) ?? { clips: 0, right: 0 };
    count.clips++;
    count.right += correct[i]!;
    counts.set(speaker, count);
  });
  return [...counts]
    .map(
      ([speaker, { clips, right }]): SpeakerAccuracy => ({
        speaker,
        clips,
        right,
        accuracy: right / clips,
        accuracyCi95: wilsonCi95(right, clips),
      }),
    )
    .sort((a, b) => a.accuracyCi95[1] - b.accuracyCi95[1] || (a.speaker < b.speaker ? -1 : 1));
}
