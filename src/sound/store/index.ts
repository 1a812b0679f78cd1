/** Spectrograms of recordings too long for memory: stored as Zarr chunk by chunk, read in parts. */
export { selectionCsv } from "./csv.js";
export { bandEnergy } from "./energy.js";
export { writeNetcdf } from "./netcdf.js";
export { energyPicture, type StorePictureOptions, selectionPicture } from "./picture.js";
export { type StoredFrames, StoredRecording, type StoreRange, type StoreSelection } from "./read.js";
export { checkRecordingOptions, type RecordingOptions, type SpectrogramSettings } from "./settings.js";
export { formatUtc, parseUtc } from "./time.js";
export {
  type StoredSpectrogram,
  StoreInterrupted,
  type StoreOptions,
  storeSpectrogram,
} from "./write.js";
