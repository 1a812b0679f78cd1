import * as tf from "@tensorflow/tfjs";
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";

/** A matrix in row order within a tensor's memory, beginning at element `from`. */
export interface Matrix {
  of: tf.TensorInfo;
  from: number;
  rows: number;
  columns: number;
}

/**
 * out = left · right, by XNNPACK, over parts of tensors: the backend's own routine takes whole tensors only, but all it
 * knows of a tensor is an id with an address, so an id is lent to each part while it runs.
 *
 * XNNPACK first copies `right` into an order of its own, at 3 to 15 ns an element, and keeps that copy as long as the id
 * lives. So the products with one `right` belong into one call, and a whole tensor goes by its own id: the weights of a
 * recurrent layer, or of any layer in inference, are copied once.
 */
export function multiply(
  backend: BackendWasm,
  right: Matrix,
  products: Iterable<{ left: Matrix; out: Matrix }>,
): void {
  const routine = batchMatMul(backend);
  const rightId = ownId(backend, right) ?? lend(backend, borrowedIds.right, right);
  const rightShape = shapeBytes(right);
  for (const { left, out } of products) {
    lend(backend, borrowedIds.left, left);
    lend(backend, borrowedIds.out, out);
    routine(borrowedIds.left, shapeBytes(left), 3, rightId, rightShape, 3, 0, 0, borrowedIds.out);
    backend.wasm.tfjs.disposeData(borrowedIds.left);
    backend.wasm.tfjs.disposeData(borrowedIds.out);
  }
  if (rightId === borrowedIds.right) backend.wasm.tfjs.disposeData(rightId);
}

// The backend counts its own ids up from 1; these are out of its reach.
const borrowedIds = { left: 0x7ffffffd, right: 0x7ffffffe, out: 0x7fffffff };

// The rows of the copy that XNNPACK keeps for a tensor: it would take that copy for the same values in another shape too.
const rowsOfCopy = new WeakMap<tf.DataId, number>();

function ownId(backend: BackendWasm, { of, from, rows, columns }: Matrix): number | undefined {
  const whole = from === 0 && rows * columns === tf.util.sizeFromShape(of.shape);
  if (!whole || (rowsOfCopy.get(of.dataId) ?? rows) !== rows) return undefined;
  rowsOfCopy.set(of.dataId, rows);
  return backend.dataIdMap.get(of.dataId).id;
}

function lend(backend: BackendWasm, id: number, { of, from, rows, columns }: Matrix): number {
  const address = backend.getMemoryOffset(of.dataId) + from * Float32Array.BYTES_PER_ELEMENT;
  backend.wasm.tfjs.registerTensor(id, rows * columns, address);
  return id;
}

function shapeBytes({ rows, columns }: Matrix): Uint8Array {
  return new Uint8Array(Int32Array.of(1, rows, columns).buffer);
}

type BatchMatMul = (
  left: number,
  leftShape: Uint8Array,
  leftRank: number,
  right: number,
  rightShape: Uint8Array,
  rightRank: number,
  transposeLeft: number,
  transposeRight: number,
  out: number,
) => void;

const routines = new WeakMap<BackendWasm, BatchMatMul>();

function batchMatMul(backend: BackendWasm): BatchMatMul {
  let routine = routines.get(backend);
  if (routine === undefined) {
    const { cwrap } = backend.wasm as unknown as {
      cwrap(name: string, returns: null, parameters: ("number" | "array")[]): BatchMatMul;
    };
    const [number, array] = ["number", "array"] as const;
    const parameters = [number, array, number, number, array, number, number, number, number];
    routine = cwrap("BatchMatMul", null, parameters);
    routines.set(backend, routine);
  }
  return routine;
}
