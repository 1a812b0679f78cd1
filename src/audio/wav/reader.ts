import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { describeSystemError, UserError } from "../../base/errors.js";
import { average } from "../clip.js";
import { type ByteSource, readWavHeader, type WavHeader } from "./chunks.js";
import { countSamples, decodeSamples, samplesPerBlock } from "./samples.js";

/** Accepted rates in Hz: whales and earthquakes are recorded at low rates, bats at high ones. */
const recordingRates: readonly [number, number] = [1, 10_000_000];

/**
 * Reads a WAV, RF64 or Wave64 file of any length in pieces. The samples equal those of `decodeWav`. It must be closed.
 */
export class WavReader {
  readonly path: string;
  readonly sampleRate: number;
  readonly channels: number;
  /** Samples per channel. */
  readonly length: number;
  private readonly file: number;
  private readonly source: ByteSource;
  private readonly header: WavHeader;

  /** @throws UserError as `decodeWav`, except that rates from 1 Hz to 10 MHz are accepted */
  constructor(path: string) {
    this.path = path;
    this.file = onFile(path, () => openSync(path, "r"));
    try {
      this.source = fileSource(this.file, path);
      const openEnded = this.source.length >= 2 ** 32; // its size does not fit into 32 bits
      this.header = readWavHeader(this.source, path, { streamed: openEnded, rates: recordingRates });
      this.length = countSamples(this.header, path);
    } catch (error) {
      this.close();
      throw error;
    }
    this.sampleRate = this.header.format.sampleRate;
    this.channels = this.header.format.channels;
  }

  /**
   * Reads the samples from `from` to before `to`, `[to - from]`, of one channel or the mean of all.
   *
   * @throws UserError for NaN or infinity among them, and for a file that became shorter since it was opened
   */
  read(from: number, to: number, channel: number | "mean"): Float32Array {
    const { format, dataStart, dataBytes } = this.header;
    const blockLength = samplesPerBlock(format);
    const firstBlock = Math.floor(from / blockLength);
    const start = firstBlock * format.blockAlign;
    const end = Math.min(dataBytes, Math.ceil(to / blockLength) * format.blockAlign);
    const bytes = this.source.read(dataStart + start, end - start);
    if (bytes.length < end - start)
      throw new UserError(
        `${this.path} became shorter while it was read: expected ${end - start} bytes at ${dataStart + start}, found ${bytes.length}`,
      );
    const first = firstBlock * blockLength;
    const channels = decodeSamples(bytes, this.header, this.path, first).map((samples) =>
      samples.subarray(from - first, to - first),
    );
    return channel === "mean" ? average(channels) : channels[channel]!;
  }

  /** Computes a SHA-256, as hex, of the file's size and its first and last 64 KiB, which identifies its content. */
  fingerprint(): string {
    const { length } = this.source;
    const piece = 2 ** 16;
    return createHash("sha256")
      .update(`${length} `)
      .update(this.source.read(0, piece))
      .update(this.source.read(Math.max(0, length - piece), piece))
      .digest("hex");
  }

  close(): void {
    closeSync(this.file);
  }
}

function fileSource(file: number, path: string): ByteSource {
  return {
    length: onFile(path, () => fstatSync(file).size),
    read: (at, count) =>
      onFile(path, () => {
        const bytes = new Uint8Array(count);
        let there = 0;
        while (there < count) {
          const read = readSync(file, bytes, there, count - there, at + there);
          if (read === 0) break;
          there += read;
        }
        return bytes.subarray(0, there);
      }),
  };
}

function onFile<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw describeSystemError(error, "read", path);
  }
}
