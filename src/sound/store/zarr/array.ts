import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import * as zarr from "zarrita";
import { describeSystemError, UserError } from "../../../base/errors.js";
import { writeFileAtomic } from "../../../base/files.js";
import { binFrequencies } from "../settings.js";
import { sampleTime } from "../time.js";
import { hasChecksum, installCrc32c } from "./crc32c.js";
import { type ArrayLayout, type ArrayName, layouts, type StoreDescription } from "./layout.js";

/** A folder as zarrita's storage. Each file is written in one step. */
export class FolderStore {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  path(key: string): string {
    return join(this.root, key);
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    try {
      return readFileSync(this.path(key));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw describeSystemError(error, "read", this.path(key));
    }
  }

  async set(key: string, value: Uint8Array): Promise<void> {
    writeFileAtomic(this.path(key), value);
  }
}

// zstd alone decodes many a changed byte to a different number without an error; the checksum detects such
// damage.
installCrc32c();
export const codecs = [
  { name: "bytes", configuration: { endian: "little" } },
  { name: "zstd", configuration: { level: 1, checksum: false } },
  { name: "crc32c" },
];

/** One array of a store. */
export class StoreArray {
  private readonly store: FolderStore;
  private readonly name: ArrayName;
  private readonly description: StoreDescription;
  private readonly layout: ArrayLayout;
  private opened: Promise<zarr.Array<zarr.DataType, FolderStore>> | undefined;

  constructor(path: string, name: ArrayName, description: StoreDescription) {
    this.store = new FolderStore(path);
    this.name = name;
    this.description = description;
    this.layout = layouts(description.settings)[name];
  }

  /** Returns whether a chunk exists and its checksum is right. */
  async isWhole(index: number): Promise<boolean> {
    const bytes = await this.store.get(this.key(index));
    return bytes !== undefined && hasChecksum(bytes);
  }

  /**
   * Writes a chunk in one step and replaces what was there.
   *
   * @param values the array's values in this chunk; the last chunk may have fewer than the others
   */
  async write(index: number, values: Float32Array | Float64Array | BigInt64Array): Promise<void> {
    const { shape, chunkShape } = this.layout;
    const [frames, ...others] = [chunkShape[0]!, ...shape.slice(1)];
    const first = index * frames;
    const count = Math.min(frames, shape[0]! - first);
    // Otherwise zarrita would complete the values with those of the old chunk.
    if (count < frames) rmSync(this.store.path(this.key(index)), { force: true });
    const array = await this.open();
    await zarr.set(array, [zarr.slice(first, first + count), ...others.map(() => null)] as never, {
      data: values as never,
      shape: [count, ...others],
      stride: others.length === 0 ? [1] : [others[0]!, 1],
    });
  }

  /**
   * Reads a chunk. The last one is filled up to the length of the others. Returns undefined for a missing
   * chunk.
   *
   * @throws UserError for a corrupt chunk
   */
  async read(index: number): Promise<ArrayLike<number> | undefined> {
    const key = this.key(index);
    const path = this.store.path(key);
    if (!existsSync(path)) return undefined;
    const expected = this.layout.chunkShape.reduce((product, length) => product * length, 1);
    let problem: unknown;
    try {
      const array = await this.open();
      const { data } = await array.getChunk(this.layout.shape.map((_, i) => (i === 0 ? index : 0)));
      const values = data as unknown as ArrayLike<number>;
      if (values.length === expected) return values;
      problem = `${expected} values were expected, found ${values.length}`;
    } catch (error) {
      if (error instanceof UserError) throw error;
      problem = (error as Error).cause ?? error;
    }
    const reason = problem instanceof Error ? problem.message : String(problem);
    throw new UserError(`${path} is corrupt: ${reason}`, { cause: problem });
  }

  /** Returns the contents of a chunk of `time` or `frequency`. */
  axisValues(index: number): Float64Array | BigInt64Array {
    const { settings, start } = this.description;
    if (this.name === "frequency") return binFrequencies(settings);
    const [frames, chunkFrames] = [this.layout.shape[0]!, this.layout.chunkShape[0]!];
    const first = index * chunkFrames;
    return BigInt64Array.from({ length: Math.min(chunkFrames, frames - first) }, (_, i) =>
      sampleTime(start, (first + i) * settings.hop, settings.sampleRate),
    );
  }

  private key(index: number): string {
    return `/${this.name}/c.${this.layout.shape.map((_, i) => (i === 0 ? index : 0)).join(".")}`;
  }

  private open(): Promise<zarr.Array<zarr.DataType, FolderStore>> {
    this.opened ??= this.openChecked();
    return this.opened;
  }

  private async openChecked(): Promise<zarr.Array<zarr.DataType, FolderStore>> {
    const path = this.store.path(`/${this.name}/zarr.json`);
    let array: zarr.Array<zarr.DataType, FolderStore>;
    try {
      array = await zarr.open(zarr.root(this.store).resolve(this.name), { kind: "array" });
    } catch (error) {
      if (error instanceof UserError) throw error;
      throw new UserError(`${path} is missing or corrupt: ${(error as Error).message}`, { cause: error });
    }
    const { shape, chunkShape, dtype } = this.layout;
    const found = `${array.dtype} ${array.shape} in chunks of ${array.chunks}`;
    const expected = `${dtype} ${shape} in chunks of ${chunkShape}`;
    if (found !== expected) throw new UserError(`${path}: ${expected} was expected, found ${found}`);
    return array;
  }
}
