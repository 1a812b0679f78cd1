import * as tf from "@tensorflow/tfjs";
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import { type Axis, type Convolution, sumOverImages } from "../convolution.js";
import { type Side, transformBlocks } from "./blocks.js";
import { type Matrix, multiply } from "./multiply.js";

/*
 * Long convolutions along one axis with a third of the multiplications: by the discrete Fourier transform of blocks
 * (overlap-save), with three real products for a complex one. All of it together is three small matrices: m outputs of a
 * filter w on n = m + taps - 1 inputs x are
 *
 *     y = O · ((I · x) ⊙ (F · w))
 *
 * where ⊙ multiplies number by number. With channels each of those numbers is a matrix, and each product one of matrices,
 * for all blocks at once. The gradient by the filter follows: Fᵀ · ((I · x) ⊙ (Oᵀ · dy)).
 * (S. Winograd, "Arithmetic Complexity of Computations", 1980, chapters IV to VI.)
 */

/**
 * Whether that is the faster way, with one thread or a few: they share the products, and nothing else. The number of
 * images and of threads have no say, so that results do not depend on them.
 */
export function isFast({ height, width }: Convolution, ci: number, co: number): boolean {
  const plain = [height, width].every(({ stride, dilation }) => stride === 1 && dilation === 1);
  const oneAxis = height.taps === 1 && height.out === height.size;
  const manyChannels = Math.min(ci, co) >= 64 && ci % 4 === 0 && co % 4 === 0;
  return plain && oneAxis && manyChannels && width.taps >= 5 && width.out >= Math.max(512, 32 * width.taps);
}

/** x [images, rows, width, ci] * filter [1, taps, ci, co]. */
export function fastConvolution(
  backend: BackendWasm,
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  { width }: Convolution,
): tf.Tensor4D {
  const [images, rows, , ci] = x.shape;
  const co = filter.shape[3];
  const transforms = transformsFor(width.taps);
  const { outputs, products } = transforms;
  const filters = room(backend, [products, ci, co]);
  const filterMatrix = tf.tensor2d(transforms.filter, [products, width.taps]);
  transformBlocks(backend, filterMatrix, stacked(filter, width.taps), stacked(filters, products), {
    blocks: 1,
    channels: ci * co,
  });
  const out = room(backend, [images, rows, width.out, co]) as tf.Tensor4D;
  const outputMatrix = tf.tensor2d(transforms.output, [outputs, products]);
  const blocks = Math.ceil(width.out / outputs);
  const lines = images * rows;
  const atOnce = Math.ceil(largestGroup / (products * blocks * Math.max(ci, co)));
  for (let from = 0; from < lines; from += atOnce) {
    tf.tidy(() => {
      const group = { from, lines: Math.min(atOnce, lines - from), blocks };
      const inputs = transformedInputs(backend, x, transforms, width, group);
      const results = room(backend, [products, group.lines * blocks, co]);
      for (let i = 0; i < products; i++)
        multiply(backend, part(filters, i), [{ left: part(inputs, i), out: part(results, i) }]);
      for (let line = 0; line < group.lines; line++) {
        const target = along(out, from + line, width.out, 0, outputs);
        const block = { blocks, channels: co };
        transformBlocks(backend, outputMatrix, planes(results, line * blocks), target, block);
      }
    });
  }
  return out;
}

/** The gradient by the filter: [1, taps, ci, co]. */
export function fastFilterGradient(
  backend: BackendWasm,
  allX: tf.Tensor4D,
  allDy: tf.Tensor4D,
  { width }: Convolution,
): tf.Tensor4D {
  const [ci, co] = [allX.shape[3], allDy.shape[3]];
  const transforms = transformsFor(width.taps);
  const { outputs, products } = transforms;
  const outputMatrix = tf.tensor2d(transforms.output, [outputs, products]).transpose<tf.Tensor2D>();
  const filterMatrix = tf.tensor2d(transforms.filter, [products, width.taps]).transpose<tf.Tensor2D>();
  const blocks = Math.ceil(width.out / outputs);
  return sumOverImages(allX, allDy, (x, dy) => {
    const lines = x.shape[0] * x.shape[1];
    const group = { from: 0, lines, blocks };
    const inputs = transformedInputs(backend, x, transforms, width, group).transpose<tf.Tensor3D>([0, 2, 1]);
    const gradients = room(backend, [products, lines * blocks, co]);
    for (let line = 0; line < lines; line++) {
      const source = along(dy, line, width.out, 0, outputs);
      const block = { blocks, channels: co };
      transformBlocks(backend, outputMatrix, source, planes(gradients, line * blocks), block);
    }
    const results = room(backend, [products, ci, co]);
    for (let i = 0; i < products; i++)
      multiply(backend, part(gradients, i), [{ left: part(inputs, i), out: part(results, i) }]);
    const gradient = room(backend, [1, width.taps, ci, co]) as tf.Tensor4D;
    transformBlocks(backend, filterMatrix, stacked(results, products), stacked(gradient, width.taps), {
      blocks: 1,
      channels: ci * co,
    });
    return gradient;
  });
}

// The transformed numbers that are worked on at once: that bounds the memory.
const largestGroup = 1 << 23;

/** Some of the lines (the rows of all images), and how many blocks each has. */
interface Group {
  from: number;
  lines: number;
  blocks: number;
}

/** I · x for every block: [products, lines · blocks, ci]. */
function transformedInputs(
  backend: BackendWasm,
  x: tf.Tensor4D,
  { input, inputs, outputs, products }: Transforms,
  width: Axis,
  { from, lines, blocks }: Group,
): tf.Tensor3D {
  const ci = x.shape[3];
  const matrix = tf.tensor2d(input, [products, inputs]);
  const result = room(backend, [products, lines * blocks, ci]);
  for (let line = 0; line < lines; line++) {
    const source = along(x, from + line, width.size, -width.padding, outputs);
    transformBlocks(backend, matrix, source, planes(result, line * blocks), { blocks, channels: ci });
  }
  return result;
}

/** Blocks along one line of `of`, [images, rows, width, channels]: the first begins at `first`, each next `advance` on. */
function along(of: tf.Tensor4D, line: number, width: number, first: number, advance: number): Side {
  const channels = of.shape[3];
  return { of, from: line * width * channels, row: channels, block: 0, first, advance, limit: width };
}

/** Blocks from the given one on in [products, blocks, channels]: a block has one row in each plane. */
function planes(of: tf.Tensor3D, block: number): Side {
  const [products, blocks, channels] = of.shape;
  return {
    of,
    from: block * channels,
    row: blocks * channels,
    block: channels,
    first: 0,
    advance: 0,
    limit: products,
  };
}

/** A whole tensor as one block of `rows` rows. */
function stacked(of: tf.Tensor, rows: number): Side {
  return { of, from: 0, row: of.size / rows, block: 0, first: 0, advance: 0, limit: rows };
}

function part(of: tf.Tensor3D, index: number): Matrix {
  const [, rows, columns] = of.shape;
  return { of, from: index * rows * columns, rows, columns };
}

/** A tensor that has no values yet. */
function room(backend: BackendWasm, shape: [number, number, number]): tf.Tensor3D;
function room(backend: BackendWasm, shape: number[]): tf.Tensor;
function room(backend: BackendWasm, shape: number[]): tf.Tensor {
  return tf.engine().makeTensorFromTensorInfo(backend.makeOutput(shape, "float32"));
}

/** The three matrices for one number of taps. */
interface Transforms {
  /** Inputs of a block, n. */
  inputs: number;
  /** Outputs of a block, m. */
  outputs: number;
  /** Products of a block. */
  products: number;
  /** I, [products, n] */
  input: Float32Array;
  /** F, [products, taps] */
  filter: Float32Array;
  /** O, [m, products] */
  output: Float32Array;
}

const made = new Map<number, Transforms>();

function transformsFor(taps: number): Transforms {
  let transforms = made.get(taps);
  if (transforms === undefined) {
    // Longer blocks take fewer products, and more for the transforms.
    const inputs = Math.max(16, 2 ** Math.ceil(Math.log2(1.5 * taps)));
    transforms = fourierTransforms(inputs, taps);
    made.set(taps, transforms);
  }
  return transforms;
}

/**
 * With X and W the transforms of x and w, that of y is X · conj(W), and (a + ib) (c + id) has the real part
 * c (a + b) - b (c + d) and the imaginary part c (a + b) + a (d - c).
 */
function fourierTransforms(n: number, taps: number): Transforms {
  const outputs = n - taps + 1;
  const products = 2 + 3 * (n / 2 - 1); // two real numbers, and complex ones at three products each
  const input = new Float32Array(products * n);
  const filter = new Float32Array(products * taps);
  const output = new Float32Array(outputs * products);
  const set = (product: number, ofInput: Term, ofFilter: Term, ofOutput: Term) => {
    for (let i = 0; i < n; i++) input[product * n + i] = ofInput(i);
    for (let i = 0; i < taps; i++) filter[product * taps + i] = ofFilter(i);
    for (let i = 0; i < outputs; i++) output[i * products + product] = ofOutput(i) / n;
  };
  const one = () => 1;
  const alternating = (i: number) => 1 - 2 * (i % 2);
  set(0, one, one, one);
  set(1, alternating, alternating, alternating);
  for (let k = 1; k < n / 2; k++) {
    const cos = (i: number) => Math.cos((2 * Math.PI * k * i) / n);
    const sin = (i: number) => Math.sin((2 * Math.PI * k * i) / n);
    const at = 3 * k - 1;
    const sumOfParts = (i: number) => cos(i) - sin(i); // of exp(-iφ) = cos φ - i sin φ
    set(at, sumOfParts, cos, (i) => 2 * sumOfParts(i));
    set(
      at + 1,
      (i) => -sin(i),
      (i) => cos(i) + sin(i),
      (i) => -2 * cos(i),
    );
    set(
      at + 2,
      cos,
      (i) => sin(i) - cos(i),
      (i) => -2 * sin(i),
    );
  }
  return { inputs: n, outputs, products, input, filter, output };
}

type Term = (i: number) => number;
