import { z } from "zod";
import { UserError, usageError } from "../../../base/errors.js";
import { writeFileAtomic } from "../../../base/files.js";
import { requireFinite } from "../../../dsp/checks.js";
import { describeIssue, readJsonFile } from "../../../run/settings.js";
import { type RealArray, requireArray } from "../real-array.js";
import type { LearningTransform } from "./transforms.js";

export interface ScalerSettings {
  /** What the smallest and the largest value of the examples become, or between which they lie. Default: [-1, 1]. */
  range?: readonly [number, number];
  /** What their mean becomes, inside the range. Then the values reach the range's nearer end, the other one maybe not. */
  mean?: number;
}

/** What is learnt of one of the arrays. */
const statisticsSchema = z.object(
  {
    minimum: z.number({ error: "expected a number" }),
    maximum: z.number({ error: "expected a number" }),
    mean: z.number({ error: "expected a number" }),
  },
  { error: "expected minimum, maximum and mean" },
);
const stateSchema = z.object(
  {
    scaler: z.array(statisticsSchema, { error: "expected the statistics of each array" }).min(1, {
      error: "expected the statistics of at least one array",
    }),
  },
  { error: "expected what a scaler learnt" },
);
type Statistics = z.infer<typeof statisticsSchema>;

/**
 * Scales values linearly to a range, or to a range and a mean. Each of the arrays (a magnitude, a phase, …) is scaled by
 * its own statistics. Values beyond those of the examples come to lie beyond the range, so that nothing is lost.
 *
 * @throws UserError (exit 2) for a range that does not go up, or a mean outside of it
 */
export function scaler(settings: ScalerSettings = {}): LearningTransform {
  return new Scaler(settings);
}

class Scaler implements LearningTransform {
  readonly name = "scaler";
  readonly settings: { range: readonly [number, number]; mean?: number };
  private statistics: readonly Statistics[] | undefined;

  constructor({ range = [-1, 1], mean }: ScalerSettings) {
    if (!Array.isArray(range) || range.length !== 2)
      throw usageError(`the scaler's range must be two numbers, got ${range}`);
    const [low, high] = range as readonly [number, number];
    requireFinite("the scaler's range", low);
    requireFinite("the scaler's range", high);
    if (!(low < high)) throw usageError(`the scaler's range must go up, got ${low} to ${high}`);
    if (mean !== undefined && !(mean > low && mean < high))
      throw usageError(`the scaler's mean must lie between ${low} and ${high}, got ${mean}`);
    this.settings = { range: [low, high], ...(mean !== undefined && { mean }) };
  }

  get fitted(): boolean {
    return this.statistics !== undefined;
  }

  async fit(examples: Iterable<RealArray> | AsyncIterable<RealArray>): Promise<void> {
    const sums: { minimum: number; maximum: number; sum: number; count: number }[] = [];
    let index = 0;
    for await (const example of examples) {
      const planes = planesOf(example);
      if (index === 0)
        for (let i = 0; i < planes.length; i++)
          sums.push({
            minimum: Number.POSITIVE_INFINITY,
            maximum: Number.NEGATIVE_INFINITY,
            sum: 0,
            count: 0,
          });
      if (planes.length !== sums.length)
        throw new UserError(
          `the scaler was fitted to ${sums.length} arrays, example ${index} has ${planes.length}`,
        );
      for (const [i, plane] of planes.entries()) {
        const total = sums[i]!;
        for (const value of plane) {
          if (!Number.isFinite(value))
            throw new UserError(
              `the scaler learns from finite numbers, example ${index} has ${value} in array ${i}`,
            );
          total.sum += value;
          if (value < total.minimum) total.minimum = value;
          if (value > total.maximum) total.maximum = value;
        }
        total.count += plane.length;
      }
      index++;
    }
    if (sums.length === 0) throw new UserError("the scaler learns from examples, it got none");
    this.statistics = sums.map(({ minimum, maximum, sum, count }) => ({
      minimum,
      maximum,
      // Rounding must not put it outside of the values that it is the mean of.
      mean: Math.min(maximum, Math.max(minimum, sum / count)),
    }));
  }

  forward(arrays: RealArray): RealArray {
    return this.map(
      arrays,
      ({ from, to, factor }) =>
        (value) =>
          to + (value - from) * factor,
    );
  }

  backward(arrays: RealArray): RealArray {
    return this.map(
      arrays,
      ({ from, to, factor }) =>
        (value) =>
          from + (value - to) / factor,
    );
  }

  save(path: string): void {
    writeFileAtomic(path, `${JSON.stringify({ scaler: this.learnt() }, null, 2)}\n`);
  }

  load(path: string): void {
    const value = readJsonFile(path);
    const result = stateSchema.safeParse(value);
    if (!result.success) throw new UserError(`${path}: ${describeIssue(result.error, value)}`);
    this.statistics = result.data.scaler;
  }

  private learnt(): readonly Statistics[] {
    if (this.statistics === undefined)
      throw usageError("the scaler knows no data yet: fit it, or load what it learnt, before it is used");
    return this.statistics;
  }

  private map(arrays: RealArray, change: (scale: Scale) => (value: number) => number): RealArray {
    const learnt = this.learnt();
    const planes = planesOf(arrays);
    if (planes.length !== learnt.length)
      throw new UserError(`the scaler was fitted to ${learnt.length} arrays, got ${planes.length}`);
    const result = new Float32Array(arrays.data.length);
    for (const [i, plane] of planes.entries()) {
      const changed = change(this.scaleOf(learnt[i]!));
      const at = i * plane.length;
      for (let j = 0; j < plane.length; j++) result[at + j] = changed(plane[j]!);
    }
    return { data: result, shape: arrays.shape };
  }

  /** The line through the point (from, to). All values alike have no spread to scale: they are moved only. */
  private scaleOf({ minimum, maximum, mean }: Statistics): Scale {
    const {
      range: [low, high],
      mean: wanted,
    } = this.settings;
    if (maximum === minimum) return { from: minimum, to: wanted ?? low, factor: 1 };
    if (wanted === undefined) return { from: minimum, to: low, factor: (high - low) / (maximum - minimum) };
    const factor = Math.min((high - wanted) / (maximum - mean), (wanted - low) / (mean - minimum));
    return { from: mean, to: wanted, factor };
  }
}

interface Scale {
  from: number;
  to: number;
  factor: number;
}

function planesOf(arrays: RealArray): Float32Array[] {
  requireArray(arrays, "what is scaled", ["arrays", "bins", "frames"]);
  const [count = 0] = arrays.shape;
  const size = arrays.data.length / count;
  return Array.from({ length: count }, (_, i) => arrays.data.subarray(i * size, (i + 1) * size));
}
