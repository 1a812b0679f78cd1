import { z } from "zod";

const inRange = (low: number, high: number) => {
  const error = `expected a number from ${low} to ${high}`;
  return z.number({ error }).min(low, { error }).max(high, { error });
};
const range = (low: number, high: number) => {
  const error = `expected the lowest and the highest, two numbers from ${low} to ${high}`;
  return z
    .tuple([z.number({ error }), z.number({ error })], { error })
    .refine(([from, to]) => low <= from && from <= to && to <= high, { error });
};
const maskWidth = () => {
  const error = "expected a whole number of at least 0";
  return z.number({ error }).int({ error }).min(0, { error });
};
const probability = () => inRange(0, 1);

/** Strengths of augmentation. Each clip is changed anew in each epoch; an absent entry means no such change. */
export const augmentSchema = z.strictObject(
  {
    /** Played faster or slower by a factor of up to 1 + `speed` either way; the pitch changes too. */
    speed: inRange(0, 1).optional(),
    /** Largest shift in time either way, ms. */
    timeShiftMs: inRange(0, 1000).optional(),
    /** Reverberation of a room. */
    reverb: z
      .strictObject(
        {
          probability: probability(),
          /** Time in which the reverberation decays by 60 dB, ms. */
          rt60Ms: range(1, 10_000),
          /** Ratio of direct sound to reverberation, dB. */
          directDb: range(-40, 60),
        },
        { error: "expected probability, rt60Ms and directDb" },
      )
      .optional(),
    /** Background noise. */
    noise: z
      .strictObject(
        {
          probability: probability(),
          /** Signal-to-noise ratio, dB. */
          snrDb: range(-60, 120),
          /** Folder of WAV files of noise. Default: the training part's clips of silence. */
          folder: z.string({ error: "expected a folder's path" }).min(1).optional(),
        },
        { error: "expected probability and snrDb" },
      )
      .optional(),
    /** Largest change of level either way, dB. */
    gainDb: inRange(0, 60).optional(),
    /** Two clips of a batch and their labels are mixed, in shares drawn from Beta(alpha, alpha). */
    mixup: z
      .strictObject(
        { probability: probability(), alpha: inRange(0.01, 100) },
        { error: "expected probability and alpha" },
      )
      .optional(),
    /** SpecAugment, for models whose front end has bands: largest widths of its masks, two each over bands and frames. */
    specAugment: z
      .strictObject({ bands: maskWidth(), frames: maskWidth() }, { error: "expected bands and frames" })
      .optional(),
  },
  { error: "expected strengths, or one of none, standard" },
);

export type AugmentSettings = z.infer<typeof augmentSchema>;

/** The named recipes of `--augment`. */
export const augmentRecipes: Readonly<Record<"none" | "standard", AugmentSettings>> = {
  none: {},
  standard: { timeShiftMs: 100 },
};

/** Returns a recipe's strengths for its name; anything else unchanged, for the schema to check. */
export function namedRecipe(given: unknown): unknown {
  return typeof given === "string" && Object.hasOwn(augmentRecipes, given)
    ? augmentRecipes[given as keyof typeof augmentRecipes]
    : given;
}

/** Returns the name of the recipe with these strengths, else the strengths as text. */
export function augmentText(settings: AugmentSettings): string {
  const text = (strengths: AugmentSettings) => JSON.stringify(strengths);
  const recipe = Object.entries(augmentRecipes).find(([, strengths]) => text(strengths) === text(settings));
  return recipe === undefined
    ? text(settings)
        .replace(/"/g, "")
        .replace(/([:,])/g, "$1 ")
    : recipe[0];
}
