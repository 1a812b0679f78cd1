import { createWindow } from "../../dsp/windows.js";
import { powerToLevel } from "../spectrogram/power.js";
import type { StoredFrames, StoreSelection } from "./read.js";
import type { StoreSettings } from "./settings.js";

/**
 * Returns the power of each frame within a selection's band: one value instead of the bins, in the store's
 * unit. A sine of full scale in the band has 1, or 0 dB.
 *
 * It is the sum of the bins, divided by the window's equivalent noise bandwidth in bins. The bins at 0 Hz and
 * at half the sample rate count half, since they have no mirror image. Over all bins the result is twice the
 * window-weighted mean square of the samples. (G. Heinzel et al., "Spectrum and spectral density estimation
 * by the DFT", 2002, eq. 21.)
 */
export function bandEnergy(selection: StoreSelection, settings: StoreSettings): StoreSelection {
  const { nFft, winLength, window, sampleRate, log } = settings;
  const shape = createWindow(window, winLength);
  const sum = shape.reduce((total, value) => total + value, 0);
  const noiseBandwidth = (nFft * shape.reduce((total, value) => total + value * value, 0)) / sum ** 2;
  const weights = selection.frequencies.map((hz) => (hz === 0 || hz === sampleRate / 2 ? 0.5 : 1));

  function energyOf({ values, bins, frames }: StoredFrames): Float32Array {
    return Float32Array.from({ length: frames }, (_, t) => {
      let energy = 0;
      for (let k = 0; k < bins; k++) {
        const value = values[t * bins + k]!;
        energy += weights[k]! * (log ? 10 ** (value / 10) : value);
      }
      energy /= noiseBandwidth;
      return log ? powerToLevel(energy) : energy;
    });
  }

  return {
    ...selection,
    async *blocks() {
      for await (const block of selection.blocks()) yield { ...block, values: energyOf(block), bins: 1 };
    },
  };
}
