/** Zero crossings of the sinc on either side. */
const crossings = 12;
/** Filters from one sample to the next; between two of them a straight line errs by less than 1e-4. */
const resolution = 128;
/** Where the filter begins to fall, as a share of the lower Nyquist frequency. */
const cutOff = 0.92;

/**
 * Plays a clip `factor` times as fast, in place, its middle staying where it is: band-limited interpolation by a windowed
 * sinc, which for a factor above 1 is wider by it, so that nothing aliases (J. O. Smith, "Digital audio resampling",
 * CCRMA). What is beyond the clip's ends counts as zero.
 */
export function playAtSpeed(wave: Float32Array, factor: number): void {
  const { taps, filters } = filterBank(Math.min(1, 1 / factor));
  const before = taps / 2 - 1; // taps that lie before the sample at or before the place asked for
  // Zeros on both sides spare the inner loop every test for the clip's ends.
  const source = new Float64Array(wave.length + 2 * taps);
  source.set(wave, taps);
  const middle = (wave.length - 1) / 2;
  for (let i = 0; i < wave.length; i++) {
    const at = middle + (i - middle) * factor;
    const newest = Math.floor(at);
    const start = newest - before + taps; // in `source`
    if (start < 0 || start + taps > source.length) {
      wave[i] = 0;
      continue;
    }
    const place = (at - newest) * resolution;
    const row = Math.floor(place);
    const share = place - row;
    const low = row * taps;
    const high = low + taps;
    // Sums apart, since one alone would make each addition wait for the one before.
    let a = 0;
    let b = 0;
    let c = 0;
    let d = 0;
    for (let k = 0; k < taps; k += 2) {
      const x = source[start + k]!;
      const y = source[start + k + 1]!;
      a += x * filters[low + k]!;
      b += y * filters[low + k + 1]!;
      c += x * filters[high + k]!;
      d += y * filters[high + k + 1]!;
    }
    wave[i] = (1 - share) * (a + b) + share * (c + d);
  }
}

/**
 * The filters for places from one sample to the next: a sinc windowed by Hann's window.
 *
 * @param squeeze the band that is kept, as a share of the signal's own
 * @returns `filters` [resolution + 1, taps], the last row being the first one a sample on
 */
function filterBank(squeeze: number): { taps: number; filters: Float64Array } {
  const reach = crossings / squeeze;
  const taps = 2 * Math.ceil(reach);
  const filters = new Float64Array((resolution + 1) * taps);
  for (let row = 0; row <= resolution; row++) {
    for (let k = 0; k < taps; k++) {
      const x = (k - (taps / 2 - 1) - row / resolution) * squeeze; // in zero crossings
      if (Math.abs(x) >= crossings) continue;
      const sinc = x === 0 ? 1 : Math.sin(Math.PI * cutOff * x) / (Math.PI * cutOff * x);
      filters[row * taps + k] = squeeze * cutOff * sinc * Math.cos((Math.PI * x) / (2 * crossings)) ** 2;
    }
  }
  return { taps, filters };
}
