import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join, sep } from "node:path";
import { monoAtRate } from "../../audio/clip.js";
import { decodeWav, readWavBytes } from "../../audio/wav/decode.js";
import { describeSystemError, UserError } from "../../base/errors.js";
import type { Clips } from "../clips.js";
import { SILENCE } from "../labels.js";
import { SampleStoreBuilder } from "../sample-store.js";
import type { NoiseClips } from "./effects.js";
import type { AugmentSettings } from "./settings.js";

/** Noise and, if it is from a folder, the SHA-256 of the recordings and their names, as hex. */
export interface KnownNoise extends NoiseClips {
  readonly fingerprint?: string;
}

/**
 * Returns the noise to mix into training clips: the WAV files of the settings' folder, else the clips of silence among
 * the given rows.
 *
 * @param rows the rows of the training part only
 * @returns undefined if the settings have no noise, or there is none
 */
export async function noiseFor(
  { noise }: AugmentSettings,
  clips: Clips,
  rows: Int32Array,
): Promise<KnownNoise | undefined> {
  if (noise === undefined) return undefined;
  if (noise.folder !== undefined) return readNoiseFolder(noise.folder, clips.sampleRate);
  const silence = rows.filter((row) => clips.labels[row] === SILENCE);
  return silence.length > 0 ? { samples: clips.samples, rows: silence } : undefined;
}

/**
 * Reads all WAV files of a folder and its subfolders as noise, cut into seconds. A remainder of less than a second is
 * left out; a file of less than a second is repeated.
 *
 * @throws UserError if there is no WAV file, or one cannot be read
 */
export async function readNoiseFolder(path: string, sampleRate: number): Promise<KnownNoise> {
  const names = await readdir(path, { recursive: true }).catch((error) => {
    throw describeSystemError(error, "read", path);
  });
  // With the same separators on every system, so that the order is the same.
  const files = names
    .map((name) => name.replaceAll(sep, "/"))
    .filter((name) => /(^|\/)[^./][^/]*\.wav$/i.test(name))
    .sort();
  if (files.length === 0)
    throw new UserError(`${path} has no WAV file: expected a folder with recordings of noise`);
  const builder = new SampleStoreBuilder(sampleRate);
  const fingerprint = createHash("sha256");
  for (const name of files) {
    const bytes = await readWavBytes(join(path, name));
    fingerprint.update(`${name}\0${bytes.length}\0`).update(bytes);
    const { samples } = monoAtRate(decodeWav(bytes, join(path, name)), sampleRate);
    if (samples.length < sampleRate) {
      builder.append(Float32Array.from({ length: sampleRate }, (_, i) => samples[i % samples.length]!));
    } else {
      builder.append(samples.subarray(0, samples.length - (samples.length % sampleRate)));
    }
  }
  const store = builder.finish(path);
  return {
    samples: store,
    rows: Int32Array.from({ length: store.count }, (_, row) => row),
    fingerprint: fingerprint.digest("hex"),
  };
}
