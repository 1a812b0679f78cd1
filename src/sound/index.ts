/**
 * What `keyspot/sound` exports: spectrograms, their pictures and numbers, stores of long recordings, the
 * spectrogram factory.
 */

export { svgToPng } from "../plot/png.js";
export type { AudioSource } from "./factory/audio-source.js";
export type {
  BatchOptions,
  SpectrogramBatch,
  SpectrogramDataset,
  SpectrogramExample,
} from "./factory/batches.js";
export { SpectrogramFactory } from "./factory/factory.js";
export type { FactoryPictureOptions } from "./factory/picture.js";
export { arrayItem, fromTensor, type RealArray, toTensor } from "./factory/real-array.js";
export type { FactorySettings, ResolvedFactorySettings } from "./factory/settings.js";
export {
  type Padding,
  type PaddingFunction,
  type PaddingName,
  paddingNames,
} from "./factory/steps/padding.js";
export {
  magnitudePhase,
  type ProcessorName,
  realImaginary,
  type SpectrumProcessor,
} from "./factory/steps/processors.js";
export { type ScalerSettings, scaler } from "./factory/steps/scaler.js";
export type { LearningTransform, Transform } from "./factory/steps/transforms.js";
export type { OwnParts } from "./factory/storage.js";
export { colormapNames } from "./picture/colormaps.js";
export { frequencyScales } from "./picture/frequency-axis.js";
export { type LevelPictureOptions, type SoundPictureOptions, soundPicture } from "./picture/sound-picture.js";
export { type SpectrogramPanel, type SpectrogramPicture, spectrogramSvg } from "./picture/spectrogram-svg.js";
export { soundCsv, soundNpy } from "./spectrogram/numbers.js";
export { type SoundOptions, type SoundSpectrogram, soundSpectrogram } from "./spectrogram/sound.js";
export { bandEnergy } from "./store/energy.js";
export { selectionCsv } from "./store/output/csv.js";
export { writeNetcdf } from "./store/output/netcdf.js";
export { energyPicture, selectionPicture } from "./store/output/picture.js";
export { type StoredFrames, StoredSpectrogram, type StoreRange, type StoreSelection } from "./store/read.js";
export { checkStoreOptions, type StoreOptions, type StoreSettings } from "./store/settings.js";
export { formatUtc, parseUtc } from "./store/time.js";
export { StoreInterrupted, type StoreSummary, storeSpectrogram } from "./store/write.js";
