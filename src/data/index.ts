/** Clips: reading, splitting, augmenting, importing, synthesising, describing and writing them; WAV files. */

export { type Audio, clipFromAudio } from "../audio/clip.js";
export { decodeWav, encodeFloatWav, encodeWav, readWavFile } from "../audio/wav/decode.js";
export { resample } from "../dsp/resample.js";
export { Augmenter } from "./augment/augmenter.js";
export {
  type Augmentation,
  addNoise,
  changeSpeed,
  gain,
  mixAtSnr,
  type NoiseClips,
  reverberation,
  timeShift,
} from "./augment/effects.js";
export { writeAugmented } from "./augment/listen.js";
export { beta, mixUp } from "./augment/mixup.js";
export { noiseFor, readNoiseFolder } from "./augment/noise.js";
export { chooseNoise, type NoiseSource, noiseMixer } from "./augment/noise-source.js";
export { type AugmentSettings, augmentRecipes } from "./augment/settings.js";
export type { ClipSource, Clips, Part, Split } from "./clips.js";
export { readNpz } from "./formats/npz.js";
export { writeClips } from "./formats/write-npz.js";
export { type DataInfo, describeClips, findLeaks, type LeakAudit } from "./info.js";
export { COURSE_LABELS } from "./labels.js";
export { atSampleRate, type LoadOptions, loadClips } from "./load.js";
export { SampleStore } from "./sample-store.js";
export { fetchArchive, speechCommands } from "./speech-commands/download/download.js";
export { type DownloadHooks, downloadFile, type RemoteFile } from "./speech-commands/download/file.js";
export { readFolder } from "./speech-commands/folder.js";
export { type ImportOptions, type ImportSummary, importFolder } from "./speech-commands/import/import.js";
export { defaultSplitKind, type SplitKind, type SplitOptions, splitClips } from "./split.js";
export { type SynthOptions, synthesize } from "./synth/synthesise.js";
