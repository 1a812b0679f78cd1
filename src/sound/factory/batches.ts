import { UserError } from "../../base/errors.js";
import { Random } from "../../base/random.js";
import { requireInteger } from "../../dsp/checks.js";
import { arrayItem, type RealArray, requireArray } from "./real-array.js";

/** One recording as arrays, `[arrays, bins, frames]`. */
export interface SpectrogramExample extends RealArray {
  /** How many samples each channel of the sound has that it was made of. */
  readonly samples: number;
}

/** Recordings of one shape, `[examples, arrays, bins, frames]`. */
export interface SpectrogramDataset extends RealArray {
  /** How many samples each channel of the sound has that an example was made of, `[examples]`. */
  readonly samples: Int32Array;
}

/** Some of the examples, `[examples, arrays, bins, frames]`. */
export interface SpectrogramBatch extends RealArray {
  /** The place of each in what the batches are made of: where to look up its label. */
  readonly indices: Int32Array;
  /** As in a `SpectrogramDataset`; missing where that array has none. */
  readonly samples?: Int32Array;
}

export interface BatchOptions {
  /** Examples a batch; the last one of a pass may have fewer. */
  batchSize: number;
  /** Whether a new pass begins behind the last batch. Default: false. */
  endless?: boolean;
  /** Every pass has its own order, which follows from this number. Default: the order as given, in every pass. */
  shuffleSeed?: number;
}

/**
 * The examples, read one after the other.
 *
 * @throws UserError where they have not all the same shape
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
          "recordings of several lengths need padding, and all as many channels",
      );
    data.set(example.data, place * firstData.length);
    samples[place] = example.samples;
  }
  return { data, shape: [indices.length, ...shape], samples };
}

/** Batches of an array's items. */
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

/** Batches whose contents are made when they are asked for. */
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
