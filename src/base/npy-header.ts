/**
 * Returns the header of a `.npy` file (format 1.0). The elements follow it in C order, little-endian.
 *
 * @param descr element type as NumPy writes it, such as `<f4`
 */
export function npyHeader(descr: string, shape: readonly number[]): Buffer {
  const sizes = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const dictionary = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${sizes}, }`;
  // Magic, version and length take 10 bytes; with its padding and final newline the header is a multiple of
  // 64.
  const length = Math.ceil((10 + dictionary.length + 1) / 64) * 64 - 10;
  const header = Buffer.alloc(10 + length, " ");
  header.write("\x93NUMPY\x01\x00", "latin1");
  header.writeUInt16LE(length, 8);
  header.write(dictionary, 10, "latin1");
  header.write("\n", header.length - 1);
  return header;
}
