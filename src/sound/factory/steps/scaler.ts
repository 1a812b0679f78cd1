import { z } from "zod";
import { UserError, usageError } from "../../../base/errors.js";
import { writeFileAtomic } from "../../../base/files.js";
import { describeIssue, readJsonFile } from "../../../base/json.js";
import { requireFinite } from "../../../dsp/checks.js";
import { type RealArray, requireArray } from "../real-array.js";
import type { LearningTransform } from "./transforms.js";

export interface ScalerSettings {
  /** Range to which the examples' values are scaled. Default: [-1, 1]. */
  range?: readonly [number, number];
  /** Mean of the scaled values. With it the values may reach only one end of the range. */
  mean?: number;
}

/** Statistics of one array. */
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
  { error: "expected the state of a scaler" },
);
type Statistics = z.infer<typeof statisticsSchema>;

/**
 * Returns a transform that scales values linearly to a range, or to a range and a mean. Each array (a
 * magnitude, a phase, …) is scaled by its own statistics. Values beyond those of the examples are not
 * clipped; they lie beyond the range.
 *
 * @throws UserError (exit 2) for a range that is not ascending, or a mean outside it
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
    if (!(low < high)) throw usageError(`the scaler's range must be ascending, got ${low} to ${high}`);
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
              `the scaler needs finite numbers to fit, example ${index} has ${value} in array ${i}`,
            );
          total.sum += value;
          if (value < total.minimum) total.minimum = value;
          if (value > total.maximum) total.maximum = value;
        }
        total.count += plane.length;
      }
      index++;
    }
    if (sums.length === 0) throw new UserError("the scaler needs at least one example to fit, got none");
    this.statistics = sums.map(({ minimum, maximum, sum, count }) => ({
      minimum,
      maximum,
      // Clamped, since rounding could put the mean outside the values.
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
      throw usageError("the scaler is not fitted: fit it or load its state before it is used");
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

  /**
   * Returns the line through (from, to). Values that are all equal have no spread to scale and are only
   * shifted.
   */
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
