import * as tf from "@tensorflow/tfjs";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { runProgram, webgpuKernel } from "./kernel.js";

/*
 * Sums over leading axes: the gradient of a bias, the statistics of a batch. The backend's own kernel transposes the
 * tensor and then gives each sum to one workgroup, which leaves most of a GPU idle where there are few sums of many terms.
 */

export const sumKernel = webgpuKernel(
  "Sum",
  ({ x }: { x: tf.Tensor }, { axis, keepDims }: tf.SumAttrs, backend) =>
    reduceLeading(backend, x, axis, keepDims, () => 1),
);

export const meanKernel = webgpuKernel(
  "Mean",
  ({ x }: { x: tf.Tensor }, { axis, keepDims }: tf.MeanAttrs, backend) =>
    reduceLeading(backend, x, axis, keepDims, (terms) => 1 / terms),
);

/** Below this many elements a tensor is left to the backend's own kernels, which are as fast unless sums have few terms. */
const worthwhile = 4096;
/** Terms that a thread adds up, at least, before a further round adds up what the threads have. */
const fewestTerms = 32;

function reduceLeading(
  backend: WebGPUBackend,
  x: tf.Tensor,
  axis: number | number[],
  keepDims: boolean,
  scale: (terms: number) => number,
): tf.Tensor | undefined {
  const axes = tf.util.parseAxisParam(axis, x.shape).sort((a, b) => a - b);
  if (x.dtype !== "float32" || axes.some((value, i) => value !== i)) return undefined;
  const kept = x.shape.slice(axes.length);
  const terms = tf.util.sizeFromShape(x.shape.slice(0, axes.length));
  if (x.size < worthwhile && terms >= 2 * fewestTerms) return undefined;
  const sum = sumLeading(backend, x, [terms, ...kept], scale(terms));
  return keepDims ? sum.reshape([...axes.map(() => 1), ...kept]) : sum;
}

/** Threads that keep a large GPU busy. */
const enoughThreads = 1 << 16;

/** The sum over the first axis of `x`, seen as `shape`, times `scale`. Its order is fixed, so it is the same every time. */
export function sumLeading(backend: WebGPUBackend, x: tf.Tensor, shape: number[], scale: number): tf.Tensor {
  const [terms, ...kept] = shape as [number, ...number[]];
  if (terms === 1 && scale === 1) return x.reshape(kept);
  const columns = tf.util.sizeFromShape(kept);
  const parts =
    terms < 2 * fewestTerms
      ? 1
      : Math.min(Math.ceil(terms / fewestTerms), Math.max(1, Math.ceil(enoughThreads / columns)));
  // Part p takes terms p, p + parts, …: neighbouring threads then read neighbouring elements.
  const sums = runProgram(backend, {
    name: "sumLeading",
    inputs: { x: [x, 1] },
    outputShape: [parts, columns],
    outputComponents: 1,
    uniforms: { total: terms * columns, scale: { f32: parts === 1 ? scale : 1 } },
    workgroupSize: 64,
    code: () => `
      fn main(index: i32) {
        if (index >= uniforms.size) { return; }
        var sum = 0.0;
        for (var at = index; at < uniforms.total; at += uniforms.size) { sum += x[at]; }
        result[index] = sum * uniforms.scale;
      }`,
  });
  return parts === 1 ? sums.reshape(kept) : sumLeading(backend, sums, [parts, ...kept], scale);
}
