import { softmax } from "../../base/numbers.js";
import { encodeClip } from "../../data/choose.js";
import type { Evaluation } from "../evaluate.js";
import { exampleLogits, predictedLabels } from "../metrics.js";

/** A clip whose predicted label is wrong. */
export interface Mistake {
  /** The row in the data as it was read. */
  index: number;
  /** The label in the data, also when it is counted as another one. */
  label: string;
  predicted: string;
  /** The probability of the predicted label. */
  probability: number;
  speaker?: string;
  /** The spoken word, if the data has it. */
  word?: string;
  /** Path of the WAV file in a report, relative to the report. */
  file?: string;
}

/** Returns the wrong predictions of the highest probability in descending order, each with its row of `clips`. */
export function confidentMistakes(evaluation: Evaluation, most = 20): { mistake: Mistake; row: number }[] {
  const { logits, data, metrics } = evaluation;
  const { clips } = data;
  const predicted = predictedLabels(logits);
  const wrong = [...data.rows.keys()].filter((i) => predicted[i] !== data.truth[i]);
  return wrong
    .map((i) => ({ i, probability: softmax(exampleLogits(logits, i))[predicted[i]!]! }))
    .sort((a, b) => b.probability - a.probability || a.i - b.i)
    .slice(0, most)
    .map(({ i, probability }) => {
      const row = data.rows[i]!;
      const mistake = {
        index: clips.rows[row]!,
        label: clips.labels[row]!,
        predicted: metrics.labels[predicted[i]!]!,
        probability,
        ...(clips.speakers && { speaker: clips.speakers[row]! }),
        ...(clips.words && { word: clips.words[row]! }),
      };
      return { mistake, row };
    });
}

/** A mistake to listen to: its clip as a WAV file, and the file's name. */
export interface MistakeSound {
  mistake: Mistake;
  file: string;
  wav: Uint8Array;
}

/** Encodes the most confident mistakes as WAV files. */
export function mistakeSounds(evaluation: Evaluation): MistakeSound[] {
  return confidentMistakes(evaluation).map(({ mistake, row }, i) => {
    const place = String(i + 1).padStart(2, "0");
    const file = `${place}-${fileName(mistake.label)}-as-${fileName(mistake.predicted)}.wav`;
    return { mistake, file, wav: encodeClip(evaluation.data.clips, row) };
  });
}

/** Makes a label fit for a file name. */
function fileName(label: string): string {
  return label.replace(/[^\p{L}\p{N}_-]+/gu, "_").slice(0, 40) || "_";
}
