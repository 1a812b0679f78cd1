import * as tf from "@tensorflow/tfjs";
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import { wasmKernel } from "./kernel.js";
import { type Matrix, multiply } from "./multiply.js";

/**
 * Matrix products by XNNPACK alone. The backend's own kernel leaves every product with a transposed or stacked operand,
 * that is both gradients of a dense layer, to plain loops that are 10 to 30 times slower.
 */
export const batchMatMul = wasmKernel(
  "BatchMatMul",
  ({ a, b }: Operands, { transposeA, transposeB }: tf.BatchMatMulAttrs, backend) =>
    matMul(backend, a, b, transposeA, transposeB),
);

/** The same for a dense layer's forward pass: product, bias, activation. */
export const fusedMatMul = wasmKernel(
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
    const product = matMul(backend, a, b, transposeA, transposeB);
    const biased = bias === undefined ? product : product.add(bias);
    return tf.backend_util.applyActivation(biased, activation, preluActivationWeights, leakyreluAlpha);
  },
);

interface Operands {
  a: tf.Tensor;
  b: tf.Tensor;
}

/** [..., m, k] · [..., k, n] → [..., m, n], each operand optionally given with its last two axes swapped. */
function matMul(
  backend: BackendWasm,
  a: tf.Tensor,
  b: tf.Tensor,
  transposeA: boolean,
  transposeB: boolean,
): tf.Tensor {
  if (a.dtype !== "float32" || b.dtype !== "float32")
    throw new Error(`the wasm backend multiplies float32 matrices, not ${a.dtype} by ${b.dtype}`);
  const stack = tf.broadcast_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const [rowsA, columnsA] = a.shape.slice(-2) as [number, number];
  const [rowsB, columnsB] = b.shape.slice(-2) as [number, number];
  const [m, k] = transposeA ? [columnsA, rowsA] : [rowsA, columnsA];
  const n = transposeB ? rowsB : columnsB;
  const outShape = [...stack, m, n];
  if (k === 0 || tf.util.sizeFromShape(outShape) === 0) return tf.zeros(outShape);

  const oneB = b.size === rowsB * columnsB;
  const oneA = a.size === rowsA * columnsA;
  if (oneB && (oneA || !transposeA)) {
    const matrixA = a.reshape<tf.Tensor2D>([-1, columnsA]);
    const matrixB = b.reshape<tf.Tensor2D>([rowsB, columnsB]);
    return product(backend, matrixA, matrixB, transposeA, transposeB).reshape(outShape);
  }

  const left = tf.broadcastTo(transposeA ? swapLastAxes(a) : a, [...stack, m, k]);
  const right = tf.broadcastTo(transposeB ? swapLastAxes(b) : b, [...stack, k, n]);
  const out = tf.zeros(outShape);
  for (let i = 0; i < tf.util.sizeFromShape(stack); i++)
    multiply(backend, part(right, i, k, n), [{ left: part(left, i, m, k), out: part(out, i, m, n) }]);
  return out;
}

function product(
  backend: BackendWasm,
  a: tf.Tensor2D,
  b: tf.Tensor2D,
  transposeA: boolean,
  transposeB: boolean,
): tf.Tensor2D {
  // a · bᵀ = (b · aᵀ)ᵀ: where b is the large one, a dense layer's weights, it need be neither transposed nor copied.
  if (transposeB && a.size < b.size) return product(backend, b, a, false, !transposeA).transpose();

  const left = transposeA ? a.transpose<tf.Tensor2D>() : a;
  const right = transposeB ? b.transpose<tf.Tensor2D>() : b;
  const [m, k] = left.shape;
  const [, n] = right.shape;
  const rows = right.size < largeRight ? k : largestDivisor(k, Math.ceil(pieceSize / n));
  if (rows === k || rows < Math.max(m, 64)) {
    const out = tf.zeros<tf.Rank.R2>([m, n]);
    multiply(backend, part(right, 0, k, n), [{ left: part(left, 0, m, k), out: part(out, 0, m, n) }]);
    return out;
  }
  // The sum over k in pieces: [m, k] is brought into the order [pieces, m, rows].
  const pieces = k / rows;
  const leftPieces = left.reshape([m, pieces, rows]).transpose([1, 0, 2]);
  const sums = tf.zeros<tf.Rank.R3>([pieces, m, n]);
  for (let i = 0; i < pieces; i++)
    multiply(backend, part(right, i, rows, n), [
      { left: part(leftPieces, i, m, rows), out: part(sums, i, m, n) },
    ]);
  return sums.sum(0);
}

// XNNPACK copies a right operand eight columns at a time, so one that the caches do not hold is read from memory over and
// over, at up to 15 ns an element. In pieces that they hold it is 3 ns, and the copy is never there as a whole, so a wide
// model's largest weights (128,000 by 256) do not take their memory twice.
const largeRight = 1 << 22;
const pieceSize = 1 << 18;

function largestDivisor(of: number, atMost: number): number {
  for (let divisor = Math.min(of, atMost); divisor > 1; divisor--) if (of % divisor === 0) return divisor;
  return of;
}

function part(of: tf.Tensor, index: number, rows: number, columns: number): Matrix {
  return { of, from: index * rows * columns, rows, columns };
}

function swapLastAxes(x: tf.Tensor): tf.Tensor {
  const axes = x.shape.map((_, axis) => axis);
  return x.transpose([...axes.slice(0, -2), x.rank - 1, x.rank - 2]);
}
