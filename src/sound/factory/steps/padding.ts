import { UserError, usageError } from "../../../base/errors.js";
import { requireInteger, requireOneOf } from "../../../dsp/checks.js";

const pads = ["rpad", "lpad", "center"] as const;
const cuts = ["rcut", "lcut", "center"] as const;

/**
 * How recordings are brought to one length. A shorter one gets zeros after it (`rpad`), before it (`lpad`) or
 * on both sides (`center`). A longer one loses its end (`rcut`), its beginning (`lcut`) or both (`center`).
 * With `center` and an odd number of samples, one more is added or cut at the end.
 */
export type PaddingName = `${(typeof pads)[number]}-${(typeof cuts)[number]}`;
export const paddingNames = pads.flatMap((pad) => cuts.map((cut): PaddingName => `${pad}-${cut}`));

/**
 * A custom policy. It gets all channels of a recording and returns the same number of channels of `length`
 * samples.
 */
export type PaddingFunction = (channels: readonly Float32Array[], length: number) => readonly Float32Array[];

export interface Padding {
  /** Length, samples. */
  readonly length: number;
  /** Default: rpad-rcut. */
  readonly policy?: PaddingName | PaddingFunction;
}

/** @throws UserError (exit 2) for a length that is not a positive whole number, or an unknown policy */
export function checkPadding({ length, policy = "rpad-rcut" }: Padding): void {
  requireInteger("padding.length", length);
  if (typeof policy !== "function") requireOneOf("padding.policy", policy, paddingNames);
}

/**
 * Brings channels to `padding.length` samples each.
 *
 * @throws UserError (exit 2) as `checkPadding`; (exit 1) if a custom policy returns anything else
 */
export function padChannels(channels: readonly Float32Array[], padding: Padding): readonly Float32Array[] {
  checkPadding(padding);
  const { length, policy = "rpad-rcut" } = padding;
  if (typeof policy === "function") return padByFunction(channels, length, policy);
  const [pad, cut] = policy.split("-") as [(typeof pads)[number], (typeof cuts)[number]];
  return channels.map((samples) => {
    const missing = length - samples.length;
    if (missing < 0) {
      const start = before[cut](-missing);
      return samples.slice(start, start + length);
    }
    const padded = new Float32Array(length);
    padded.set(samples, before[pad](missing));
    return padded;
  });
}

/** Number of samples to add or cut at the beginning, from the number in all. */
const before = {
  rpad: () => 0,
  rcut: () => 0,
  lpad: (count: number) => count,
  lcut: (count: number) => count,
  center: (count: number) => Math.floor(count / 2),
};

function padByFunction(channels: readonly Float32Array[], length: number, policy: PaddingFunction) {
  const padded = policy(channels, length);
  const name = policy.name === "" ? "the padding function" : `the padding function ${policy.name}`;
  if (!Array.isArray(padded) || padded.length !== channels.length)
    throw new UserError(
      `${name} must return as many channels as it gets, expected ${channels.length}, got ${Array.isArray(padded) ? padded.length : typeof padded}`,
    );
  for (const [index, samples] of padded.entries())
    if (!(samples instanceof Float32Array) || samples.length !== length)
      throw new UserError(
        `${name} must return a Float32Array of ${length} samples for each channel, channel ${index} is ${describe(samples)}`,
      );
  return padded as Float32Array[];
}

function describe(samples: unknown): string {
  if (samples instanceof Float32Array) return `one of ${samples.length}`;
  return samples === null || typeof samples !== "object"
    ? String(samples)
    : `of type ${samples.constructor.name}`;
}

/** Returns the name under which a policy is saved. */
export function paddingName({ policy = "rpad-rcut" }: Padding): string {
  if (typeof policy !== "function") return policy;
  if (policy.name === "" || (paddingNames as string[]).includes(policy.name))
    throw usageError(
      "to be saved, the padding function needs a name that is not a built-in policy: function loudest(channels, length) {…}",
    );
  return policy.name;
}
