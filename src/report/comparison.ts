import { join } from "node:path";
import { percent } from "../base/figures.js";
import { writeFileAtomic } from "../base/files.js";
import { packageVersion } from "../base/version.js";
import type { Comparison, DetailedComparison } from "../eval/compare.js";
import { shortNames } from "../eval/names.js";
import { shortGroupNames } from "../eval/seeds.js";
import { accuracyBars, perLabelBars } from "../plot/bars.js";
import { confusionSvg } from "../plot/confusion.js";
import { compareCurves } from "../plot/curves.js";
import { seedsSvg } from "../plot/evaluation/seeds.js";
import { type Block, htmlReport, type Section } from "../plot/html.js";
import type { Table } from "../plot/table.js";
import { keptEpoch } from "../run/history.js";
import { lossRemark, settingColumns } from "../run/setting-columns.js";
import { checkReportFolder, removeOtherFigures } from "./folder.js";
import { accuracyTable, costTable, describeClips, pairTable, seedTable, seenWarning } from "./tables.js";

/**
 * Writes `index.html`, which opens without a network, and `comparison.json` into the folder.
 *
 * @returns the path of the HTML file
 * @throws UserError when the folder has a file of such a name that keyspot did not write
 */
export async function writeComparisonReport(folder: string, detailed: DetailedComparison): Promise<string> {
  checkReportFolder(folder);
  const { comparison, details, bySpeaker } = detailed;
  const { runs, baseline, testSets } = comparison;
  const onWhich = describeClips(comparison);
  const names = shortNames(runs.map(({ run }) => run));
  const metrics = details.map(({ evaluation }) => evaluation.metrics);
  const seeds = seedTable(comparison);
  const labels = metrics[0]!.labels;
  const sameLabels = metrics.every((each) => each.labels.join() === labels.join());

  const sections: Section[] = [
    {
      heading: "Accuracy",
      blocks: [
        ...comparison.seenInTraining.map(
          ({ run, clips }): Block => ({
            kind: "warning",
            text: `${seenWarning(run, clips, runs.find((each) => each.run === run)!.examples)}.`,
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
              caption: `Accuracy on ${onWhich} with 95 % confidence intervals (bootstrap over ${bySpeaker ? "speakers" : "clips"}); the line is what always answering “${baseline.label}” would get, ${percent(baseline.accuracy)}.`,
            },
          ],
        },
        { kind: "table", ...accuracyTable(comparison) },
        { kind: "table", ...costTable(comparison) },
      ],
    },
    ...(seeds === undefined ? [] : [await seedsSection(comparison, seeds)]),
    {
      heading: "Pair by pair",
      blocks: [
        {
          kind: "paragraph",
          text: "Number of clips on which only one of two runs is right, and the exact McNemar test of that difference: the probability of one at least as large if neither run were better and all clips were independent. Clips of one speaker are not. The interval of the difference in accuracy, in points, allows for that if it is resampled over speakers.",
        },
        { kind: "table", ...pairTable(comparison) },
      ],
    },
    {
      heading: "Training",
      blocks: [
        {
          kind: "figures",
          figures: [
            {
              svg: await compareCurves(
                details.map(({ history, config }, i) => ({
                  name: names[i]!,
                  history,
                  kept: keptEpoch(history, config),
                })),
              ),
              caption: `Accuracy and loss over the epochs, all runs on the same axes. The mark is the epoch whose model is kept.${lossRemark(details.map(({ config }) => config))}`,
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
              caption: `${names[i]}: number of clips of each true label (rows) by predicted label (columns).`,
            })),
          ),
        },
      ],
    },
  ];
  const html = htmlReport({
    title: `${runs.length} runs on ${testSets === 1 ? "the same " : ""}${onWhich}`,
    intro: `Written by keyspot ${packageVersion}.`,
    sections,
  });
  const path = join(folder, "index.html");
  writeFileAtomic(path, html); // first: it marks the folder as a report
  removeOtherFigures(folder, ["comparison.json"]);
  writeFileAtomic(join(folder, "comparison.json"), `${JSON.stringify(comparison, null, 2)}\n`);
  return path;
}

async function seedsSection({ groups, runs, testSets }: Comparison, table: Table): Promise<Section> {
  const names = shortGroupNames(groups, runs);
  return {
    heading: "Over seeds",
    blocks: [
      {
        kind: "paragraph",
        text: `Runs that differ only in their seed: the mean of their figures, the standard deviation (n - 1) and the range. ${testSets === 1 ? "" : "The seed also splits the data, so that the spread includes that of the test parts. "}Pairs are tested run by run, never pooled.`,
      },
      {
        kind: "figures",
        figures: [
          {
            svg: await seedsSvg(
              groups.map(({ accuracy }, i) => ({
                name: names[i]!,
                mean: accuracy.mean,
                sd: accuracy.sd,
                accuracies: accuracy.values,
              })),
            ),
            caption: "The accuracy of each seed's run, its mean and standard deviation.",
          },
        ],
      },
      { kind: "table", ...table },
    ],
  };
}
