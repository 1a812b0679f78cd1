import { createWindow } from "../../dsp/windows.js";
import { powerToLevel } from "../spectrogram/power.js";
import type { StoredFrames, StoreSelection } from "./read.js";
import type { StoreSettings } from "./settings.js";

/**
 * The power within a selection's band, of each frame: one value in place of its bins, in the store's unit. A sine of full scale
 * in the band has 1, or 0 dB. It is the sum of the bins, divided by how many of them the window spreads a sine over (its
 * equivalent noise bandwidth; G. Heinzel et al., "Spectrum and spectral density estimation by the DFT", 2002, eq. 21), with half
 * of 0 Hz and of the highest one, which have no mirror image. Over all bins that is twice the window-weighted mean square of the samples.
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
