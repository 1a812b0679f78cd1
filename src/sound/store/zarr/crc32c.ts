import * as zarr from "zarrita";

// Castagnoli's polynomial of 1993 with its bits reversed: the checksum of iSCSI (RFC 3720) and Zarr.
const table = Int32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0x82f63b78 : rest >>> 1;
  return rest;
});

/** Returns the CRC-32C of some bytes. Its check value, that of the text `123456789`, is 0xe3069283. */
export function crc32c(bytes: Uint8Array): number {
  let rest = -1;
  for (let i = 0; i < bytes.length; i++) rest = table[(rest ^ bytes[i]!) & 255]! ^ (rest >>> 8);
  return ~rest >>> 0;
}

/** Returns whether bytes end in their checksum, as the codec writes it. */
export function hasChecksum(bytes: Uint8Array): boolean {
  const length = bytes.length - 4;
  if (length < 0) return false;
  const written = new DataView(bytes.buffer, bytes.byteOffset + length, 4).getUint32(0, true);
  return written === crc32c(bytes.subarray(0, length));
}

/** Installs Zarr's codec "crc32c". zarrita 0.7 itself neither writes nor checks the checksum. */
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
    if (bytes.length < 4) throw new Error(`a checksum of 4 bytes was expected, found ${bytes.length} bytes`);
    if (!hasChecksum(bytes)) throw new Error("its checksum (CRC-32C) is not that of its bytes");
    return bytes.subarray(0, bytes.length - 4);
  },
  computeEncodedSize: (size: number) => size + 4,
};
