import { createHash } from "node:crypto";
import { join } from "node:path";
import { type Audio, clipFromAudio, monoAtRate } from "../../audio/clip.js";
import { decodeWav, readWavBytes } from "../../audio/wav/decode.js";
import { toInt16 } from "../../base/numbers.js";
import type { Clips, Part } from "../clips.js";
import { SILENCE } from "../labels.js";
import { SampleStoreBuilder } from "../sample-store.js";
import { officialPart } from "../split.js";
import { type ClipFile, labelOf, listWavFiles, noiseFolder, readPartLists, speakerOf } from "./layout.js";

const noiseSegmentSeconds = 10;

/** Number of files read ahead while one is decoded: enough to keep a disk busy, few enough for the memory. */
const filesAhead = 16;

/**
 * Reads a folder in the layout of Speech Commands (Warden, arXiv:1804.03209): `<word>/<speaker>_nohash_<n>.wav`, one clip
 * per file, labelled by its folder; `_background_noise_/`, whose long recordings are cut into clips of `silence`; and,
 * optionally, `validation_list.txt` and `testing_list.txt`. Each clip is one second long, made by `clipFromAudio`.
 *
 * Rows are in the order of the file names, so that a folder gives the same rows everywhere. Speakers are known only if
 * every file name has `_nohash_`; the "speaker" of noise is `bg_<recording>_<segment of ten seconds>`.
 *
 * @param options.sampleRate the clips' rate in Hz, and their length in samples
 * @param options.onProgress called after each file
 * @throws UserError that names the file or folder that cannot be read or is not a valid WAV file
 */
export async function readFolder(
  path: string,
  options: { sampleRate: number; onProgress?: ((done: number, total: number) => void) | undefined },
): Promise<Clips> {
  const { sampleRate, onProgress } = options;
  const files = await listWavFiles(path);
  const listed = await readPartLists(path, files);
  const fingerprint = createHash("sha256");
  for (const { name, bytes } of listed.files) addToFingerprint(fingerprint, name, bytes);

  const builder = new SampleStoreBuilder(sampleRate);
  const labels: string[] = [];
  const speakers: (string | undefined)[] = [];
  const parts: Part[] = [];
  const recordedSeconds: number[] = [];
  let done = 0;
  for await (const { file, bytes } of readAhead(path, files)) {
    addToFingerprint(fingerprint, file.name, bytes);
    const audio = decodeWav(bytes, join(path, file.name));
    if (file.folder === noiseFolder) {
      const segments = cutNoise(audio, file.base, sampleRate);
      for (const { samples, segment } of segments) {
        builder.append(samples);
        labels.push(SILENCE);
        speakers.push(segment);
        parts.push(officialPart(segment)); // the lists have no noise: it is assigned as speakers are
        recordedSeconds.push(Math.min(1, secondsOf(audio))); // a long recording is cut up, not shortened
      }
    } else {
      const { samples } = clipFromAudio(audio, sampleRate, sampleRate);
      builder.append(storable(samples, audio, sampleRate));
      labels.push(labelOf(file.folder));
      speakers.push(speakerOf(file.base));
      parts.push(listed.parts.get(file.name) ?? "train");
      recordedSeconds.push(secondsOf(audio));
    }
    done++;
    onProgress?.(done, files.length);
  }

  const allSpeakers = speakers.every((speaker) => speaker !== undefined);
  return {
    sampleRate,
    samples: builder.finish(path),
    labels,
    words: labels,
    ...(allSpeakers ? { speakers } : {}),
    ...(listed.files.length > 0 ? { officialParts: parts } : {}),
    ...(listed.notes.length > 0 ? { officialNotes: listed.notes } : {}),
    recordedSeconds,
    rows: Int32Array.from(labels, (_, row) => row),
    sources: [{ path, fingerprint: fingerprint.digest("hex"), rows: labels.length }],
  };
}

/** Yields the files in order with their bytes, reading a few ahead. */
async function* readAhead(path: string, files: readonly ClipFile[]) {
  const reading: Promise<Uint8Array>[] = [];
  let next = 0;
  for (const file of files) {
    while (next < files.length && reading.length < filesAhead) {
      const bytes = readWavBytes(join(path, files[next++]!.name));
      bytes.catch(() => {}); // reported when its turn comes, if it does
      reading.push(bytes);
    }
    yield { file, bytes: await reading.shift()! };
  }
}

function addToFingerprint(hash: ReturnType<typeof createHash>, name: string, bytes: Uint8Array): void {
  hash.update(`${name}\0${bytes.length}\0`).update(bytes);
}

function secondsOf({ channels, sampleRate }: Audio): number {
  return channels[0]!.length / sampleRate;
}

/**
 * Cuts a recording into one clip per second, leaving out a remainder. A recording of less than a second is one clip.
 */
function cutNoise(audio: Audio, recording: string, sampleRate: number) {
  const { samples } = monoAtRate(audio, sampleRate);
  const count = Math.max(1, Math.floor(samples.length / sampleRate));
  return Array.from({ length: count }, (_, second) => {
    const clip = new Float32Array(sampleRate);
    clip.set(samples.subarray(second * sampleRate, (second + 1) * sampleRate));
    const segment = String(Math.floor(second / noiseSegmentSeconds)).padStart(2, "0");
    return { samples: storable(clip, audio, sampleRate), segment: `bg_${recording}_${segment}` };
  });
}

/**
 * Rounds resampled clips to 16 bits, as sox and ffmpeg do. This halves their memory, with an error below that of the
 * recordings' own rounding. Clips with floats beyond full scale are not changed, since they would be clipped.
 */
function storable(clip: Float32Array, audio: Audio, sampleRate: number): Float32Array {
  if (audio.sampleRate === sampleRate) return clip;
  if (audio.channels.some((channel) => channel.some((x) => Math.abs(x) > 1))) return clip;
  return clip.map((x) => toInt16(x) / 32768);
}
