/**
 * Everything that the command `kws` does, for use from a program. Nothing here prints, reads the command line or exits;
 * a mistake that the user can mend is thrown as a `UserError`.
 *
 * @example
 * import { resolveSettings, train } from "keyspot";
 * const settings = resolveSettings({ data: ["sample"], model: "spectrogram", width: 0.25, learningRate: 1e-3 });
 * const summary = await train(settings, { out: "checkpoints/mine" });
 */
export { type BackendChoice, type BackendName, type StartedBackend, startBackend } from "./backend/index.js";
export { installTensorflow } from "./backend/native/install.js";
export { Augmenter } from "./data/augment/augmenter.js";
export {
  type Augmentation,
  addNoise,
  changeSpeed,
  gain,
  mixAtSnr,
  type NoiseClips,
  reverberation,
  timeShift,
} from "./data/augment/effects.js";
export { writeAugmented } from "./data/augment/listen.js";
export { beta, mixUp } from "./data/augment/mixup.js";
export { noiseFor, readNoiseFolder } from "./data/augment/noise.js";
export { type AugmentSettings, augmentRecipes } from "./data/augment/settings.js";
export type { ClipSource, Clips, Part, Split } from "./data/clips.js";
export { type Dataset, type DatasetSettings, loadDataset, loadRunDataset } from "./data/dataset.js";
export { type DownloadHooks, downloadFile, type RemoteFile } from "./data/download/file.js";
export { fetchArchive, speechCommands } from "./data/download.js";
export { readFolder } from "./data/folder.js";
export { type ImportOptions, type ImportSummary, importFolder } from "./data/import.js";
export { type DataInfo, describeClips, findLeaks, type LeakAudit } from "./data/info.js";
export { COURSE_LABELS } from "./data/labels.js";
export { atSampleRate, loadClips } from "./data/load.js";
export { readNpz } from "./data/npz.js";
export { SampleStore } from "./data/samples.js";
export { defaultSplitKind, splitClips } from "./data/split.js";
export { type SynthOptions, synthesize } from "./data/synth.js";
export { type Audio, clipFromAudio, decodeWav, encodeFloatWav, encodeWav, readWavFile } from "./data/wav.js";
export { writeClips } from "./data/write-npz.js";
export * from "./dsp/index.js";
export { UserError } from "./errors.js";
export { type Calibration, calibration, type ReliabilityBin } from "./eval/analysis/calibration.js";
export {
  areaUnderRoc,
  type Detection,
  detectionCurve,
  equalErrorRate,
  type FalseRejects,
  type KeywordDetection,
  type OperatingPoint,
  pointAtFalseAlarms,
} from "./eval/analysis/detection.js";
export type { Mistake } from "./eval/analysis/mistakes.js";
export {
  chooseNoise,
  figuresInNoise,
  type NoiseFigures,
  type NoiseLevel,
  type NoiseSource,
} from "./eval/analysis/noise.js";
export { accuracyBySpeaker, type SpeakerAccuracy } from "./eval/analysis/speakers.js";
export { type Analysis, analyse } from "./eval/analysis.js";
export { type Answers, type ClassifyOptions, classify } from "./eval/classify.js";
export {
  type ComparedPair,
  type ComparedRun,
  type Comparison,
  compareRuns,
  type DetailedComparison,
} from "./eval/compare.js";
export {
  type EvaluationData,
  EvaluationDataLoader,
  type EvaluationDataOptions,
  loadEvaluationData,
} from "./eval/data.js";
export { type Evaluation, evaluate, predictionsCsv } from "./eval/evaluate.js";
export { computeMetrics, type LabelFigures, type Metrics } from "./eval/metrics.js";
export { type Prediction, predictAudio, predictClip } from "./eval/predict.js";
export {
  type EvaluationDocument,
  type ReportedEvaluation,
  writeEvaluationReport,
} from "./eval/report/evaluation.js";
export { writeComparisonReport } from "./eval/report.js";
export { type SeedGroup, type Spread, spread } from "./eval/seeds.js";
export { bootstrapAccuracyCi95, bootstrapDifferenceCi95, mcnemarExact } from "./eval/statistics.js";
export type { AudioSource } from "./features/factory/audio-source.js";
export type {
  BatchOptions,
  SpectrogramBatch,
  SpectrogramDataset,
  SpectrogramExample,
} from "./features/factory/batches.js";
export {
  type Padding,
  type PaddingFunction,
  type PaddingName,
  paddingNames,
} from "./features/factory/padding.js";
export type { FactoryPictureOptions } from "./features/factory/picture.js";
export {
  magnitudePhase,
  type ProcessorName,
  realImaginary,
  type SpectrumProcessor,
} from "./features/factory/processors.js";
export { arrayItem, fromTensor, type RealArray, toTensor } from "./features/factory/real-array.js";
export { type ScalerSettings, scaler } from "./features/factory/scaler.js";
export type { FactorySettings, ResolvedSettings } from "./features/factory/settings.js";
export type { OwnParts } from "./features/factory/storage.js";
export type { LearningTransform, Transform } from "./features/factory/transforms.js";
export * from "./features/recording/index.js";
export {
  type SoundFrames,
  type SoundOptions,
  type SoundPictureOptions,
  soundCsv,
  soundFrames,
  soundNpy,
  soundPicture,
} from "./features/sound-picture.js";
export { SpectrogramFactory } from "./features/spectrogram-factory.js";
export { type ModelCost, modelCost } from "./models/cost.js";
export type { BuildOptions, ModelDefinition, TrainingStep } from "./models/definition.js";
export { type ModelFiles, modelFromFiles, modelToFiles } from "./models/files.js";
export { buildModel, findModel, modelRegistry } from "./models/registry.js";
export { planModel } from "./models/size.js";
export { svgToPng } from "./plot/png.js";
export {
  colormapNames,
  frequencyScales,
  type SpectrogramPanel,
  type SpectrogramPicture,
  spectrogramSvg,
} from "./plot/spectrogram.js";
export { Random } from "./random.js";
export { type EpochRecord, RunFolder } from "./run.js";
export { defaultSettings, type RunConfig, resolveSettings, type TrainSettings } from "./settings.js";
export { Adam } from "./train/adam.js";
export { BestCheckpoint, EarlyStopping, History, LastState } from "./train/callbacks.js";
export { type DiagnoseOptions, type Diagnosis, diagnoseBackends } from "./train/diagnose.js";
export type { Callback, LoopStatus, Position } from "./train/loop.js";
export {
  resumeTraining,
  type TrainHooks,
  TrainingInterrupted,
  type TrainSummary,
  train,
} from "./train/train.js";
export { packageVersion } from "./version.js";
