import * as tf from "@tensorflow/tfjs";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { vectorWidth, webgpuKernel } from "./kernel.js";
import { multiply, readAlong } from "./product.js";

/*
 * Large matrix products: a dense layer's forward pass and gradients. The backend's own kernel does not split a long sum
 * of a small result over the GPU, or does it with atomic additions in an order that changes.
 */

export const batchMatMul = webgpuKernel(
  "BatchMatMul",
  ({ a, b }: Operands, { transposeA, transposeB }: tf.BatchMatMulAttrs, backend) =>
    isLargeProduct(a, b, transposeA, transposeB) ? matMul(backend, a, b, transposeA, transposeB) : undefined,
);

/** The same for a dense layer's forward pass outside training: product, bias, activation. */
export const fusedMatMul = webgpuKernel(
  "_FusedMatMul",
  (
    {
      a,
      b,
      bias,
      preluActivationWeights,
    }: Operands & { bias?: tf.Tensor; preluActivationWeights?: tf.Tensor },
    { transposeA, transposeB, activation, leakyreluAlpha }: tf._FusedMatMulAttrs,
    backend,
  ) => {
    if (!isLargeProduct(a, b, transposeA, transposeB)) return undefined;
    const product = matMul(backend, a, b, transposeA, transposeB);
    const biased = bias === undefined ? product : product.add(bias);
    return tf.backend_util.applyActivation(biased, activation, preluActivationWeights, leakyreluAlpha);
  },
);

interface Operands {
  a: tf.Tensor;
  b: tf.Tensor;
}

/** One product of two large matrices; stacks of matrices and products by vectors are left to the backend. */
function isLargeProduct(a: tf.Tensor, b: tf.Tensor, transposeA: boolean, transposeB: boolean): boolean {
  const { rows, inner, columns } = sizes(a, b, transposeA, transposeB);
  return (
    a.dtype === "float32" &&
    b.dtype === "float32" &&
    a.size === rows * inner &&
    b.size === inner * columns &&
    rows >= 16 &&
    columns >= 16 &&
    rows * inner * columns >= 1 << 18
  );
}

function sizes(a: tf.Tensor, b: tf.Tensor, transposeA: boolean, transposeB: boolean) {
  const [aRows, aColumns] = a.shape.slice(-2) as [number, number];
  const [bRows, bColumns] = b.shape.slice(-2) as [number, number];
  const [rows, inner] = transposeA ? [aColumns, aRows] : [aRows, aColumns];
  return { rows, inner, columns: transposeB ? bRows : bColumns };
}

function matMul(
  backend: WebGPUBackend,
  a: tf.Tensor,
  b: tf.Tensor,
  transposeA: boolean,
  transposeB: boolean,
): tf.Tensor {
  const { rows, inner, columns } = sizes(a, b, transposeA, transposeB);
  const stack = tf.broadcast_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const right = transposeB ? b.reshape<tf.Tensor2D>([columns, inner]).transpose() : b;
  const rowLength = transposeA ? rows : inner;
  const product = multiply(backend, {
    name: transposeA ? "matMulTransposed" : "matMul",
    inputs: { a: [a, vectorWidth(rowLength)], b: [right, vectorWidth(columns)] },
    rows,
    inner,
    columns,
    leftAlong: transposeA ? "rows" : "inner",
    code: `
      fn leftPlace(row: i32) -> vec4<i32> { return vec4<i32>(row); }
      fn readLeft(place: vec4<i32>, inner: i32) -> vec4<f32> {
        if (place.x >= uniforms.rows) { return vec4<f32>(0.0); }
        ${
          transposeA
            ? readAlong("a", "inner", "place.x", "uniforms.rows", vectorWidth(rowLength))
            : readAlong("a", "place.x", "inner", "uniforms.inner", vectorWidth(rowLength))
        }
      }
      fn readRight(inner: i32, column: i32) -> vec4<f32> {
        if (column >= uniforms.columns) { return vec4<f32>(0.0); }
        ${readAlong("b", "inner", "column", "uniforms.columns", vectorWidth(columns))}
      }`,
  });
  return product.reshape([...stack, rows, columns]);
}
