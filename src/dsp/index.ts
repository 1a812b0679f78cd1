/** Signal processing on typed arrays. What the files export beyond this is internal to the package. */
export { type ComplexArray, magnitude, phase, power } from "./complex.js";
export * from "./decibels.js";
export * from "./fourier/dft.js";
export { fft, ifft, irfft, rfft } from "./fourier/fft.js";
export * from "./fourier/psd.js";
export * from "./fourier/spectrogram.js";
export * from "./fourier/stft.js";
export * from "./generators.js";
export * from "./mel.js";
export * from "./mfcc.js";
export * from "./picture.js";
export {
  createWindow,
  hannPeriodic,
  type Window,
  type WindowForm,
  type WindowName,
  windowNames,
} from "./windows.js";
