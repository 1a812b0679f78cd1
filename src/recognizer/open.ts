import type { BackendChoice } from "../backend/names.js";
import { type Purpose, startBackend } from "../backend/start.js";
import { RunFolder } from "../run/folder.js";
import { type Recognizer, recognizerOf } from "./recognizer.js";

export interface OpenOptions {
  backend?: BackendChoice | undefined;
  /** `short` (the default) starts at once; `training` takes the fastest backend, for many clips. */
  purpose?: Purpose;
}

/**
 * Starts a backend and opens a run's best model on it.
 *
 * @param run a run folder, its path, or the name of a model that ships
 * @throws UserError when there is no run, its model is missing or damaged, or the backend does not start
 */
export async function loadRecognizer(run: RunFolder | string, options?: OpenOptions): Promise<Recognizer> {
  const [recognizer] = await loadRecognizers([run], options);
  return recognizer!;
}

/** Opens several runs on one backend, see `loadRecognizer`. */
export async function loadRecognizers(
  runs: readonly (RunFolder | string)[],
  { backend = "auto", purpose = "short" }: OpenOptions = {},
): Promise<Recognizer[]> {
  const folders = runs.map((run) => (typeof run === "string" ? RunFolder.open(run) : run));
  const configs = folders.map((folder) => {
    const config = folder.readConfig();
    folder.checkTrained();
    return config;
  });
  const started = await startBackend(backend, purpose);
  const recognizers: Recognizer[] = [];
  for (const [i, folder] of folders.entries())
    recognizers.push(recognizerOf(await folder.readBest(), configs[i]!, started));
  return recognizers;
}
