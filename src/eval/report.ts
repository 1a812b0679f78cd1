import { join } from "node:path";
import { writeFileAtomic } from "../files.js";
import { accuracyBars, perLabelBars } from "../plot/bars.js";
import { confusionSvg } from "../plot/confusion.js";
import { compareCurves } from "../plot/curves.js";
import { type Block, htmlReport, type Section } from "../plot/report.js";
import { packageVersion } from "../version.js";
import type { DetailedComparison } from "./compare.js";
import { percent, settingColumns } from "./report/parts.js";
import { checkReportFolder } from "./report-folder.js";

/**
 * Writes `index.html`, which opens without a network, and `comparison.json` into the folder.
 *
 * @returns the path of the HTML file
 * @throws UserError where the folder has another's file of such a name
 */
export async function writeComparisonReport(folder: string, detailed: DetailedComparison): Promise<string> {
  checkReportFolder(folder);
  const { comparison, details, bySpeaker } = detailed;
  const { runs, pairs, baseline, examples } = comparison;
  const names = shortNames(runs.map(({ run }) => run));
  const metrics = details.map(({ evaluation }) => evaluation.metrics);
  const labels = metrics[0]!.labels;
  const sameLabels = metrics.every((each) => each.labels.join() === labels.join());

  const sections: Section[] = [
    {
      heading: "Accuracy",
      blocks: [
        ...comparison.seenInTraining.map(
          ({ run, clips }): Block => ({
            kind: "warning",
            text: `${run} was trained, or its best epoch chosen, on ${clips} of the ${examples} clips: its figures flatter.`,
          }),
        ),
        {
          kind: "figures",
          figures: [
            {
              svg: await accuracyBars(
                runs.map(({ accuracy, accuracyCi95 }, i) => ({
                  name: names[i]!,
                  accuracy,
                  ci95: accuracyCi95,
                })),
                baseline.accuracy,
              ),
              caption: `Accuracy on ${examples} clips with 95 % confidence intervals (bootstrap over ${bySpeaker ? "speakers" : "clips"}); the line is what always answering “${baseline.label}” would get, ${percent(baseline.accuracy)}.`,
            },
          ],
        },
        {
          kind: "table",
          headers: ["run", "accuracy", "95 % interval", "macro F1", "loss"],
          rows: runs.map((run, i) => [
            names[i]!,
            percent(run.accuracy),
            `${(100 * run.accuracyCi95[0]).toFixed(1)} to ${percent(run.accuracyCi95[1], 1)}`,
            run.macroF1.toFixed(3),
            run.loss.toFixed(4),
          ]),
        },
        {
          kind: "table",
          headers: ["run", "model", "input", "parameters", "multiply-adds", "ms a clip"],
          rows: runs.map((run, i) => [
            names[i]!,
            run.model,
            run.input,
            run.params.toLocaleString("en-US"),
            `${(run.macs / 1e6).toLocaleString("en-US", { maximumFractionDigits: 1 })} M`,
            run.msPerClip.toFixed(1),
          ]),
        },
      ],
    },
    {
      heading: "Pair by pair",
      blocks: [
        {
          kind: "paragraph",
          text: "On how many clips only one of two runs is right, and the exact McNemar test of that difference: the probability of one at least as large if neither run were better.",
        },
        {
          kind: "table",
          headers: ["a", "b", "only a right", "only b right", "McNemar p"],
          rows: pairs.map((pair) => [
            names[runs.findIndex(({ run }) => run === pair.a)]!,
            names[runs.findIndex(({ run }) => run === pair.b)]!,
            String(pair.aOnlyRight),
            String(pair.bOnlyRight),
            pair.mcnemarP < 0.0001 ? pair.mcnemarP.toExponential(1) : pair.mcnemarP.toFixed(4),
          ]),
        },
      ],
    },
    {
      heading: "Training",
      blocks: [
        {
          kind: "figures",
          figures: [
            {
              svg: await compareCurves(details.map(({ history }, i) => ({ name: names[i]!, history }))),
              caption:
                "Accuracy and loss over the epochs, all runs on the same axes; the best epoch is marked.",
            },
          ],
        },
        {
          kind: "table",
          headers: ["run", ...settingColumns.map(([heading]) => heading)],
          rows: details.map(({ config }, i) => [
            names[i]!,
            ...settingColumns.map(([, value]) => value(config)),
          ]),
        },
      ],
    },
    ...(sameLabels
      ? [
          {
            heading: "By label",
            blocks: [
              {
                kind: "figures",
                figures: [
                  {
                    svg: await perLabelBars(
                      labels,
                      metrics.map((each, i) => ({
                        name: names[i]!,
                        values: each.perLabel.map(({ f1 }) => f1),
                      })),
                      "F1",
                    ),
                    caption: "F1, the harmonic mean of precision and recall, of each label.",
                  },
                ],
              } satisfies Block,
            ],
          },
        ]
      : []),
    {
      heading: "Confusion",
      blocks: [
        {
          kind: "figures",
          figures: await Promise.all(
            metrics.map(async (each, i) => ({
              svg: await confusionSvg(each.labels, each.confusion, names[i]!),
              caption: `${names[i]}: how many clips of each true label (rows) were given each label (columns).`,
            })),
          ),
        },
      ],
    },
  ];
  const html = htmlReport({
    title: `${runs.length} runs on the same ${examples} clips`,
    intro: `Written by keyspot ${packageVersion}.`,
    sections,
  });
  const path = join(folder, "index.html");
  writeFileAtomic(path, html); // first: it makes the folder known as a report's
  writeFileAtomic(join(folder, "comparison.json"), `${JSON.stringify(comparison, null, 2)}\n`);
  return path;
}

/** The folders' own names where those tell the runs apart, else their paths. */
function shortNames(paths: readonly string[]): string[] {
  const names = paths.map(
    (path) =>
      path
        .replace(/[/\\]+$/, "")
        .split(/[/\\]/)
        .at(-1)!,
  );
  return new Set(names).size === names.length ? names : [...paths];
}
