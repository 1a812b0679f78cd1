import * as tf from "@tensorflow/tfjs";
import type { Audio } from "../../audio/clip.js";
import { encodeFloatWav } from "../../audio/wav/decode.js";
import { UserError, usageError } from "../../base/errors.js";
import { writeFileAtomic } from "../../base/files.js";
import { finiteSamples } from "../../dsp/checks.js";
import { type ComplexSpectrogram, fftFrequencies } from "../../dsp/fourier/spectrogram.js";
import { istft, stft } from "../../dsp/fourier/stft.js";
import { fullScaleMagnitude } from "../spectrogram/power.js";
import { type AudioSource, atRate, checkChannels, readSource, sourceName } from "./audio-source.js";
import {
  arrayBatches,
  type BatchOptions,
  batches,
  type SpectrogramBatch,
  type SpectrogramDataset,
  type SpectrogramExample,
  stackExamples,
} from "./batches.js";
import { arraysPicture, type FactoryPictureOptions, rawPicture } from "./picture.js";
import { arrayItem, fromTensor, type RealArray, requireArray, toTensor } from "./real-array.js";
import { type FactorySettings, type ResolvedFactorySettings, resolveFactorySettings } from "./settings.js";
import { coveredLength, requireOverlap, silenceUncovered } from "./steps/coverage.js";
import { padChannels } from "./steps/padding.js";
import { arrayNames, arraysToSpectra, spectraToArrays } from "./steps/planes.js";
import { learns, type Transform } from "./steps/transforms.js";
import { type OwnParts, readFactory, writeFactory } from "./storage.js";

/**
 * Converts recordings to arrays for training, and such arrays back to sound: padding → STFT → processor →
 * order → transforms, and back.
 *
 * A recording becomes `[arrays, bins, frames]`. With the built-in processors there are two arrays per
 * channel, bins = floor(nFft/2) + 1, and the frames are those of `stft`, unless a transform changes them.
 *
 * The round trip keeps every sample within 1e-5 of full scale. If the windows overlap too little for the last
 * frame to reach the end (Hann: a hop above 0.41 of the window), zeros are appended first, which adds a
 * frame. With `center` off, the flanks of the first and the last window come back as zeros.
 *
 * @example
 * const factory = new SpectrogramFactory({ sampleRate: 16000, stft: { nFft: 512 }, padding: { length: 16000 } });
 * const dataset = await factory.dataset(["yes.wav", "no.wav"]); // [2, 2, 257, 126]
 * await factory.writeAudio(dataset, ["yes-again.wav", "no-again.wav"]);
 */
export class SpectrogramFactory {
  readonly settings: ResolvedFactorySettings;

  /** @throws UserError (exit 2) for settings that are wrong for every recording */
  constructor(settings: FactorySettings) {
    this.settings = resolveFactorySettings(settings);
  }

  /**
   * Loads a saved factory.
   *
   * @param own custom processors, padding functions and transforms, by name
   * @throws UserError for a folder that is not a saved factory, is of another version or damaged, and for a
   * custom part that is not given
   */
  static async load(folder: string, own: OwnParts = {}): Promise<SpectrogramFactory> {
    return new SpectrogramFactory(await readFactory(folder, own));
  }

  /**
   * Writes `factory.json`, and a file beside it for each learning transform.
   *
   * @throws UserError (exit 2) for a transform that is not fitted, or a padding function without a name
   */
  async save(folder: string): Promise<void> {
    await writeFactory(folder, this.settings);
  }

  /**
   * Fits each learning transform to the recordings, as the steps before it leave them. Files are read on
   * demand, once for each such transform.
   */
  async fit(sources: readonly AudioSource[]): Promise<this> {
    for (const [index, transform] of this.settings.transforms.entries()) {
      if (!learns(transform)) continue;
      const before = this.settings.transforms.slice(0, index);
      await transform.fit(this.examples(sources, before));
    }
    return this;
  }

  /** Returns the complex spectra of a recording after padding, one per channel. */
  spectra(sound: Audio | Float32Array, name = "the recording"): ComplexSpectrogram[] {
    const { channels } = atRate(sound, this.settings.sampleRate);
    checkChannels(channels, name);
    const padded =
      this.settings.padding === undefined ? channels : padChannels(channels, this.settings.padding);
    return padded.map((samples, channel) => {
      const signal = finiteSamples(samples, channels.length === 1 ? name : `${name}, channel ${channel}`);
      const covered = new Float64Array(coveredLength(signal.length, this.settings.stft));
      covered.set(signal);
      return stft(covered, this.settings.stft);
    });
  }

  /** Converts a recording to its arrays. */
  forward(sound: Audio | Float32Array, name = "the recording"): SpectrogramExample {
    return this.encode(atRate(sound, this.settings.sampleRate), name, this.settings.transforms);
  }

  /**
   * Converts arrays to sound. Its length is `samples` if given (as `forward` returns it), else that of the
   * padding if it has the same number of frames, else a whole number of hops.
   *
   * @throws UserError (exit 2) for windows that overlap too little to be inverted; (exit 1) for a number of
   * bins or arrays that does not fit the factory, and for NaN or infinity
   */
  backward(example: RealArray & { readonly samples?: number }): Audio {
    requireArray(example, "an example", ["arrays", "bins", "frames"]);
    requireFiniteArray(example);
    requireOverlap(this.settings.stft);
    let arrays: RealArray = { data: example.data, shape: example.shape };
    for (const transform of this.settings.transforms.toReversed())
      arrays = checkedResult(transform, "backward", transform.backward(arrays));
    this.requireBins(arrays);
    const spectra = arraysToSpectra(arrays, this.settings);
    const length = example.samples ?? this.paddedLength(spectra[0]!.frames);
    const options = { ...this.settings.stft, ...(length !== undefined && { length }) };
    const channels = spectra.map((spectrum) => {
      const samples = Float32Array.from(istft(spectrum, options));
      silenceUncovered(samples, spectrum.frames, this.settings.stft);
      return samples;
    });
    return { sampleRate: this.settings.sampleRate, channels };
  }

  /**
   * Returns all recordings in one array. They need the same number of channels, and equal lengths or a
   * padding.
   */
  async dataset(sources: readonly AudioSource[]): Promise<SpectrogramDataset> {
    if (sources.length === 0) throw new UserError("a dataset needs at least one recording, got none");
    return this.stack(sources, Int32Array.from(sources.keys()));
  }

  /** Yields batches of a dataset, or of recordings that are read on demand. */
  batches(from: RealArray | readonly AudioSource[], options: BatchOptions): AsyncGenerator<SpectrogramBatch> {
    if ("shape" in from) return arrayBatches(from, options);
    return batches(from.length, options, (indices) => this.stack(from, indices));
  }

  /** Yields the batches as tensors. The caller disposes them. */
  async *tensors(
    from: RealArray | readonly AudioSource[],
    options: BatchOptions,
  ): AsyncGenerator<tf.Tensor4D> {
    for await (const batch of this.batches(from, options)) yield toTensor(batch) as tf.Tensor4D;
  }

  /**
   * Writes a dataset, a batch or a model's output (`[examples, arrays, bins, frames]`) as WAV files of 32-bit
   * floats, one per example. Tensors are not disposed.
   */
  async writeAudio(
    output: (RealArray & { readonly samples?: Int32Array }) | tf.Tensor,
    paths: readonly string[],
  ): Promise<void> {
    const array: RealArray & { readonly samples?: Int32Array } =
      output instanceof tf.Tensor ? await fromTensor(output) : output;
    requireArray(array, "the output", ["examples", "arrays", "bins", "frames"]);
    const [count] = array.shape;
    if (paths.length !== count)
      throw usageError(`a path for each of the ${count} examples was expected, got ${paths.length}`);
    for (const [index, path] of paths.entries()) {
      const samples = array.samples?.[index];
      const sound = this.backward({ ...arrayItem(array, index), ...(samples !== undefined && { samples }) });
      writeFileAtomic(path, encodeFloatWav(sound));
    }
  }

  /**
   * Draws sound as its spectrogram in dB, or arrays as they are, each with its own colour bar. Returns SVG.
   */
  picture(what: Audio | Float32Array | RealArray, options: FactoryPictureOptions = {}): string {
    const { nFft, hop, center, window, winLength } = this.settings.stft;
    const axes = {
      start: center ? 0 : nFft / 2 / this.settings.sampleRate,
      step: hop / this.settings.sampleRate,
      frequencies: fftFrequencies(this.settings.sampleRate, nFft),
    };
    if ("shape" in what) return arraysPicture(what, arrayNames(what.shape[0]!, this.settings), axes, options);
    return rawPicture(this.spectra(what), fullScaleMagnitude(window, winLength), axes, options);
  }

  private async *examples(sources: readonly AudioSource[], transforms: readonly Transform[]) {
    for (const [index, source] of sources.entries()) yield await this.read(source, index, transforms);
  }

  private stack(sources: readonly AudioSource[], indices: Int32Array): Promise<SpectrogramDataset> {
    return stackExamples(indices, async (index) => ({
      example: await this.read(sources[index]!, index),
      name: sourceName(sources[index]!, index),
    }));
  }

  private async read(
    source: AudioSource,
    index: number,
    transforms = this.settings.transforms,
  ): Promise<SpectrogramExample> {
    return this.encode(
      await readSource(source, this.settings.sampleRate),
      sourceName(source, index),
      transforms,
    );
  }

  private encode(sound: Audio, name: string, transforms: readonly Transform[]): SpectrogramExample {
    let arrays = spectraToArrays(this.spectra(sound, name), this.settings, name);
    for (const transform of transforms)
      arrays = checkedResult(transform, "forward", transform.forward(arrays));
    return { ...arrays, samples: this.settings.padding?.length ?? sound.channels[0]!.length };
  }

  private requireBins({ shape: [, bins] }: RealArray): void {
    const { stft, transforms } = this.settings;
    const expected = Math.floor(stft.nFft / 2) + 1;
    if (bins === expected) return;
    const when = transforms.length > 0 ? " after the transforms are undone" : "";
    throw new UserError(`nFft ${stft.nFft} has ${expected} bins, the example has ${bins}${when}`);
  }

  /** Returns the padding's length if it has this number of frames. */
  private paddedLength(frames: number): number | undefined {
    if (this.settings.padding === undefined) return undefined;
    const { nFft, hop, center } = this.settings.stft;
    const margin = center ? Math.floor(nFft / 2) : 0;
    const { length } = this.settings.padding;
    const covered = coveredLength(length, this.settings.stft);
    return 1 + Math.floor((covered + 2 * margin - nFft) / hop) === frames ? length : undefined;
  }
}

function checkedResult(transform: Transform, step: string, result: RealArray): RealArray {
  requireArray(result, `what ${transform.name}.${step} returns`, ["arrays", "bins", "frames"]);
  return result;
}

function requireFiniteArray({ data, shape }: RealArray): void {
  const at = data.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return;
  const [, bins = 1, frames = 1] = shape;
  const place = [Math.floor(at / frames / bins), Math.floor(at / frames) % bins, at % frames];
  throw new UserError(
    `finite numbers were expected, found ${data[at]} at [${place.join(", ")}] of the example`,
  );
}
