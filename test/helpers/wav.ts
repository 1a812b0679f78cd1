/** Writes WAV files byte by byte, from the formats' definitions and without the library that reads them. */

export type WavCodec = "int8" | "int16" | "int24" | "int32" | "float32" | "float64" | "alaw" | "mulaw";

export interface WavOptions {
  readonly codec?: WavCodec;
  readonly sampleRate?: number;
  /** RIFX. */
  readonly bigEndian?: boolean;
  /** WAVE_FORMAT_EXTENSIBLE. */
  readonly extensible?: boolean;
  /** Chunks between `fmt ` and `data`, and behind `data`. */
  readonly before?: readonly Chunk[];
  readonly after?: readonly Chunk[];
}

export interface Chunk {
  readonly id: string;
  readonly body: Uint8Array;
  /** What the header says, where it is not the body's length. */
  readonly size?: number;
}

const widths: Record<WavCodec, number> = {
  int8: 1,
  int16: 2,
  int24: 3,
  int32: 4,
  float32: 4,
  float64: 8,
  alaw: 1,
  mulaw: 1,
};

const codes: Record<WavCodec, number> = {
  int8: 1,
  int16: 1,
  int24: 1,
  int32: 1,
  float32: 3,
  float64: 3,
  alaw: 6,
  mulaw: 7,
};

/** A WAV file of samples in [-1, 1], a list a channel. */
export function wavFile(channels: readonly ArrayLike<number>[], options: WavOptions = {}): Buffer {
  const codec = options.codec ?? "int16";
  const width = widths[codec];
  const frames = channels[0]?.length ?? 0;
  const data = Buffer.alloc(frames * channels.length * width);
  let at = 0;
  for (let frame = 0; frame < frames; frame++) {
    for (const channel of channels) {
      writeSample(data, at, channel[frame]!, codec, options.bigEndian ?? false);
      at += width;
    }
  }
  return wavOfBytes(data, { ...options, codec, channels: channels.length });
}

/** A WAV file around bytes that are coded already. */
export function wavOfBytes(
  data: Uint8Array,
  options: WavOptions & { codec: WavCodec; channels?: number },
): Buffer {
  const { codec, channels = 1, sampleRate = 8000, bigEndian = false, extensible = false } = options;
  const width = widths[codec];
  const format = Buffer.alloc(extensible ? 40 : 16);
  const uint16 = (value: number, at: number) =>
    bigEndian ? format.writeUInt16BE(value, at) : format.writeUInt16LE(value, at);
  const uint32 = (value: number, at: number) =>
    bigEndian ? format.writeUInt32BE(value, at) : format.writeUInt32LE(value, at);
  uint16(extensible ? 0xfffe : codes[codec], 0);
  uint16(channels, 2);
  uint32(sampleRate, 4);
  uint32(sampleRate * channels * width, 8);
  uint16(channels * width, 12);
  uint16(width * 8, 14);
  if (extensible) {
    uint16(22, 16);
    uint16(width * 8, 18);
    uint16(codes[codec], 24);
    Buffer.from("000000001000800000aa00389b71", "hex").copy(format, 26);
  }
  return riff(
    [
      { id: "fmt ", body: format },
      ...(options.before ?? []),
      { id: "data", body: data },
      ...(options.after ?? []),
    ],
    bigEndian,
  );
}

/** A RIFF file of the given chunks, each padded to an even length. */
export function riff(chunks: readonly Chunk[], bigEndian = false): Buffer {
  const uint32 = (value: number) => {
    const bytes = Buffer.alloc(4);
    if (bigEndian) bytes.writeUInt32BE(value);
    else bytes.writeUInt32LE(value);
    return bytes;
  };
  const bodies = chunks.flatMap(({ id, body, size }) => [
    Buffer.from(id, "latin1"),
    uint32(size ?? body.length),
    body,
    Buffer.alloc(body.length % 2),
  ]);
  const content = Buffer.concat([Buffer.from("WAVE"), ...bodies]);
  return Buffer.concat([Buffer.from(bigEndian ? "RIFX" : "RIFF"), uint32(content.length), content]);
}

/** A `fmt ` chunk's body with any values, also ones that make no sense. */
export function formatChunk(values: {
  code?: number;
  channels?: number;
  sampleRate?: number;
  blockAlign?: number;
  bits?: number;
}): Chunk {
  const { code = 1, channels = 1, sampleRate = 8000, blockAlign = 2, bits = 16 } = values;
  const body = Buffer.alloc(16);
  body.writeUInt16LE(code, 0);
  body.writeUInt16LE(channels, 2);
  body.writeUInt32LE(sampleRate, 4);
  body.writeUInt32LE((sampleRate * blockAlign) % 2 ** 32, 8);
  body.writeUInt16LE(blockAlign, 12);
  body.writeUInt16LE(bits, 14);
  return { id: "fmt ", body };
}

/** `alaw` and `mulaw` by ITU-T G.711: what one code means, on the scale of 16 bits. */
export function decodeG711(code: number, law: "alaw" | "mulaw"): number {
  const bits = law === "alaw" ? code ^ 0x55 : ~code & 0xff;
  const exponent = (bits >> 4) & 7;
  const mantissa = bits & 15;
  if (law === "alaw") {
    // 13 bits: steps of 2 up to 64, then each segment twice as coarse; a set sign bit is positive.
    const magnitude = exponent === 0 ? 2 * mantissa + 1 : (2 * mantissa + 33) * 2 ** (exponent - 1);
    return (bits & 0x80 ? 1 : -1) * magnitude * 8;
  }
  // 14 bits, biased by 33.
  const magnitude = (2 * mantissa + 33) * 2 ** exponent - 33;
  return (bits & 0x80 ? -1 : 1) * magnitude * 4;
}

function writeSample(out: Buffer, at: number, value: number, codec: WavCodec, bigEndian: boolean): void {
  const scaled = (bits: number) =>
    Math.max(-(2 ** (bits - 1)), Math.min(2 ** (bits - 1) - 1, Math.round(value * 2 ** (bits - 1))));
  switch (codec) {
    case "int8":
      out.writeUInt8(scaled(8) + 128, at);
      break;
    case "int16":
    case "int24":
    case "int32": {
      const bits = widths[codec] * 8;
      if (bigEndian) out.writeIntBE(scaled(bits), at, bits / 8);
      else out.writeIntLE(scaled(bits), at, bits / 8);
      break;
    }
    case "float32":
      if (bigEndian) out.writeFloatBE(value, at);
      else out.writeFloatLE(value, at);
      break;
    case "float64":
      if (bigEndian) out.writeDoubleBE(value, at);
      else out.writeDoubleLE(value, at);
      break;
    case "alaw":
    case "mulaw":
      out.writeUInt8(nearestG711(value * 32768, codec), at);
  }
}

function nearestG711(value: number, law: "alaw" | "mulaw"): number {
  let best = 0;
  for (let code = 1; code < 256; code++) {
    if (Math.abs(decodeG711(code, law) - value) < Math.abs(decodeG711(best, law) - value)) best = code;
  }
  return best;
}
