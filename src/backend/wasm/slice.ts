import * as tf from "@tensorflow/tfjs";
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import { share, wasmKernel } from "./kernel.js";

// The backend's own kernels first copy the whole tensor out of WebAssembly memory, once for every part.

export const sliceKernel = wasmKernel(
  "Slice",
  ({ x }: { x: tf.Tensor }, { begin, size }: tf.SliceAttrs, backend) => {
    const [from, shape] = tf.slice_util.parseSliceParams(x, begin, size);
    return slice(backend, x, from as number[], shape as number[]);
  },
);

export const splitKernel = wasmKernel(
  "SplitV",
  ({ x }: { x: tf.Tensor }, { numOrSizeSplits, axis }: tf.SplitVAttrs, backend) => {
    const along = tf.util.parseAxisParam(axis, x.shape)[0] as number;
    const from = x.shape.map(() => 0);
    return tf.backend_util.prepareSplitSize(x, numOrSizeSplits, along).map((size) => {
      const part = slice(backend, x, from, x.shape.with(along, size));
      from[along]! += size;
      return part;
    });
  },
);

function slice(
  backend: BackendWasm,
  x: tf.TensorInfo,
  from: readonly number[],
  shape: number[],
): tf.TensorInfo {
  if (tf.util.arraysEqual(shape, x.shape)) return share(backend, x);
  const out = backend.makeOutput(shape, x.dtype);
  const source = backend.typedArrayFromHeap(x);
  const target = backend.typedArrayFromHeap(out);
  if (target.length === 0) return out;

  // All behind the last axis that is cut lies together, and with it that axis's part.
  let cut = shape.length - 1;
  while (cut > 0 && shape[cut] === x.shape[cut]) cut--;
  const strides = [...tf.util.computeStrides(x.shape), 1];
  const run = tf.util.sizeFromShape(shape.slice(cut));
  let written = 0;
  const copy = (axis: number, offset: number): void => {
    const start = offset + (from[axis] ?? 0) * (strides[axis] as number);
    if (axis < cut) {
      for (let i = 0; i < (shape[axis] as number); i++) copy(axis + 1, start + i * (strides[axis] as number));
      return;
    }
    // A call to `set` costs as much as moving some fifty numbers.
    if (run > 50) target.set(source.subarray(start, start + run), written);
    else for (let i = 0; i < run; i++) target[written + i] = source[start + i] as number;
    written += run;
  };
  copy(0, 0);
  return out;
}
