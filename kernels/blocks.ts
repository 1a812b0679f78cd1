// AssemblyScript, compiled to WebAssembly by kernels/build.mjs.
//
// A small matrix applied along one axis of a tensor, block by block, to all channels at once: the transforms before and
// after the products of src/backend/wasm/fast_convolution.ts, which lays out the arguments. It works in the memory of
// TensorFlow.js's module. Everything is float32; channels lie together and are a multiple of 4.

/**
 * One side of a transform. Row r of block b has the number first + b·advance + r and lies at
 * base + number·rowBytes + b·blockBytes. Numbers below 0 or from limit on are not there: they read as zeros, and what
 * would be written to them is dropped.
 */
@unmanaged
class Side {
  base: usize;
  rowBytes: i32;
  blockBytes: i32;
  first: i32;
  advance: i32;
  limit: i32;
}

const SIDE: usize = 24;

/** Row i of each block of the second side = Σ matrix[i, j] · row j of that block of the first; `sides` are the two. */
export function transform(
  sides: usize,
  matrix: usize,
  rowsOut: i32,
  rowsIn: i32,
  blocks: i32,
  channels: i32,
): void {
  const from = changetype<Side>(sides);
  const to = changetype<Side>(sides + SIDE);
  for (let block: i32 = 0; block < blocks; block++) {
    const numberIn = from.first + block * from.advance;
    const numberOut = to.first + block * to.advance;
    const firstIn = max(0, -numberIn);
    const lastIn = min(rowsIn, from.limit - numberIn);
    const firstOut = max(0, -numberOut);
    const lastOut = min(rowsOut, to.limit - numberOut);
    const source = from.base + usize(block * from.blockBytes + numberIn * from.rowBytes);
    const target = to.base + usize(block * to.blockBytes + numberOut * to.rowBytes);
    // A cache line of channels through all rows, then the next: the lines that rows far apart share a place in stay put.
    for (let channel: i32 = 0; channel < channels; channel += 16) {
      const end = min(channel + 16, channels);
      for (let i = firstOut; i < lastOut; i += 4) {
        // Where less than four rows are left, the last is computed more than once.
        const i1 = min(i + 1, lastOut - 1);
        const i2 = min(i + 2, lastOut - 1);
        const i3 = min(i + 3, lastOut - 1);
        const row0 = matrix + i * rowsIn * 4;
        const row1 = matrix + i1 * rowsIn * 4;
        const row2 = matrix + i2 * rowsIn * 4;
        const row3 = matrix + i3 * rowsIn * 4;
        const out0 = target + usize(i * to.rowBytes);
        const out1 = target + usize(i1 * to.rowBytes);
        const out2 = target + usize(i2 * to.rowBytes);
        const out3 = target + usize(i3 * to.rowBytes);
        let at = channel;
        for (; at + 8 <= end; at += 8) {
          let a0 = f32x4.splat(0);
          let a1 = f32x4.splat(0);
          let a2 = f32x4.splat(0);
          let a3 = f32x4.splat(0);
          let b0 = f32x4.splat(0);
          let b1 = f32x4.splat(0);
          let b2 = f32x4.splat(0);
          let b3 = f32x4.splat(0);
          let x = source + usize(firstIn * from.rowBytes + at * 4);
          for (let j = firstIn; j < lastIn; j++) {
            const a = v128.load(x);
            const b = v128.load(x, 16);
            const m0 = v128.load32_splat(row0 + j * 4);
            const m1 = v128.load32_splat(row1 + j * 4);
            const m2 = v128.load32_splat(row2 + j * 4);
            const m3 = v128.load32_splat(row3 + j * 4);
            a0 = f32x4.add(a0, f32x4.mul(m0, a));
            a1 = f32x4.add(a1, f32x4.mul(m1, a));
            a2 = f32x4.add(a2, f32x4.mul(m2, a));
            a3 = f32x4.add(a3, f32x4.mul(m3, a));
            b0 = f32x4.add(b0, f32x4.mul(m0, b));
            b1 = f32x4.add(b1, f32x4.mul(m1, b));
            b2 = f32x4.add(b2, f32x4.mul(m2, b));
            b3 = f32x4.add(b3, f32x4.mul(m3, b));
            x += from.rowBytes;
          }
          v128.store(out0 + at * 4, a0);
          v128.store(out0 + at * 4, b0, 16);
          v128.store(out1 + at * 4, a1);
          v128.store(out1 + at * 4, b1, 16);
          v128.store(out2 + at * 4, a2);
          v128.store(out2 + at * 4, b2, 16);
          v128.store(out3 + at * 4, a3);
          v128.store(out3 + at * 4, b3, 16);
        }
        if (at < end) {
          let a0 = f32x4.splat(0);
          let a1 = f32x4.splat(0);
          let a2 = f32x4.splat(0);
          let a3 = f32x4.splat(0);
          let x = source + usize(firstIn * from.rowBytes + at * 4);
          for (let j = firstIn; j < lastIn; j++) {
            const a = v128.load(x);
            a0 = f32x4.add(a0, f32x4.mul(v128.load32_splat(row0 + j * 4), a));
            a1 = f32x4.add(a1, f32x4.mul(v128.load32_splat(row1 + j * 4), a));
            a2 = f32x4.add(a2, f32x4.mul(v128.load32_splat(row2 + j * 4), a));
            a3 = f32x4.add(a3, f32x4.mul(v128.load32_splat(row3 + j * 4), a));
            x += from.rowBytes;
          }
          v128.store(out0 + at * 4, a0);
          v128.store(out1 + at * 4, a1);
          v128.store(out2 + at * 4, a2);
          v128.store(out3 + at * 4, a3);
        }
      }
    }
  }
}
