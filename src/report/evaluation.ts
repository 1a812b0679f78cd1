import { join } from "node:path";
import { percent } from "../base/figures.js";
import { writeFileAtomic } from "../base/files.js";
import { packageVersion } from "../base/version.js";
import { keywordCurves, meanCurve } from "../eval/analysis/detection.js";
import { type MistakeSound, mistakeSounds } from "../eval/analysis/mistakes.js";
import type { Evaluation } from "../eval/evaluate.js";
import type { EvaluatedRun, EvaluationDocument } from "../eval/evaluate-run.js";
import { confusionSvg } from "../plot/confusion.js";
import { curvesSvg } from "../plot/curves.js";
import { detSvg, rocSvg } from "../plot/evaluation/detection.js";
import { noiseSvg } from "../plot/evaluation/noise.js";
import { reliabilitySvg } from "../plot/evaluation/reliability.js";
import { speakersSvg } from "../plot/evaluation/speakers.js";
import { topKSvg } from "../plot/evaluation/top-k.js";
import { type Block, htmlReport, type Section } from "../plot/html.js";
import { svgToPng } from "../plot/png.js";
import type { EpochRecord } from "../run/folder.js";
import { keptEpoch } from "../run/history.js";
import { lossRemark, settingColumns } from "../run/setting-columns.js";
import type { RunConfig } from "../run/settings.js";
import { checkReportFolder, pictureNames, removeOtherFigures, writeMistakes } from "./folder.js";
import { labelTable, noiseTable, seenWarning } from "./tables.js";

/** Number of speakers in the picture; the JSON has all. */
const mostSpeakers = 30;
/** SVG documents; absent if no noise was added, or the data have no keywords or no speakers. */
type Pictures = { readonly [name in (typeof pictureNames)[number]]?: string };

/**
 * Writes `index.html`, which opens without a network, its pictures as SVG and PNG, the most confident mistakes as WAV
 * files in `mistakes`, and the figures as `evaluation.json`.
 *
 * @returns the path of the HTML file
 * @throws UserError when the folder has a file of such a name that keyspot did not write
 */
export async function writeEvaluationReport(
  folder: string,
  evaluated: EvaluatedRun,
  onProgress?: (done: number, total: number) => void,
): Promise<string> {
  checkReportFolder(folder);
  const { run, config, history, evaluation, document } = evaluated;
  const { metrics, data } = evaluation;
  const pictures = await drawPictures(evaluation, document);
  const sounds = mistakeSounds(evaluation);
  const html = htmlReport({
    title: `${config.model}: ${percent(metrics.accuracy)} of ${metrics.examples} clips`,
    intro: `${run.path} on ${data.part === "all" ? "all the data" : `the ${data.part} part`}. Written by keyspot ${packageVersion}.`,
    sections: [
      figuresSection(document),
      confusionSection(pictures),
      ...detectionSections(document, pictures),
      confidenceSection(document, pictures),
      ...noiseSections(document, pictures),
      ...speakersSections(document, pictures),
      mistakesSection(sounds),
      await trainingSection(config, history),
    ],
  });
  const files: { name: string; content: string | Uint8Array }[] = [];
  for (const [done, name] of pictureNames.entries()) {
    const svg = pictures[name];
    if (svg !== undefined) {
      files.push({ name: `${name}.svg`, content: svg });
      files.push({ name: `${name}.png`, content: await svgToPng(svg) });
    }
    onProgress?.(done + 1, pictureNames.length);
  }
  // The slow work is done. The page is written first: it marks the folder as a report.
  const path = join(folder, "index.html");
  writeFileAtomic(path, html);
  removeOtherFigures(folder, ["evaluation.json", ...files.map(({ name }) => name)]);
  for (const { name, content } of files) writeFileAtomic(join(folder, name), content);
  writeMistakes(join(folder, "mistakes"), sounds);
  const mistakes = sounds.map(({ mistake, file }) => ({ ...mistake, file: `mistakes/${file}` }));
  writeFileAtomic(join(folder, "evaluation.json"), `${JSON.stringify({ ...document, mistakes }, null, 2)}\n`);
  return path;
}

async function drawPictures(
  { logits, data, metrics }: Evaluation,
  { run, topK, detection, calibration, noise, speakers }: EvaluationDocument,
): Promise<Pictures> {
  const keywords = keywordCurves(logits, data.truth, metrics.labels).map(({ label, curve }, i) => ({
    label,
    curve,
    equalErrorRate: detection.perKeyword[i]!.equalErrorRate,
  }));
  const curves = { keywords, mean: meanCurve(keywords.map(({ curve }) => curve)) };
  return {
    confusion: await confusionSvg(metrics.labels, metrics.confusion, run),
    "top-k": await topKSvg(topK),
    ...(keywords.length > 0 && { roc: await rocSvg(curves), det: await detSvg(curves) }),
    reliability: await reliabilitySvg(calibration.bins),
    ...(noise && { noise: await noiseSvg(noise.levels, metrics.accuracy) }),
    ...(speakers?.length && {
      speakers: await speakersSvg(speakers.slice(0, mostSpeakers), metrics.accuracy),
    }),
  };
}

function figuresSection(document: EvaluationDocument): Section {
  const { run, accuracy, macroF1, loss, baseline, examples, seenInTraining } = document;
  const seen: Block = {
    kind: "warning",
    text: `${seenWarning(run, seenInTraining, examples)}.`,
  };
  return {
    heading: "Figures",
    blocks: [
      ...(seenInTraining > 0 ? [seen] : []),
      {
        kind: "paragraph",
        text: `Accuracy ${percent(accuracy)}, macro F1 ${macroF1.toFixed(3)}, mean cross-entropy ${loss.toFixed(4)}. Always answering “${baseline.label}” would get ${percent(baseline.accuracy)}.`,
      },
      { kind: "table", ...labelTable(document) },
    ],
  };
}

function confusionSection(pictures: Pictures): Section {
  return {
    heading: "Confusion",
    blocks: [
      {
        kind: "figures",
        figures: [
          {
            svg: pictures.confusion!,
            caption: "Number of clips of each true label (rows) by predicted label (columns).",
          },
          {
            svg: pictures["top-k"]!,
            caption: "Share of clips whose true label is among the k most probable ones.",
          },
        ],
      },
    ],
  };
}

function detectionSections({ detection }: EvaluationDocument, { roc, det }: Pictures): Section[] {
  const { perKeyword, mean } = detection;
  if (roc === undefined || det === undefined || mean === null) return [];
  const cells = (figures: Pick<typeof mean, "areaUnderRoc" | "equalErrorRate" | "falseRejects">) => [
    figures.areaUnderRoc.toFixed(4),
    percent(figures.equalErrorRate),
    ...figures.falseRejects.map(({ falseRejectRate }) => percent(falseRejectRate, 1)),
  ];
  const rates = mean.falseRejects.map(({ falseAlarmRate }) => percent(falseAlarmRate, 1));
  const rows = perKeyword.map(({ label, positives, ...figures }) => [
    label,
    String(positives),
    ...cells(figures),
  ]);
  return [
    {
      heading: "Detection",
      blocks: [
        {
          kind: "paragraph",
          text: "Each keyword is detected on its own, by a threshold on its probability. A false alarm is another clip that is taken for the keyword, a false reject a clip of the keyword that is missed. At the equal error rate both are as frequent. The last columns are the false-reject rates at the given false-alarm rates.",
        },
        {
          kind: "figures",
          figures: [
            { svg: roc, caption: "ROC: detection rate against false-alarm rate." },
            {
              svg: det,
              caption:
                "DET: false-reject rate against false-alarm rate, on scales that spread small rates out.",
            },
          ],
        },
        {
          kind: "table",
          headers: [
            "keyword",
            "clips",
            "area under ROC",
            "equal error rate",
            ...rates.map((rate) => `rejects at ${rate}`),
          ],
          rows: perKeyword.length > 1 ? [...rows, ["mean", "", ...cells(mean)]] : rows,
        },
      ],
    },
  ];
}

function confidenceSection({ calibration, accuracy }: EvaluationDocument, pictures: Pictures): Section {
  const { expectedCalibrationError, meanConfidence } = calibration;
  return {
    heading: "Confidence",
    blocks: [
      {
        kind: "paragraph",
        text: `The mean probability of the predictions is ${percent(meanConfidence)}; ${percent(accuracy)} of them are right. The expected calibration error is ${percent(expectedCalibrationError)}.`,
      },
      {
        kind: "figures",
        figures: [
          {
            svg: pictures.reliability!,
            caption:
              "Accuracy of the predictions of a given probability, and below it their share of the clips.",
          },
        ],
      },
    ],
  };
}

function noiseSections({ noise }: EvaluationDocument, pictures: Pictures): Section[] {
  if (noise === undefined || pictures.noise === undefined) return [];
  const { source, seconds } = noise;
  const of = seconds === null ? "" : ` (${seconds} different ${seconds === 1 ? "second" : "seconds"})`;
  const sources: Record<string, string> = {
    silence: `the data's silence clips that the run was not trained on${of}`,
    pink: "generated pink noise",
  };
  return [
    {
      heading: "Noise",
      blocks: [
        {
          kind: "paragraph",
          text: `The same clips with noise added: ${sources[source] ?? `recordings in ${source}${of}`}. The ratio is that of the powers over the whole clip.`,
        },
        {
          kind: "figures",
          figures: [
            {
              svg: pictures.noise,
              caption: "Accuracy at each signal-to-noise ratio; in grey, the recall of each label.",
            },
          ],
        },
        { kind: "table", ...noiseTable(noise) },
      ],
    },
  ];
}

function speakersSections({ speakers }: EvaluationDocument, pictures: Pictures): Section[] {
  if (speakers === undefined || pictures.speakers === undefined) return [];
  const which =
    speakers.length > mostSpeakers
      ? `The ${mostSpeakers} of ${speakers.length} speakers with the lowest upper bound`
      : "Each speaker's accuracy";
  return [
    {
      heading: "Speakers",
      blocks: [
        {
          kind: "figures",
          figures: [
            {
              svg: pictures.speakers,
              caption: `${which}, with a 95 % interval (Wilson), ordered by its upper bound.`,
            },
          ],
        },
      ],
    },
  ];
}

function mistakesSection(sounds: readonly MistakeSound[]): Section {
  if (sounds.length === 0)
    return { heading: "Mistakes", blocks: [{ kind: "paragraph", text: "There are none." }] };
  const { speaker, word } = sounds[0]!.mistake;
  return {
    heading: "Mistakes",
    blocks: [
      {
        kind: "paragraph",
        text: "The wrong predictions of the highest probability, to listen to. Their WAV files are in the folder “mistakes”.",
      },
      {
        kind: "sounds",
        headers: [
          "label",
          "predicted",
          "probability",
          ...(word === undefined ? [] : ["word"]),
          ...(speaker === undefined ? [] : ["speaker"]),
          "row in the data",
        ],
        rows: sounds.map(({ mistake, wav }) => ({
          wav,
          cells: [
            mistake.label,
            mistake.predicted,
            percent(mistake.probability, 1),
            ...(mistake.word === undefined ? [] : [mistake.word]),
            ...(mistake.speaker === undefined ? [] : [mistake.speaker]),
            String(mistake.index),
          ],
        })),
      },
    ],
  };
}

async function trainingSection(config: RunConfig, history: readonly EpochRecord[]): Promise<Section> {
  return {
    heading: "Training",
    blocks: [
      {
        kind: "figures",
        figures: [
          {
            svg: await curvesSvg(history, keptEpoch(history, config)),
            caption: `Accuracy and loss over the epochs.${lossRemark([config])}`,
          },
        ],
      },
      {
        kind: "table",
        headers: ["setting", "value"],
        rows: settingColumns.map(([heading, value]) => [heading, value(config)]),
      },
    ],
  };
}
