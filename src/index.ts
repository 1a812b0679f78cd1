/**
 * Training, evaluating, comparing and using models from a program. Nothing here prints, reads the command line or exits.
 * Mistakes that a user can correct are thrown as a `UserError`.
 *
 * `keyspot/dsp` has the signal processing, `keyspot/data` clips and data sets, `keyspot/sound` spectrograms, their
 * pictures and stores.
 *
 * @example
 * import { resolveSettings, train } from "keyspot";
 * const settings = resolveSettings({ data: ["sample"], model: "spectrogram", width: 0.25, learningRate: 1e-3 });
 * const summary = await train(settings, { out: "checkpoints/mine" });
 */

export type { Audio } from "./audio/clip.js";
export { decodeWav, encodeWav, readWavFile } from "./audio/wav/decode.js";
export { startBackend } from "./backend/start.js";
export { installTensorflow } from "./backend/tensorflow/install/install.js";
export { UserError } from "./base/errors.js";
export { Random } from "./base/random.js";
export { packageVersion } from "./base/version.js";
export { type Comparison, compareRuns } from "./eval/compare.js";
export { type EvaluatedRun, evaluateRun } from "./eval/evaluate-run.js";
export { modelCost } from "./models/cost.js";
export { buildModel, modelRegistry } from "./models/registry.js";
export { loadRecognizer } from "./recognizer/open.js";
export { predictFile } from "./recognizer/predict.js";
export type { Prediction, Recognizer } from "./recognizer/recognizer.js";
export { writeComparisonReport } from "./report/comparison.js";
export { writeEvaluationReport } from "./report/evaluation.js";
export { RunFolder } from "./run/folder.js";
export type { EpochRecord } from "./run/history.js";
export { defaultSettings, type RunConfig, resolveSettings, type TrainSettings } from "./run/settings.js";
export { compareByTraining } from "./tasks/compare-by-training.js";
export { BestCheckpoint } from "./train/callbacks/best-checkpoint.js";
export { EarlyStopping } from "./train/callbacks/early-stopping.js";
export { History } from "./train/callbacks/history.js";
export { LastState } from "./train/callbacks/last-state.js";
export { diagnoseBackends } from "./train/doctor/diagnose.js";
export type { Callback, LoopStatus } from "./train/loop.js";
export { resumeTraining, type TrainHooks, type TrainSummary, train } from "./train/train.js";
