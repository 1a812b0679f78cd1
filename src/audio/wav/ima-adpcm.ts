import { clampInt16 } from "../../base/numbers.js";

/**
 * Decodes IMA ADPCM as in WAV files (Microsoft's "DVI ADPCM", format 0x11): blocks of `blockAlign` bytes, each with one
 * header per channel (first sample, step index), then words of eight 4-bit differences, channel by channel.
 *
 * wavefile 11 is not used for it: it repeats the first sample of every block, loses the last block, and supports a single
 * channel only.
 *
 * @returns one array of 16-bit values per channel; a short last block is decoded as far as it goes
 * @throws RangeError if the header of a block holds a step index beyond the table
 */
export function decodeImaAdpcm(data: Uint8Array, channels: number, blockAlign: number): Int16Array[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const headerBytes = 4 * channels;
  const groupBytes = 4 * channels; // eight samples of every channel
  const samplesIn = (bytes: number) =>
    bytes < headerBytes ? 0 : 1 + 8 * Math.floor((bytes - headerBytes) / groupBytes);
  const count =
    Math.floor(data.length / blockAlign) * samplesIn(blockAlign) + samplesIn(data.length % blockAlign);
  const decoded = Array.from({ length: channels }, () => new Int16Array(count));

  for (let block = 0, start = 0; block < data.length; block += blockAlign) {
    const samples = samplesIn(Math.min(blockAlign, data.length - block));
    if (samples === 0) break;
    decoded.forEach((out, channel) => {
      const header = block + 4 * channel;
      let predicted = view.getInt16(header, true);
      let index = view.getUint8(header + 2);
      if (index >= stepSizes.length) {
        throw new RangeError(`the block at byte ${block} has step index ${index}, expected at most 88`);
      }
      out[start] = predicted;
      for (let i = 0; i < samples - 1; i++) {
        const byte = view.getUint8(header + headerBytes + Math.floor(i / 8) * groupBytes + ((i % 8) >> 1));
        const code = i % 2 === 0 ? byte & 15 : byte >> 4;
        const step = stepSizes[index]!;
        let difference = step >> 3;
        if (code & 4) difference += step;
        if (code & 2) difference += step >> 1;
        if (code & 1) difference += step >> 2;
        predicted += code & 8 ? -difference : difference;
        predicted = clampInt16(predicted);
        index = Math.max(0, Math.min(stepSizes.length - 1, index + indexSteps[code & 7]!));
        out[start + 1 + i] = predicted;
      }
    });
    start += samples;
  }
  return decoded;
}

const indexSteps = [-1, -1, -1, -1, 2, 4, 6, 8];

// IMA Digital Audio Focus and Technical Working Groups, Recommended Practices, 1992.
const stepSizes = [
  7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 19, 21, 23, 25, 28, 31, 34, 37, 41, 45, 50, 55, 60, 66, 73, 80, 88, 97,
  107, 118, 130, 143, 157, 173, 190, 209, 230, 253, 279, 307, 337, 371, 408, 449, 494, 544, 598, 658, 724,
  796, 876, 963, 1060, 1166, 1282, 1411, 1552, 1707, 1878, 2066, 2272, 2499, 2749, 3024, 3327, 3660, 4026,
  4428, 4871, 5358, 5894, 6484, 7132, 7845, 8630, 9493, 10442, 11487, 12635, 13899, 15289, 16818, 18500,
  20350, 22385, 24623, 27086, 29794, 32767,
];
