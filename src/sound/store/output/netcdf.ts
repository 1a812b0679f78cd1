import { resolve } from "node:path";
import { setImmediate } from "node:timers/promises";
import { describeSystemError, UserError } from "../../../base/errors.js";
import { StagedFile } from "../../../base/files.js";
import type { StoredSpectrogram, StoreSelection } from "../read.js";
import { frequencyAttributes, spectrogramAttributes, timeAttributes } from "../zarr/layout.js";

/**
 * Writes a selection as NetCDF-4: `spectrogram` `[time, frequency]` with its axes as coordinates. Values,
 * units and names are those of the store. The file is written in one step.
 *
 * @throws UserError if it cannot be written
 */
export async function writeNetcdf(
  path: string,
  recording: StoredSpectrogram,
  selection: StoreSelection,
  onProgress?: (done: number, total: number) => void,
): Promise<void> {
  const h5wasm = await import("h5wasm/node");
  await h5wasm.ready;
  const { frames, frequencies } = selection;
  const bins = frequencies.length;
  let staged: StagedFile | undefined;
  try {
    staged = new StagedFile(resolve(path));
    const file = new h5wasm.File(staged.path, "w");
    try {
      file.create_attribute("Conventions", "CF-1.11");
      const axis = file.create_dataset({ name: "frequency", data: frequencies, shape: [bins], dtype: "<d" });
      axis.make_scale("frequency");
      addAttributes(axis, frequencyAttributes);
      let done = 0;
      let time: InstanceType<typeof h5wasm.Dataset> | undefined;
      let spectrogram: typeof time;
      for await (const { times, values, frames: count } of selection.blocks()) {
        if (time === undefined || spectrogram === undefined) {
          const rows = Math.min(frames, Math.max(1, Math.floor(2 ** 18 / bins)));
          time = file.create_dataset({
            ...{ name: "time", data: times, shape: [count], dtype: "<q" },
            ...{ maxshape: [frames], chunks: [Math.min(frames, 2 ** 16)] },
          });
          spectrogram = file.create_dataset({
            ...{ name: "spectrogram", data: values, shape: [count, bins], dtype: "<f" },
            ...{ maxshape: [frames, bins], chunks: [rows, bins], compression: "gzip", compression_opts: 1 },
          });
          time.resize([frames]);
          spectrogram.resize([frames, bins]);
        } else {
          time.write_slice([[done, done + count]], times);
          spectrogram.write_slice(
            [
              [done, done + count],
              [0, bins],
            ],
            values,
          );
        }
        done += count;
        onProgress?.(done, frames);
        await setImmediate(); // lets Ctrl-C through, since nothing else here waits
      }
      time!.make_scale("time");
      addAttributes(time!, timeAttributes);
      spectrogram!.attach_scale(0, "time");
      spectrogram!.attach_scale(1, "frequency");
      addAttributes(spectrogram!, spectrogramAttributes(recording.settings.log));
      spectrogram!.create_attribute("_FillValue", Float32Array.of(Number.NaN), [1], "<f");
    } finally {
      file.close();
    }
    staged.commit();
  } catch (error) {
    staged?.discard();
    const described = describeSystemError(error, "write", path);
    if (described instanceof UserError) throw described;
    throw new UserError(`cannot write ${path}: ${(error as Error).message}`, { cause: error });
  }
}

function addAttributes(
  to: { create_attribute(name: string, value: string): void },
  attributes: Record<string, string>,
): void {
  for (const [name, value] of Object.entries(attributes)) to.create_attribute(name, value);
}
