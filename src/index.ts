/**
 * Everything that the command `kws` does, for use from a program. Nothing here prints, reads the command line or exits;
 * a mistake that the user can mend is thrown as a `UserError`.
 *
 * @example
 * import { resolveSettings, train } from "keyspot";
 * const settings = resolveSettings({ data: ["sample"], model: "spectrogram", width: 0.25, learningRate: 1e-3 });
 * const summary = await train(settings, { out: "checkpoints/mine" });
 */

export { type Audio, clipFromAudio } from "./audio/clip.js";
export { decodeWav, encodeFloatWav, encodeWav, readWavFile } from "./audio/wav/decode.js";
export type { BackendChoice, BackendName } from "./backend/names.js";
export { type StartedBackend, startBackend } from "./backend/start.js";
export { installTensorflow } from "./backend/tensorflow/install/install.js";
export { UserError } from "./base/errors.js";
export { Random } from "./base/random.js";
export { packageVersion } from "./base/version.js";
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
export { chooseNoise, type NoiseSource, noiseMixer } from "./data/augment/noise-source.js";
export { type AugmentSettings, augmentRecipes } from "./data/augment/settings.js";
export type { ClipSource, Clips, Part, Split } from "./data/clips.js";
export { readNpz } from "./data/formats/npz.js";
export { writeClips } from "./data/formats/write-npz.js";
export { type DataInfo, describeClips, findLeaks, type LeakAudit } from "./data/info.js";
export { COURSE_LABELS } from "./data/labels.js";
export { atSampleRate, loadClips } from "./data/load.js";
export { SampleStore } from "./data/sample-store.js";
export { fetchArchive, speechCommands } from "./data/speech-commands/download/download.js";
export { type DownloadHooks, downloadFile, type RemoteFile } from "./data/speech-commands/download/file.js";
export { readFolder } from "./data/speech-commands/folder.js";
export {
  type ImportOptions,
  type ImportSummary,
  importFolder,
} from "./data/speech-commands/import/import.js";
export { defaultSplitKind, splitClips } from "./data/split.js";
export { type SynthOptions, synthesize } from "./data/synth/synthesise.js";
export * from "./dsp/index.js";
export { type Analysis, analyse } from "./eval/analysis/analyse.js";
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
  figuresInNoise,
  type NoiseFigures,
  type NoiseLevel,
} from "./eval/analysis/noise.js";
export { accuracyBySpeaker, type SpeakerAccuracy } from "./eval/analysis/speakers.js";
export {
  type ComparedPair,
  type ComparedRun,
  type CompareOptions,
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
export {
  type EvaluatedRun,
  type EvaluateRunOptions,
  type EvaluationDocument,
  evaluateRun,
} from "./eval/evaluate-run.js";
export { computeMetrics, type LabelFigures, type Metrics } from "./eval/metrics.js";
export { type SampleStatistics, type SeedGroup, sampleStatistics } from "./eval/seeds.js";
export { bootstrapAccuracyCi95, bootstrapDifferenceCi95, mcnemarExact } from "./eval/statistics.js";
export { type ModelCost, modelCost } from "./models/cost.js";
export type { BuildOptions, ModelDefinition } from "./models/definition.js";
export { buildModel, findModel, modelRegistry } from "./models/registry.js";
export { planModel } from "./models/size.js";
export { svgToPng } from "./plot/png.js";
export { loadRecognizer, loadRecognizers, type OpenOptions } from "./recognizer/open.js";
export { predictFile, predictRow, type RowPrediction } from "./recognizer/predict.js";
export {
  type Engine,
  type Prediction,
  Recognizer,
  type RecognizerFormat,
  recognizerOf,
} from "./recognizer/recognizer.js";
export { writeComparisonReport } from "./report/comparison.js";
export { writeEvaluationReport } from "./report/evaluation.js";
export { type Dataset, type DatasetSettings, loadDataset, loadRunDataset } from "./run/dataset.js";
export { type EpochRecord, RunFolder } from "./run/folder.js";
export {
  computeLogits,
  type ForwardPass,
  forwardPass,
  type Logits,
  type LogitsOptions,
} from "./run/logits.js";
export { type ModelFiles, modelFromFiles, modelToFiles } from "./run/model-files.js";
export { defaultSettings, type RunConfig, resolveSettings, type TrainSettings } from "./run/settings.js";
export * from "./sound/index.js";
export { type CompareByTrainingOptions, compareByTraining } from "./tasks/compare-by-training.js";
export { BestCheckpoint } from "./train/callbacks/best-checkpoint.js";
export { EarlyStopping } from "./train/callbacks/early-stopping.js";
export { History } from "./train/callbacks/history.js";
export { LastState } from "./train/callbacks/last-state.js";
export { type DiagnoseOptions, type Diagnosis, diagnoseBackends } from "./train/doctor/diagnose.js";
export type { Callback, LoopStatus, Position } from "./train/loop.js";
export { Adam } from "./train/optimizers/adam.js";
export {
  resumeTraining,
  type TrainHooks,
  TrainingInterrupted,
  type TrainSummary,
  train,
} from "./train/train.js";
