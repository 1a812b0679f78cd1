import { UserError } from "../../../base/errors.js";
import { type ComplexSpectrogram, transpose } from "../../../dsp/fourier/spectrogram.js";
import type { RealArray } from "../real-array.js";
import type { SpectrumProcessor } from "./processors.js";

/** How a recording's arrays are made and ordered. */
export interface Arrangement {
  readonly processor: SpectrumProcessor;
  /** Index from which each array is taken; undefined: channel after channel. */
  readonly order: readonly number[] | undefined;
}

/**
 * Converts spectra `[frames, bins]`, one per channel, to real arrays `[arrays, bins, frames]`.
 *
 * @param name name of the recording in messages
 */
export function spectraToArrays(
  spectra: readonly ComplexSpectrogram[],
  { processor, order }: Arrangement,
  name: string,
): RealArray {
  const { frames, bins } = spectra[0]!;
  const size = frames * bins;
  const planes = spectra.flatMap((spectrum) => {
    const made = processor.forward(spectrum);
    requirePlanes(processor, made, size);
    return made;
  });
  const data = new Float32Array(planes.length * size);
  for (const [place, index] of orderOf(planes.length, order, name).entries()) {
    const plane = planes[index]!;
    const to = data.subarray(place * size, (place + 1) * size);
    for (let t = 0; t < frames; t++) for (let k = 0; k < bins; k++) to[k * frames + t] = plane[t * bins + k]!;
  }
  return { data, shape: [planes.length, bins, frames] };
}

/** Converts real arrays back to spectra, the inverse of `spectraToArrays`. */
export function arraysToSpectra(
  { data, shape }: RealArray,
  { processor, order }: Arrangement,
): ComplexSpectrogram[] {
  const [count, bins, frames] = shape as [number, number, number];
  const { name, arrays } = processor;
  if (count % arrays.length !== 0)
    throw new UserError(
      `the processor ${name} has ${arrays.length} arrays per channel, the example has ${count} in all`,
    );
  const size = bins * frames;
  const planes: Float64Array[] = [];
  for (const [place, index] of orderOf(count, order, "the example").entries())
    planes[index] = transpose(data.subarray(place * size, (place + 1) * size), bins, frames);
  return Array.from({ length: count / arrays.length }, (_, channel) => {
    const own = planes.slice(channel * arrays.length, (channel + 1) * arrays.length);
    const { re, im } = processor.backward(own, { frames, bins });
    return { re, im, frames, bins };
  });
}

/** Returns the names of `count` arrays, or none if a transform changed their number. */
export function arrayNames(count: number, { processor: { arrays }, order }: Arrangement): string[] {
  if (count % arrays.length !== 0 || (order !== undefined && order.length !== count)) return [];
  const channels = count / arrays.length;
  const names = Array.from({ length: channels }, (_, channel) =>
    arrays.map((array) => (channels === 1 ? array : `channel ${channel}, ${array}`)),
  ).flat();
  return orderOf(count, order, "the picture").map((index) => names[index]!);
}

function orderOf(count: number, order: Arrangement["order"], name: string): readonly number[] {
  if (order === undefined) return Array.from({ length: count }, (_, i) => i);
  if (order.length === count) return order;
  throw new UserError(`order has ${order.length} indices, ${name} has ${count} arrays`);
}

function requirePlanes(
  { name, arrays }: SpectrumProcessor,
  made: readonly ArrayLike<number>[],
  size: number,
): void {
  const wrong = made.find((plane) => plane.length !== size);
  if (made.length === arrays.length && wrong === undefined) return;
  throw new UserError(
    `the processor ${name} must return ${arrays.length} arrays of ${size} values, as many as the spectrum has, ` +
      `got ${made.length}${wrong === undefined ? "" : `, one of ${wrong.length} values`}`,
  );
}
