import { UserError } from "../../base/errors.js";
import { Random } from "../../base/random.js";
import { requireInteger } from "../../dsp/checks.js";
import { arrayItem, type RealArray, requireArray } from "./real-array.js";

/** The arrays of one recording, `[arrays, bins, frames]`. */
export interface SpectrogramExample extends RealArray {
  /** Number of samples of the recording, per channel. */
  readonly samples: number;
}

/** The arrays of recordings of one shape, `[examples, arrays, bins, frames]`. */
export interface SpectrogramDataset extends RealArray {
  /** Number of samples of each example's recording, per channel, `[examples]`. */
  readonly samples: Int32Array;
}

/** Some examples of a dataset, `[examples, arrays, bins, frames]`. */
export interface SpectrogramBatch extends RealArray {
  /** Index of each example in the dataset or list of recordings, to look up its label. */
  readonly indices: Int32Array;
  /** As in a `SpectrogramDataset`; missing if the dataset has none. */
  readonly samples?: Int32Array;
}

export interface BatchOptions {
  /** Number of examples. The last batch of a pass may have fewer. */
  batchSize: number;
  /** Whether a new pass begins after the last batch. Default: false. */
  endless?: boolean;
  /** Seed of the order, which differs in every pass. Default: the order as given. */
  shuffleSeed?: number;
}

/**
 * Reads examples one after the other into one array.
 *
 * @throws UserError if their shapes differ
 */
export async function stackExamples(
  indices: Int32Array,
  read: (index: number) => Promise<{ example: SpectrogramExample; name: string }>,
): Promise<SpectrogramDataset> {
  const first = await read(indices[0]!);
  const { shape, data: firstData } = first.example;
  const data = new Float32Array(indices.length * firstData.length);
  const samples = new Int32Array(indices.length);
  for (const [place, index] of indices.entries()) {
    const { example, name } = place === 0 ? first : await read(index);
    if (example.shape.join() !== shape.join())
      throw new UserError(
        `examples of one shape were expected: ${first.name} is [${shape.join(", ")}], ${name} [${example.shape.join(", ")}]; ` +
          "give the factory a padding, or recordings of one length, and the same number of channels",
      );
    data.set(example.data, place * firstData.length);
    samples[place] = example.samples;
  }
  return { data, shape: [indices.length, ...shape], samples };
}

/** Yields batches of an array's items. */
export function arrayBatches(
  array: RealArray & { readonly samples?: Int32Array },
  options: BatchOptions,
): AsyncGenerator<SpectrogramBatch> {
  requireArray(array, "what batches are made of", ["examples", "arrays", "bins", "frames"]);
  const [count = 0, ...rest] = array.shape;
  return batches(count, options, async (indices) => {
    const size = array.data.length / count;
    const data = new Float32Array(indices.length * size);
    for (const [i, index] of indices.entries()) data.set(arrayItem(array, index).data, i * size);
    return {
      data,
      shape: [indices.length, ...rest],
      ...(array.samples !== undefined && { samples: indices.map((index) => array.samples![index]!) }),
    };
  });
}

/** Yields batches whose contents are read on demand. */
export function batches(
  count: number,
  options: BatchOptions,
  read: (indices: Int32Array) => Promise<Omit<SpectrogramBatch, "indices">>,
): AsyncGenerator<SpectrogramBatch> {
  const { batchSize, endless = false, shuffleSeed } = options;
  requireInteger("batchSize", batchSize);
  if (shuffleSeed !== undefined) requireInteger("shuffleSeed", shuffleSeed, 0);
  if (count === 0) throw new UserError("batches need at least one recording, got none");
  return generate();

  async function* generate() {
    const order = Int32Array.from({ length: count }, (_, i) => i);
    for (let pass = 0; pass === 0 || endless; pass++) {
      const indices =
        shuffleSeed === undefined ? order : new Random(shuffleSeed, "batches", pass).shuffle(order.slice());
      for (let at = 0; at < count; at += batchSize) {
        const chosen = indices.slice(at, at + batchSize);
        yield { ...(await read(chosen)), indices: chosen };
      }
    }
  }
}
