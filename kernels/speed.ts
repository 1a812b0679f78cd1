// AssemblyScript, compiled to WebAssembly by kernels/build.mjs.
//
// Band-limited interpolation of a clip at places `factor` samples apart, four products at a time. src/data/augment/speed.ts
// lays out the memory and makes the filters.

/**
 * `out[i]` becomes what `source` is at middle + (i - middle)·factor, of `length` samples with `taps` zeros on both sides. Row r of
 * `filters`, `[resolution + 1, taps]`, is for places r / resolution behind a sample. All hold float32; taps divide by 8.
 */
export function play(
  source: usize,
  out: usize,
  length: i32,
  filters: usize,
  taps: i32,
  resolution: f64,
  factor: f64,
): void {
  const middle = <f64>(length - 1) / 2;
  const before = taps / 2 - 1;
  for (let i = 0; i < length; i++) {
    const at = middle + (<f64>i - middle) * factor;
    const newest = floor(at);
    const start = <i32>newest - before + taps;
    // Two sums, since one alone would make each addition wait for the one before.
    let sum = f32x4.splat(0);
    let other = f32x4.splat(0);
    if (start >= 0 && start <= length + taps) {
      const row = <i32>floor((at - newest) * resolution + 0.5);
      const from = source + (<usize>start << 2);
      const filter = filters + (<usize>(row * taps) << 2);
      for (let k: usize = 0; k < <usize>(taps << 2); k += 32) {
        sum = f32x4.add(sum, f32x4.mul(v128.load(from + k), v128.load(filter + k)));
        other = f32x4.add(other, f32x4.mul(v128.load(from + k, 16), v128.load(filter + k, 16)));
      }
      sum = f32x4.add(sum, other);
    }
    f32.store(
      out + (<usize>i << 2),
      f32x4.extract_lane(sum, 0) +
        f32x4.extract_lane(sum, 1) +
        (f32x4.extract_lane(sum, 2) + f32x4.extract_lane(sum, 3)),
    );
  }
}
