import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SampleStore, SampleStoreBuilder } from "../../src/data/sample-store.js";

const clipLength = 2 ** 14;
const rowsPerChunk = 2 ** 7;

/** Three chunks of rows and a part of a fourth; those of the second are no exact 16-bit values. */
function wave(row: number): Float32Array {
  const chunk = Math.floor(row / rowsPerChunk);
  const step = chunk === 1 ? 0.7 / 32768 : 1 / 32768;
  return Float32Array.from(
    { length: clipLength },
    (_, i) => (((row * 7919 + i * 31) % 65536) - 32768) * step,
  );
}

function build(count: number, at?: { row: number; sample: number; value: number }): SampleStore {
  const builder = new SampleStoreBuilder(clipLength);
  for (let row = 0; row < count; row++) {
    const samples = wave(row);
    if (at?.row === row) samples[at.sample] = at.value;
    builder.append(samples);
  }
  return builder.finish("here");
}

function read(store: SampleStore, row: number): Float32Array {
  const out = new Float32Array(store.clipLength);
  store.read(row, out);
  return out;
}

describe("SampleStoreBuilder", () => {
  const count = 3 * rowsPerChunk + 5;

  it("gives back every sample bit for bit, in 16-bit chunks and others", () => {
    const store = build(count);
    expect(store.count).toBe(count);
    for (let row = 0; row < count; row++) {
      const [actual, expected] = [read(store, row), wave(row)].map((samples) => Buffer.from(samples.buffer));
      expect(actual!.equals(expected!), `row ${row}`).toBe(true);
    }
  });

  it("does not depend on how many rows are appended at once", () => {
    const builder = new SampleStoreBuilder(3);
    builder.append(Float32Array.of(1, 2, 3, 4, 5, 6));
    builder.append(Float32Array.of(7, 8, 9));
    const store = builder.finish("here");
    expect([0, 1, 2].map((row) => Array.from(read(store, row)))).toEqual([
      [1, 2, 3],
      [4, 5, 6],
      [7, 8, 9],
    ]);
  });

  it("keeps values that are nearly 16-bit as they are", () => {
    const values = [1, -1, 32767.5 / 32768, 2 ** -16, 1e-40, 3.4e38, -32769 / 32768];
    const builder = new SampleStoreBuilder(values.length);
    builder.append(Float32Array.from(values));
    expect(read(builder.finish("here"), 0)).toEqual(Float32Array.from(values));
  });

  it.each([
    { row: 0, sample: 0, value: Number.NaN },
    { row: rowsPerChunk + 3, sample: clipLength - 1, value: Number.POSITIVE_INFINITY },
    { row: count - 1, sample: 7, value: Number.NEGATIVE_INFINITY },
  ])("names $value in row $row", (at) => {
    expect(() => build(count, at)).toThrow(`here: row ${at.row} holds ${at.value} at sample ${at.sample}`);
  });
});

describe("SampleStore", () => {
  const store = (...values: number[]) => SampleStore.of(1, [Float32Array.from(values)]);

  it("selects and joins rows as arrays do", () => {
    const pick = (values: number[], rows: number[]) => rows.map((row) => values[row]!);
    fc.assert(
      fc.property(
        fc.array(fc.float({ noNaN: true }), { minLength: 1 }),
        fc.array(fc.float({ noNaN: true }), { minLength: 1 }),
        fc.infiniteStream(fc.nat()),
        (a, b, numbers) => {
          const draw = (bound: number) => Array.from(numbers.take(5), (n) => n % bound);
          const [rowsA, rowsB] = [draw(a.length), draw(b.length)];
          const expected = [...pick(a, rowsA), ...pick(b, rowsB)];
          const joined = SampleStore.join([
            store(...a).select(Int32Array.from(rowsA)),
            store(...b).select(Int32Array.from(rowsB)),
          ]);
          expect(expected.map((_, row) => read(joined, row)[0])).toEqual(expected);
          const again = draw(expected.length);
          const chosen = joined.select(Int32Array.from(again));
          expect(again.map((_, row) => read(chosen, row)[0])).toEqual(pick(expected, again));
        },
      ),
    );
  });

  it.each([-1, 2, 0.5])("refuses row %d of two", (row) => {
    const message = `expected a row from 0 to 1, found ${row}`;
    expect(() => read(store(1, 2), row)).toThrow(message);
  });

  it("refuses to select a row that is not there", () => {
    expect(() => store(1, 2).select(Int32Array.of(0, 2))).toThrow("expected a row from 0 to 1, found 2");
  });
});
