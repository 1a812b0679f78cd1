import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { pipeline } from "node:stream";
import { crc32, createInflateRaw } from "node:zlib";
import { type Entry, fromRandomAccessReaderPromise, RandomAccessReader, type ZipFile } from "yauzl";
import { describeSystemError, UserError } from "../../base/errors.js";

/** Bytes per piece read from the file or produced by the decompressor. */
const PIECE_BYTES = 2 ** 20;
/** Most bytes that one compressed byte can expand to (zlib's documentation, "Maximum Compression Factor"). */
const DEFLATE_MAX_FACTOR = 1032;

/**
 * Reads a zip file, zip64 included, whose members are streams of bytes. yauzl reads the directory; the bytes of members
 * are read here, in pieces large enough for files of gigabytes. Any fault of the file is a UserError.
 */
export class ZipArchive {
  readonly path: string;
  private readonly file: FileHandle;
  private readonly zip: ZipFile;
  private readonly entries: ReadonlyMap<string, Entry>;

  private constructor(path: string, file: FileHandle, zip: ZipFile, entries: ReadonlyMap<string, Entry>) {
    this.path = path;
    this.file = file;
    this.zip = zip;
    this.entries = entries;
  }

  static async open(path: string): Promise<ZipArchive> {
    const file = await open(path).catch((error) => {
      throw describeSystemError(error, "read", path);
    });
    try {
      const { size } = await file.stat();
      const zip = await fromRandomAccessReaderPromise(new FileReader(file), size, { autoClose: false });
      const entries = new Map<string, Entry>();
      for await (const entry of zip.eachEntry()) entries.set(entry.fileName, entry);
      return new ZipArchive(path, file, zip, entries);
    } catch (error) {
      const first = await firstBytes(file);
      await file.close();
      throw asUserError(error, path, first);
    }
  }

  get names(): string[] {
    return [...this.entries.keys()].sort();
  }

  /** SHA-256, as hex, of the names, sizes and checksums in the zip's directory. No member is read for it. */
  get fingerprint(): string {
    const hash = createHash("sha256");
    for (const name of this.names) {
      const { uncompressedSize, crc32: checksum } = this.entries.get(name)!;
      hash.update(`${JSON.stringify(name)} ${uncompressedSize} ${checksum}\n`);
    }
    return hash.digest("hex");
  }

  /** Opens a member for reading from its beginning; undefined if there is none of that name. */
  async member(name: string): Promise<ZipMember | undefined> {
    const entry = this.entries.get(name);
    if (entry === undefined) return undefined;
    const where = `${this.path}: ${name}`;
    if (entry.isEncrypted()) throw new UserError(`${where} is encrypted, expected a plain zip`);
    const { compressionMethod, compressedSize, uncompressedSize } = entry;
    if (compressionMethod !== 0 && compressionMethod !== 8) {
      throw new UserError(
        `${where} is compressed by method ${compressionMethod}, expected 0 (stored) or 8 (deflate)`,
      );
    }
    if (uncompressedSize > compressedSize * DEFLATE_MAX_FACTOR) {
      throw new UserError(
        `${where} claims to hold ${uncompressedSize} bytes, which its ${compressedSize} compressed bytes cannot expand to`,
      );
    }
    try {
      const { fileDataStart } = await this.zip.readLocalFileHeaderPromise(entry, { minimal: true });
      const source = compressionMethod === 8 ? inflatedBytes : storedBytes;
      return new ZipMember(where, entry, source(this.file, fileDataStart, compressedSize));
    } catch (error) {
      throw asUserError(error, where);
    }
  }

  async close(): Promise<void> {
    await this.file.close();
  }
}

/** The source of a member's bytes. */
interface MemberStream {
  /** Fills the beginning of `target`. Returns the number of bytes, 0 at the end. */
  read(target: Uint8Array): Promise<number>;
  close(): void;
}

/** Reads one member's uncompressed bytes from beginning to end. */
export class ZipMember {
  /** File and member, for messages. */
  readonly where: string;
  /** Uncompressed bytes. */
  readonly size: number;
  private readonly expectedChecksum: number;
  private readonly source: MemberStream;
  private checksum = 0;

  constructor(where: string, entry: Entry, source: MemberStream) {
    this.where = where;
    this.size = entry.uncompressedSize;
    this.expectedChecksum = entry.crc32;
    this.source = source;
  }

  /** Fills `target` with the next bytes. */
  async fill(target: Uint8Array): Promise<void> {
    if (target.length === 0) return; // crc32 of an empty array would reset the sum
    for (let at = 0; at < target.length; ) {
      const count = await this.read(target.subarray(at));
      if (count === 0) {
        throw new UserError(`${this.where} is damaged: it ends before the ${this.size} bytes it should hold`);
      }
      at += count;
    }
    this.checksum = crc32(target, this.checksum);
  }

  /** Checks, after the last byte, that no more follow and that the CRC-32 is right. */
  async finish(): Promise<void> {
    if ((await this.read(new Uint8Array(1))) > 0) {
      throw new UserError(
        `${this.where} is damaged: it continues after the ${this.size} bytes it should hold`,
      );
    }
    if (this.checksum !== this.expectedChecksum) {
      const [found, expected] = [this.checksum, this.expectedChecksum].map((sum) =>
        sum.toString(16).padStart(8, "0"),
      );
      throw new UserError(`${this.where} is damaged: its CRC-32 is ${found}, the zip says ${expected}`);
    }
  }

  /** Stops reading the member. */
  close(): void {
    this.source.close();
  }

  private read(target: Uint8Array): Promise<number> {
    return this.source.read(target).catch((error) => {
      throw asUserError(error, this.where);
    });
  }
}

function storedBytes(file: FileHandle, start: number, length: number): MemberStream {
  let position = start;
  return {
    async read(target) {
      const wanted = Math.min(target.length, start + length - position);
      const { bytesRead } = await file.read(target, 0, wanted, position);
      position += bytesRead;
      return bytesRead;
    },
    close() {},
  };
}

function inflatedBytes(file: FileHandle, start: number, length: number): MemberStream {
  // Failures are reported by the iterator, so the callback does nothing.
  const stream = pipeline(
    filePieces(file, start, length),
    createInflateRaw({ chunkSize: PIECE_BYTES }),
    () => {},
  );
  const pieces: AsyncIterator<Buffer> = stream[Symbol.asyncIterator]();
  let piece: Buffer = Buffer.alloc(0);
  return {
    async read(target) {
      if (piece.length === 0) {
        const { done, value } = await pieces.next();
        if (done) return 0;
        piece = value;
      }
      const copied = piece.copy(target);
      piece = piece.subarray(copied);
      return copied;
    },
    close() {
      stream.destroy();
    },
  };
}

async function* filePieces(file: FileHandle, start: number, length: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < length; ) {
    const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, length - at));
    await readFully(file, piece, start + at);
    yield piece;
    at += piece.length;
  }
}

/** Reads from the file for yauzl. A position outside the file, as in a damaged directory, is passed on as an error. */
class FileReader extends RandomAccessReader {
  private readonly file: FileHandle;

  constructor(file: FileHandle) {
    super();
    this.file = file;
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null) => void,
  ): void {
    readFully(this.file, buffer.subarray(offset, offset + length), position).then(
      () => callback(null),
      (error) => callback(error),
    );
  }
}

async function readFully(file: FileHandle, target: Uint8Array, position: number): Promise<void> {
  if (!Number.isSafeInteger(position)) throw new Error(`position ${position} is outside the file`);
  for (let at = 0; at < target.length; ) {
    const { bytesRead } = await file.read(target, at, target.length - at, position + at);
    if (bytesRead === 0) throw new Error("unexpected end of file");
    at += bytesRead;
  }
}

async function firstBytes(file: FileHandle): Promise<string> {
  const buffer = Buffer.alloc(6);
  const { bytesRead } = await file.read(buffer, 0, buffer.length, 0).catch(() => ({ bytesRead: 0 }));
  return buffer.toString("latin1", 0, bytesRead);
}

/** @param first beginning of a file that is not a zip, for a message on what it is instead */
function asUserError(error: unknown, where: string, first?: string): unknown {
  const described = describeSystemError(error, "read", where);
  if (described instanceof UserError) return described;
  const reason = (error as Error).message;
  const fail = (text: string) => new UserError(`${where}${text}`, { cause: error });
  if (first === "") return fail(" is empty, expected an npz file (a zip of NumPy arrays)");
  if (first === "\x93NUMPY") return fail(" is a single NumPy array (npy), expected an npz file");
  if (first !== undefined && !first.startsWith("PK")) {
    return fail(` is not an npz file (a zip of NumPy arrays): it begins with ${JSON.stringify(first)}`);
  }
  const cutOff = /signature not found/.test(reason);
  if (cutOff) return fail(" is cut off: the directory at the end of the zip is missing");
  return fail(` is damaged: ${reason.replace(/\s+/g, " ")}`);
}
