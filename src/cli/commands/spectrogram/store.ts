import { basename } from "node:path";
import { usageError } from "../../../base/errors.js";
import type { Output } from "../../output.js";
import { count, duration, plural } from "../../output.js";
import { defined, type SpectrogramFlags } from "./flags.js";

/** Stores the spectrogram of a recording. Ctrl-C stops it after the chunks under way are written. */
export async function storeRecording(
  file: string,
  store: string,
  flags: SpectrogramFlags,
  output: Output,
): Promise<void> {
  if (file === "-")
    throw usageError(
      "--store reads the recording in several places at once: expected a file, found - (stdin)",
    );
  const { chunk, channel, nFft, hop, winLength, window, minFrequency, maxFrequency, start, log, workers } =
    flags;
  if (channel === "stack")
    throw usageError(
      "a store holds one channel or the mean: expected --channel mean or a number, found stack",
    );
  const [{ storeSpectrogram }, { formatUtc }] = await Promise.all([
    import("../../../sound/store/write.js"),
    import("../../../sound/store/time.js"),
  ]);
  const stop = new AbortController();
  const onInterrupt = () => {
    output.log("stopping: chunks under way are being written");
    stop.abort();
  };
  process.once("SIGINT", onInterrupt);
  try {
    const stft = { nFft, hop, winLength, window, channel, minFrequency, maxFrequency };
    const { settings, ...stored } = await storeSpectrogram(file, store, {
      ...defined({ ...stft, start, log, workers, chunkSeconds: chunk }),
      onProgress: output.progress(`${basename(store)}: computing`),
      signal: stop.signal,
    });
    const { sampleRate, bins } = settings;
    const kept = stored.found === 0 ? "" : `, ${count(stored.found)} of which were there`;
    output.result(
      `${store}: ${duration(stored.seconds)} at ${sampleRate} Hz, ${count(stored.frames)} frames of ${plural(bins, "value")}, ${plural(stored.chunks, "chunk")}${kept}`,
      { file, store, start: formatUtc(start ?? 0n), sampleRate, bins, ...stored },
    );
  } finally {
    output.endBar();
    process.removeListener("SIGINT", onInterrupt);
  }
}
