import * as tf from "@tensorflow/tfjs";
import { apply, layerMaker } from "../build.js";
import type { BuildOptions } from "../definition.js";
import { GaborInitializer, LogPower, pairEnergy } from "../layers/gabor.js";
import { Pieces } from "../layers/pieces.js";

// Filters of 25 ms every 2.5 ms.
const strideMs = 2.5;
const filterStrides = 10;

export interface GaborBandOptions {
  bands: number;
  /** Over how many ms a filter's power is averaged, and how far the frames lie apart. */
  hopMs: number;
  /** Where the lowest filter begins and the highest one ends at first, Hz. */
  minFrequency: number;
  maxFrequency: number;
}

/**
 * A picture from a filter bank that is learned with the rest of the model: waveforms `[batch, samples]` in,
 * `[batch, bands, frames, 1]` out. Pairs of filters begin as Gabor filters on the mel scale (Zeghidour et al., "Learning
 * filterbanks from raw speech for phone recognition", 2018) and are free from then on; the picture is the logarithm of
 * their power, each band normalised over the batch.
 */
export function gaborBands(
  waveform: tf.SymbolicTensor,
  options: BuildOptions,
  { bands, hopMs, minFrequency, maxFrequency }: GaborBandOptions,
): tf.SymbolicTensor {
  const { sampleRate } = options;
  const make = layerMaker(options);
  const length = Math.round((strideMs / 1000) * sampleRate);
  const frameStrides = Math.round(hopMs / strideMs);
  const pieces = new Pieces({ name: "pieces", length, multiple: frameStrides });
  const answers = make.convolution("filter_bank", 2 * bands, [1, filterStrides], apply(pieces, waveform), {
    kernelInitializer: new GaborInitializer({ sampleRate, minFrequency, maxFrequency }),
  }); // [batch, 1, instants, 2 bands]
  const energy = pairEnergy(filterStrides * length);
  const power = apply(new LogPower({ name: "log_power", span: frameStrides, energy }), answers); // [batch, 1, frames, bands]
  const picture = tf.layers.permute({ name: "picture", dims: [3, 2, 1] });
  return apply(picture, make.normalized("band_norm", power));
}
