import { statSync } from "node:fs";
import { extname } from "node:path";
import type { Command } from "commander";
import { describeSystemError, usageError } from "../../../base/errors.js";
import { command, outputFor } from "../../options.js";
import { addFlags, checkFlags, type SpectrogramFlags } from "./flags.js";
import { showSound } from "./sound.js";
import { storeRecording } from "./store.js";
import { viewStores } from "./view.js";

export function spectrogramCommand(): Command {
  const made = command(
    "spectrogram",
    "a recording's frequencies over time, as a picture or as numbers",
    "kws spectrogram recording.wav -o recording.png --wave",
    "kws spectrogram sample --index random -o clip.svg --scale mel --colormap magma",
    "kws spectrogram recording.wav --csv --max-frequency 1000 | head",
    "kws spectrogram day.wav --store day.zarr --start 2017-08-21T09:02:00Z --log",
    "kws spectrogram day.zarr --from 2017-08-21T12:00Z --to 2017-08-21T13:00Z --max-frequency 500 -o noon.png",
    "kws spectrogram monday.zarr tuesday.zarr --max-frequency 500 --energy --csv",
  ).argument("<file...>", "a WAV file, - for one from stdin, with --index a data set, or stores (.zarr)");
  return addFlags(made).action(async (files: string[], flags: SpectrogramFlags, command: Command) => {
    const [file] = files as [string];
    const { store } = flags;
    const isView = store === undefined && flags.index === undefined && files.every(isFolder);
    checkFlags(
      command,
      store !== undefined ? "a recording is stored" : isView ? "a store is shown" : "a sound is shown",
    );
    const output = outputFor(flags);
    if (isView) return viewStores(files, flags, output);
    if (files.length > 1) throw usageError(`expected one file, found ${files.join(" and ")}`);
    return store === undefined ? showSound(file, flags, output) : storeRecording(file, store, flags, output);
  });
}

/** Returns whether a path is a folder, as stores are. (Data sets that are folders come with --index.) */
function isFolder(path: string): boolean {
  if (extname(path) === ".zarr") return true;
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  } catch (error) {
    throw describeSystemError(error, "read", path);
  }
}
