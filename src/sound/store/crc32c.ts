import * as zarr from "zarrita";

// The polynomial of Castagnoli, 1993, with its bits reversed: iSCSI's checksum (RFC 3720) and Zarr's.
const table = Int32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0x82f63b78 : rest >>> 1;
  return rest;
});

/** The 32-bit cyclic redundancy check of some bytes: 0xe3069283 of the digits from 1 to 9. */
export function crc32c(bytes: Uint8Array): number {
  let rest = -1;
  for (let i = 0; i < bytes.length; i++) rest = table[(rest ^ bytes[i]!) & 255]! ^ (rest >>> 8);
  return ~rest >>> 0;
}

/** Zarr's codec "crc32c", which zarrita 0.7 only passes over: it writes the checksum behind the bytes, and looks at it. */
export function installCrc32c(): void {
  zarr.registry.set("crc32c", async () => ({ fromConfig: () => codec }) as never);
}

const codec = {
  kind: "bytes_to_bytes",
  encode(bytes: Uint8Array): Uint8Array {
    const result = new Uint8Array(bytes.length + 4);
    result.set(bytes);
    new DataView(result.buffer).setUint32(bytes.length, crc32c(bytes), true);
    return result;
  },
  decode(bytes: Uint8Array): Uint8Array {
    const length = bytes.length - 4;
    if (length < 0) throw new Error(`a checksum of 4 bytes was expected, found ${bytes.length} bytes`);
    const content = bytes.subarray(0, length);
    const written = new DataView(bytes.buffer, bytes.byteOffset + length, 4).getUint32(0, true);
    if (written !== crc32c(content)) throw new Error("its checksum (CRC-32C) is not that of its bytes");
    return content;
  },
  computeEncodedSize: (size: number) => size + 4,
};
