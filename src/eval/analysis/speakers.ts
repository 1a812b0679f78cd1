import { wilsonCi95 } from "../statistics.js";

export interface SpeakerAccuracy {
  speaker: string;
  clips: number;
  right: number;
  accuracy: number;
  /** Wilson's interval: of a speaker with few clips little is known. */
  accuracyCi95: [low: number, high: number];
}

/**
 * The accuracy of each speaker's clips, first those of whom it is surest that they are understood badly: by the upper end
 * of the interval, so that one wrong clip of one does not count as much as nine of ten.
 *
 * @param correct by clip, 1 or 0
 * @param speakers by clip; a clip that nobody speaks has none
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
