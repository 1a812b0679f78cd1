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
const masked = () => {
  const error = "expected a whole number of at least 0";
  return z.number({ error }).int({ error }).min(0, { error });
};
const probability = () => inRange(0, 1);

/** How strongly training clips are changed, each clip anew in each epoch. What is left out is not done. */
export const augmentSchema = z.strictObject(
  {
    /** Played faster or slower by a factor of up to 1 + `speed` either way, pitch and all. */
    speed: inRange(0, 1).optional(),
    /** Earlier or later by up to so many ms. */
    timeShiftMs: inRange(0, 1000).optional(),
    /** The echo of a room. */
    reverb: z
      .strictObject(
        {
          probability: probability(),
          /** Time until the echo has died away by 60 dB, ms. */
          rt60Ms: range(1, 10_000),
          /** Direct sound above the echo, in dB. */
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
          /** The clip above the noise, in dB. */
          snrDb: range(-60, 120),
          /** WAV files of noise; else the training part's clips of silence. */
          folder: z.string({ error: "expected a folder's path" }).min(1).optional(),
        },
        { error: "expected probability and snrDb" },
      )
      .optional(),
    /** Louder or softer by up to so many dB. */
    gainDb: inRange(0, 60).optional(),
    /** Two clips of a batch mixed, and their labels with them, in shares drawn from Beta(alpha, alpha). */
    mixup: z
      .strictObject(
        { probability: probability(), alpha: inRange(0.01, 100) },
        { error: "expected probability and alpha" },
      )
      .optional(),
    /** SpecAugment, in models with a front end of bands: the widest masks over bands and over frames, two of each. */
    specAugment: z
      .strictObject({ bands: masked(), frames: masked() }, { error: "expected bands and frames" })
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

/** A recipe's strengths for its name; anything else as it is, for the schema to judge. */
export function namedRecipe(given: unknown): unknown {
  return typeof given === "string" && Object.hasOwn(augmentRecipes, given)
    ? augmentRecipes[given as keyof typeof augmentRecipes]
    : given;
}

/** A recipe's name where the strengths are its own, else the strengths. */
export function augmentText(settings: AugmentSettings): string {
  const text = (strengths: AugmentSettings) => JSON.stringify(strengths);
  const recipe = Object.entries(augmentRecipes).find(([, strengths]) => text(strengths) === text(settings));
  return recipe === undefined
    ? text(settings)
        .replace(/"/g, "")
        .replace(/([:,])/g, "$1 ")
    : recipe[0];
}
