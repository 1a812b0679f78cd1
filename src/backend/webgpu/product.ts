import type * as tf from "@tensorflow/tfjs";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { type Components, runProgram, vectorWidth } from "./kernel.js";
import { sumLeading } from "./sum.js";

/**
 * A matrix product left [rows, inner] · right [inner, columns], whose operands need not lie in memory as such: a
 * convolution's left operand is its input, seen through the filter. They are read by WGSL functions.
 */
export interface Product {
  /** Tells the WGSL from that of other products, together with `constants`, as for `Program`. */
  name: string;
  constants?: Record<string, number | number[]>;
  inputs: Record<string, [tensor: tf.TensorInfo, components: Components]>;
  uniforms?: Record<string, number>;
  rows: number;
  inner: number;
  columns: number;
  /** Independent products of that shape; the WGSL finds the one at hand in `product`, an i32. 1 where left out. */
  products?: number;
  /** Whether `readLeft` reads along a row, four inner places, or down four rows at one inner place. */
  leftAlong: "inner" | "rows";
  /**
   * WGSL: `fn leftPlace(row: i32) -> vec4<i32>` says once for each row what `readLeft` needs to know of it, `fn
   * readLeft(place: vec4<i32>, inner: i32) -> vec4<f32>` reads four values on from there, and `fn readRight(inner: i32,
   * column: i32) -> vec4<f32>` reads along a row, four columns. They are not called beyond the end of `inner`, but may be
   * asked for rows and columns that do not exist, of which anything may be returned, and for vectors that reach over the
   * end, which must be zero there.
   */
  code: string;
}

/**
 * How the product is cut up: a workgroup computes `rows` × `columns` of it, of which each of its threads holds 8 ×
 * `threadColumns` in registers.
 */
interface Tile {
  rows: number;
  columns: number;
  threadColumns: 4 | 8;
}

const threadRows = 8;
/** Inner places that a workgroup holds in its shared memory at a time. */
const innerTile = 16;

const tiles = {
  large: { rows: 128, columns: 128, threadColumns: 8 },
  tall: { rows: 128, columns: 64, threadColumns: 8 },
  narrow: { rows: 128, columns: 32, threadColumns: 4 },
  small: { rows: 64, columns: 64, threadColumns: 8 },
} satisfies Record<string, Tile>;

/** Workgroups that keep a large GPU busy: with fewer, tiles are made smaller and the sum over `inner` is split. */
const enoughWorkgroups = 512;
/** A part of the sum shorter than this is not worth adding up afterwards. */
const shortestPart = 256;

/** Computes the product: [products, rows, columns]. */
export function multiply(backend: WebGPUBackend, product: Product): tf.Tensor {
  const { rows, inner, columns, products = 1 } = product;
  const tile = chooseTile(rows, columns, products);
  const rowTiles = Math.ceil(rows / tile.rows);
  const columnTiles = Math.ceil(columns / tile.columns);
  const workgroups = rowTiles * columnTiles * products;
  const wanted = Math.min(Math.ceil(enoughWorkgroups / workgroups), Math.floor(inner / shortestPart));
  const steps = Math.ceil(Math.ceil(inner / Math.max(1, wanted)) / innerTile);
  const parts = Math.ceil(inner / (steps * innerTile));

  const across = Math.ceil(Math.sqrt(rowTiles * columnTiles));
  const sums = runProgram(backend, {
    name: `${product.name} ${tile.rows} ${tile.columns}`,
    constants: product.constants ?? {},
    inputs: product.inputs,
    outputShape: [parts * products, rows, columns],
    outputComponents: vectorWidth(columns),
    uniforms: { rows, inner, columns, products, columnTiles, steps, ...product.uniforms },
    workgroupSize: threads(tile),
    workgroups: [across, Math.ceil((rowTiles * columnTiles) / across), parts * products],
    code: () => `
      var<private> product: i32;
      ${product.code}
      ${tiledProduct(tile, product.leftAlong, vectorWidth(columns))}`,
  });
  return sumLeading(backend, sums, [parts, products, rows, columns], 1);
}

function chooseTile(rows: number, columns: number, products: number): Tile {
  if (columns <= 32) return tiles.narrow;
  const fitting = columns <= 64 ? tiles.tall : tiles.large;
  const workgroups = Math.ceil(rows / fitting.rows) * Math.ceil(columns / fitting.columns) * products;
  return rows <= 64 || workgroups < enoughWorkgroups / 8 ? tiles.small : fitting;
}

function threads({ rows, columns, threadColumns }: Tile): number {
  return (rows / threadRows) * (columns / threadColumns);
}

/**
 * The shader. Step by step along `inner`, the workgroup's threads bring a piece of both operands into shared memory, and
 * each multiplies its rows by its columns from there; the next piece is asked for before that, so that the buffers answer
 * meanwhile. It is written out without loops over registers, which some compilers would put into memory.
 */
function tiledProduct(tile: Tile, leftAlong: "inner" | "rows", resultComponents: Components): string {
  const { rows, columns, threadColumns } = tile;
  const size = threads(tile);
  const across = columns / threadColumns;
  const down = rows / threadRows;
  const leftLoads = range((rows * innerTile) / 4 / size);
  const rightLoads = range((columns * innerTile) / 4 / size);
  const threadRow = range(threadRows);
  const groups = range(threadColumns / 4);
  const rowQuads = rows / 4;
  const columnQuads = columns / 4;

  // Where a thread's elements lie: `leftRow` and `leftInner` for those that it loads, `row` for those that it computes.
  const along = leftAlong === "inner";
  const leftRow = (load: string) => (along ? `(${load}) / 4` : `((${load}) % ${rowQuads}) * 4`);
  const leftInner = (load: string) => (along ? `((${load}) % 4) * 4` : `(${load}) / ${rowQuads}`);
  const row = (i: number) => (along ? `${i * down} + ty` : `${(i >> 2) * down * 4 + (i & 3)} + ty * 4`);

  const fetch = `
      ${leftLoads.map((u) => `let left${u} = fetchLeft(place${u}, start + leftInner${u}, end);`).join("\n")}
      ${rightLoads
        .map((u) => {
          const at = `thread + ${u * size}`;
          return `let right${u} = fetchRight(start + (${at}) / ${columnQuads}, columnStart + ((${at}) % ${columnQuads}) * 4, end);`;
        })
        .join("\n")}`;
  const readRightTile = (inner: string) =>
    groups.map((g) => `let r${g} = rightTile[(${inner}) * ${columnQuads} + ${g * across} + tx];`).join("\n");
  const accumulate = (left: (i: number) => string) =>
    threadRow
      .flatMap((i) => groups.map((g) => `sum${i}_${g} = fma(vec4<f32>(${left(i)}), r${g}, sum${i}_${g});`))
      .join("\n");
  const compute = along
    ? `for (var quad = 0; quad < ${innerTile / 4}; quad++) {
        ${threadRow.map((i) => `let l${i} = leftTile[(${row(i)}) * ${innerTile / 4} + quad];`).join("\n")}
        ${range(4)
          .map((j) => `{ ${readRightTile(`quad * 4 + ${j}`)} ${accumulate((i) => `l${i}[${j}]`)} }`)
          .join("\n")}
      }`
    : `for (var k = 0; k < ${innerTile}; k++) {
        ${range(threadRows / 4)
          .map((h) => `let l${h} = leftTile[k * ${rowQuads} + ${h * down} + ty];`)
          .join("\n")}
        ${readRightTile("k")}
        ${accumulate((i) => `l${i >> 2}[${i & 3}]`)}
      }`;

  return `
    var<workgroup> leftTile: array<vec4<f32>, ${(rows * innerTile) / 4}>;
    var<workgroup> rightTile: array<vec4<f32>, ${(columns * innerTile) / 4}>;

    fn fetchLeft(place: vec4<i32>, inner: i32, end: i32) -> vec4<f32> {
      if (inner < end) { return readLeft(place, inner); }
      return vec4<f32>(0.0);
    }
    fn fetchRight(inner: i32, column: i32, end: i32) -> vec4<f32> {
      if (inner < end) { return readRight(inner, column); }
      return vec4<f32>(0.0);
    }
    fn store(row: i32, column: i32, value: vec4<f32>) {
      if (row >= uniforms.rows || column >= uniforms.columns) { return; }
      let at = (i32(workgroupId.z) * uniforms.rows + row) * uniforms.columns + column;
      ${
        resultComponents === 4
          ? "result[at / 4] = value;"
          : "for (var i = 0; i < min(4, uniforms.columns - column); i++) { result[at + i] = value[i]; }"
      }
    }

    fn main() {
      let thread = i32(localIndex);
      let tx = thread % ${across};
      let ty = thread / ${across};
      let tile = i32(workgroupId.y * numWorkgroups.x + workgroupId.x);
      let rowStart = tile / uniforms.columnTiles * ${rows};
      let columnStart = tile % uniforms.columnTiles * ${columns};
      product = i32(workgroupId.z) % uniforms.products;
      var start = i32(workgroupId.z) / uniforms.products * uniforms.steps * ${innerTile};
      let end = min(uniforms.inner, start + uniforms.steps * ${innerTile});

      ${leftLoads
        .map((u) => {
          const load = `thread + ${u * size}`;
          return `let place${u} = leftPlace(rowStart + ${leftRow(load)}); let leftInner${u} = ${leftInner(load)};`;
        })
        .join("\n")}
      ${threadRow.flatMap((i) => groups.map((g) => `var sum${i}_${g} = vec4<f32>(0.0);`)).join(" ")}
      for (var step = 0; step <= uniforms.steps; step++) {
        ${fetch}
        if (step > 0) { ${compute} }
        workgroupBarrier();
        ${leftLoads.map((u) => `leftTile[thread + ${u * size}] = left${u};`).join(" ")}
        ${rightLoads.map((u) => `rightTile[thread + ${u * size}] = right${u};`).join(" ")}
        workgroupBarrier();
        start += ${innerTile};
      }
      ${threadRow
        .flatMap((i) =>
          groups.map(
            (g) => `store(rowStart + ${row(i)}, columnStart + ${g * across * 4} + tx * 4, sum${i}_${g});`,
          ),
        )
        .join("\n")}
    }`;
}

/** WGSL that returns four values of a matrix on from (row, column), zeros behind the row's end. */
export function readAlong(
  buffer: string,
  row: string,
  column: string,
  rowLength: string,
  components: Components,
): string {
  if (components === 4) return `return ${buffer}[(${row} * ${rowLength} + ${column}) / 4];`;
  return `
        let at = ${row} * ${rowLength} + ${column};
        let rest = ${rowLength} - ${column};
        var values = vec4<f32>(0.0);
        for (var i = 0; i < min(4, rest); i++) { values[i] = ${buffer}[at + i]; }
        return values;`;
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
