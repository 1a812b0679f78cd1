import { join } from "node:path";
import { type Audio, clipFromAudio } from "../../../audio/clip.js";
import { readWavFile } from "../../../audio/wav/decode.js";
import { WavReader } from "../../../audio/wav/reader.js";
import { toInt16 } from "../../../base/numbers.js";
import { threadProgram } from "../../../base/workers.js";
import type { PlannedClip } from "./plan.js";

export type SampleType = "int16" | "float32";

/** The samples of several clips, concatenated. */
export interface ClipSamples {
  readonly samples: Int16Array<ArrayBuffer> | Float32Array<ArrayBuffer>;
  /** Number of recordings beyond full scale, which 16 bits cannot hold. */
  readonly clipped: number;
}

/** What each thread receives when it starts. */
export interface ReaderSetup {
  readonly folder: string;
  /** Hz. */
  readonly sampleRate: number;
  readonly dtype: SampleType;
}

/** Reads clips in a worker thread. */
export default threadProgram(
  (setup: ReaderSetup) => (clips: readonly PlannedClip[]) => readClips(clips, setup),
  ({ samples }) => [samples.buffer],
);

/** Reads clips, each one second at `sampleRate` Hz, as `clipFromAudio` makes them. */
async function readClips(
  clips: readonly PlannedClip[],
  { folder, sampleRate, dtype }: ReaderSetup,
): Promise<ClipSamples> {
  const length = clips.length * sampleRate;
  const samples = dtype === "int16" ? new Int16Array(length) : new Float32Array(length);
  let clipped = 0;
  for (const [i, clip] of clips.entries()) {
    const audio = await readSound(join(folder, clip.file), clip.cut);
    const wave = clipFromAudio(audio, sampleRate, sampleRate).samples;
    const volume = clip.cut?.volume ?? 1;
    const row = samples.subarray(i * sampleRate, (i + 1) * sampleRate);
    for (let k = 0; k < sampleRate; k++) {
      const value = wave[k]! * volume;
      row[k] = dtype === "int16" ? toInt16(value) : value;
    }
    if (dtype === "int16" && audio.channels.some((channel) => channel.some((x) => Math.abs(x) > 1)))
      clipped++;
  }
  return { samples, clipped };
}

async function readSound(path: string, cut: PlannedClip["cut"]): Promise<Audio> {
  if (cut === undefined) return readWavFile(path);
  const recording = new WavReader(path);
  try {
    const { sampleRate } = recording;
    return { sampleRate, channels: [recording.read(cut.start, cut.start + sampleRate, "mean")] };
  } finally {
    recording.close();
  }
}
