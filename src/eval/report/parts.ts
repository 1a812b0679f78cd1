import { augmentText } from "../../data/augment/settings.js";
import type { RunConfig } from "../../settings.js";

/** What a report tells of how a run was trained. */
export const settingColumns: readonly (readonly [heading: string, value: (config: RunConfig) => string])[] = [
  ["width", (config) => String(config.width)],
  ["epochs", (config) => String(config.epochs)],
  ["batch", (config) => String(config.batchSize)],
  ["learning rate", (config) => String(config.learningRate)],
  ["augment", (config) => augmentText(config.augment)],
  ["seed", (config) => String(config.seed)],
  ["split", (config) => config.split],
  [
    "clips to train, validate, test",
    ({ examples }) => `${examples.train}, ${examples.val}, ${examples.test}`,
  ],
  ["backend", (config) => config.backend],
];

/** `0.12345` → `12.35 %`. */
export function percent(share: number, digits = 2): string {
  return `${(100 * share).toFixed(digits)} %`;
}
