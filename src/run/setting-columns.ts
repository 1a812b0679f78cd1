import { augmentText } from "../data/augment/settings.js";
import type { RunConfig } from "../run/settings.js";

/** Columns of the table of how runs were trained. */
export const settingColumns: readonly (readonly [heading: string, value: (config: RunConfig) => string])[] = [
  ["width", (config) => String(config.width)],
  ["epochs", (config) => String(config.epochs)],
  ["batch", (config) => String(config.batchSize)],
  ["optimizer", optimizerText],
  ["learning rate", learningRateText],
  ["loss", lossText],
  ["augment", (config) => augmentText(config.augment)],
  ["seed", (config) => String(config.seed)],
  ["split", (config) => config.split],
  [
    "clips to train, validate, test",
    ({ examples }) => `${examples.train}, ${examples.val}, ${examples.test}`,
  ],
  ["backend", (config) => config.backend],
];

function optimizerText({ optimizer, momentum, weightDecay, emaDecay }: RunConfig): string {
  return [
    { adam: "Adam", adamw: "AdamW", sgd: `SGD, momentum ${momentum}` }[optimizer],
    ...(weightDecay > 0 ? [`weight decay ${weightDecay}`] : []),
    ...(emaDecay > 0 ? [`weights averaged (${emaDecay})`] : []),
  ].join(", ");
}

function learningRateText({ learningRate, schedule, warmupEpochs }: RunConfig): string {
  return [
    String(learningRate),
    ...(schedule === "constant" ? [] : [schedule]),
    ...(warmupEpochs > 0 ? [`${warmupEpochs} ${warmupEpochs === 1 ? "epoch" : "epochs"} of warm-up`] : []),
  ].join(", ");
}

function lossText(config: RunConfig): string {
  const { labelSmoothing, logitAdjustment, teacher, teacherWeight, temperature } = config;
  return [
    "cross-entropy",
    ...(labelSmoothing > 0 ? [`labels smoothed by ${labelSmoothing}`] : []),
    ...(logitAdjustment > 0 ? [`logits adjusted (${logitAdjustment})`] : []),
    ...(teacher === undefined
      ? []
      : [`${teacherWeight} of it distilled from ${teacher.join(", ")} at temperature ${temperature}`]),
  ].join(", ");
}

/** A caption's remark for runs whose training loss is not the validation's; empty if there are none. */
export function lossRemark(configs: readonly RunConfig[]): string {
  const differs = configs.some(
    ({ labelSmoothing, logitAdjustment, teacher, augment }) =>
      labelSmoothing > 0 || logitAdjustment > 0 || teacher !== undefined || augment.mixup !== undefined,
  );
  return differs
    ? " The training loss is what was minimised: it includes smoothed or mixed labels, adjusted logits and a teacher's predictions. The validation loss is the cross-entropy alone."
    : "";
}
