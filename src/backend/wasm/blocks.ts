import * as tf from "@tensorflow/tfjs";
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import { blocksSharedWasm, blocksWasm } from "./blocks-wasm.js";

/** One side of a transform: where row r of block b lies; see kernels/blocks.ts. Distances are in numbers. */
export interface Side {
  of: tf.TensorInfo;
  /** Element of `of` at which row 0 of block 0 would lie. */
  from: number;
  row: number;
  block: number;
  /** The number of the first block's first row, and by how much the next block's is greater. */
  first: number;
  advance: number;
  /** Rows with numbers below 0 or from here on are not there: zeros to read, and dropped when written. */
  limit: number;
}

/** Row i of each block of `to` = Σ_j matrix[i, j] · row j of the same block of `from`, for `channels` (a multiple of 4). */
export function transformBlocks(
  backend: BackendWasm,
  matrix: tf.Tensor2D,
  from: Side,
  to: Side,
  { blocks, channels }: { blocks: number; channels: number },
): void {
  const sides = tf.tensor1d([...numbers(backend, from), ...numbers(backend, to)], "int32");
  const addressOf = ({ dataId }: tf.TensorInfo) => backend.getMemoryOffset(dataId);
  const [rowsOut, rowsIn] = matrix.shape;
  kernelOf(backend).transform(addressOf(sides), addressOf(matrix), rowsOut, rowsIn, blocks, channels);
  sides.dispose();
}

function numbers(backend: BackendWasm, { of, from, row, block, first, advance, limit }: Side): number[] {
  return [backend.getMemoryOffset(of.dataId) + from * 4, row * 4, block * 4, first, advance, limit];
}

/** What kernels/blocks.ts exports. */
interface Kernel {
  transform(
    sides: number,
    matrix: number,
    rowsOut: number,
    rowsIn: number,
    blocks: number,
    channels: number,
  ): void;
}

const kernels = new WeakMap<BackendWasm, Kernel>();

/** The kernel in the backend's own memory. */
function kernelOf(backend: BackendWasm): Kernel {
  let kernel = kernels.get(backend);
  if (kernel === undefined) {
    const { wasmMemory, asm } = backend.wasm as unknown as {
      wasmMemory?: { buffer: ArrayBufferLike };
      asm: { memory?: { buffer: ArrayBufferLike } };
    };
    const memory = wasmMemory ?? asm.memory!;
    const code = memory.buffer instanceof SharedArrayBuffer ? blocksSharedWasm : blocksWasm;
    const compiled = new WebAssembly.Module(Buffer.from(code, "base64"));
    kernel = new WebAssembly.Instance(compiled, { env: { memory } }).exports;
    kernels.set(backend, kernel);
  }
  return kernel;
}

// Neither TypeScript's es2023 nor Node's types have it.
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (compiled: object, imports: { env: { memory: object } }) => { exports: Kernel };
};
