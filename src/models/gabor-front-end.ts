import * as tf from "@tensorflow/tfjs";
import { apply, layerMaker } from "./build.js";
import type { BuildOptions } from "./definition.js";
import { masked } from "./front-end.js";
import { GaborInitializer, LogPower } from "./layers/gabor.js";
import { Pieces } from "./layers/pieces.js";

// Filters of 25 ms every 2.5 ms, whose power is averaged over 10 ms: as many bands and frames as the fixed front ends have.
const bands = 40;
const strideMs = 2.5;
const filterStrides = 10;
const frameStrides = 4;
const lowestFrequency = 20;
const highestFrequency = 7600;

/**
 * A picture from a filter bank that is learned with the rest of the model: waveforms `[batch, samples]` in,
 * `[batch, 40 bands, frames of 10 ms, 1]` out, with SpecAugment behind it where it was asked for. Pairs of filters begin as
 * Gabor filters on the mel scale (Zeghidour et al., "Learning filterbanks from raw speech for phone recognition", 2018) and
 * are free from then on; the picture is the logarithm of their power, each band normalised over the batch.
 */
export function gaborFrontEnd(waveform: tf.SymbolicTensor, options: BuildOptions): tf.SymbolicTensor {
  const { sampleRate } = options;
  const make = layerMaker(options);
  const length = Math.round((strideMs / 1000) * sampleRate);
  const pieces = new Pieces({ name: "pieces", length, multiple: frameStrides });
  const maxFrequency = Math.min(highestFrequency, sampleRate / 2);
  const answers = make.convolution("filter_bank", 2 * bands, [1, filterStrides], apply(pieces, waveform), {
    kernelInitializer: new GaborInitializer({ sampleRate, minFrequency: lowestFrequency, maxFrequency }),
  }); // [batch, 1, instants, 2 bands]
  const power = apply(new LogPower({ name: "log_power", span: frameStrides }), answers); // [batch, 1, frames, bands]
  const picture = tf.layers.permute({ name: "picture", dims: [3, 2, 1] });
  return masked(apply(picture, make.normalized("band_norm", power)), options);
}
