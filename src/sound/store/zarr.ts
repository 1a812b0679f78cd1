import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import * as zarr from "zarrita";
import { z } from "zod";
import { describeSystemError, UserError } from "../../base/errors.js";
import { writeFileAtomic } from "../../base/files.js";
import { windowNames } from "../../dsp/windows.js";
import { crc32c, installCrc32c } from "./crc32c.js";
import { binFrequencies, countFrames, largestChunkValues, type SpectrogramSettings } from "./settings.js";
import { formatUtc, parseUtc, sampleTime } from "./time.js";

/** What a store tells of itself, as an attribute of its group. */
export interface StoreDescription {
  settings: SpectrogramSettings;
  start: bigint;
  /** Tells the recording from others. */
  fingerprint: string;
}

/** The group's attribute; a store of another `version` is not read. */
const attribute = "keyspot_spectrogram";
const version = 1;

const wholeNumber = z.number().int();
const attributeSchema = z
  .object({
    version: z.literal(version),
    start: z.string(),
    sampleRate: wholeNumber.min(1),
    samples: wholeNumber.min(1),
    nFft: wholeNumber.min(1),
    hop: wholeNumber.min(1),
    winLength: wholeNumber.min(1),
    window: z.enum(windowNames),
    channel: z.union([wholeNumber.min(0), z.literal("mean")]),
    log: z.boolean(),
    firstBin: wholeNumber.min(0),
    bins: wholeNumber.min(1),
    chunkFrames: wholeNumber.min(1),
    fingerprint: z.string(),
  })
  .refine(({ nFft, firstBin, bins }) => firstBin + bins <= Math.floor(nFft / 2) + 1, { path: ["bins"] })
  .refine(({ bins, chunkFrames }) => bins * chunkFrames <= largestChunkValues, { path: ["chunkFrames"] });

/** A folder whose files appear whole or not at all. */
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

// zstd by itself takes many a changed byte for another number; with a checksum behind it a chunk is whole or it is not.
installCrc32c();
const codecs = [
  { name: "bytes", configuration: { endian: "little" } },
  { name: "zstd", configuration: { level: 1, checksum: false } },
  { name: "crc32c" },
];

/** Frames of a chunk of times, which are small: about so many. */
const timeChunkFrames = 2 ** 16;

export type ArrayName = "spectrogram" | "time" | "frequency";

interface ArrayLayout {
  shape: number[];
  chunkShape: number[];
  dtype: "float32" | "float64" | "int64";
  dimensionNames: string[];
  fillValue: number;
  attributes: Record<string, string>;
}

/** The CF conventions' attributes, by which xarray and others know the axes. */
export const timeAttributes = {
  standard_name: "time",
  long_name: "middle of the frame",
  units: "nanoseconds since 1970-01-01",
  calendar: "proleptic_gregorian",
};
export const frequencyAttributes = { long_name: "frequency", units: "Hz" };
export function spectrogramAttributes(log: boolean): Record<string, string> {
  return log
    ? { long_name: "level re a sine of full scale", units: "dB" }
    : { long_name: "power re a sine of full scale", units: "1" };
}

function layouts(settings: SpectrogramSettings): Record<ArrayName, ArrayLayout> {
  const { bins, chunkFrames, log } = settings;
  const frames = countFrames(settings);
  return {
    spectrogram: {
      ...{ shape: [frames, bins], chunkShape: [chunkFrames, bins], dtype: "float32" },
      ...{ dimensionNames: ["time", "frequency"], fillValue: Number.NaN },
      attributes: spectrogramAttributes(log),
    },
    time: {
      ...{ shape: [frames], chunkShape: [Math.min(frames, timeChunkFrames)], dtype: "int64" },
      ...{ dimensionNames: ["time"], fillValue: 0, attributes: timeAttributes },
    },
    frequency: {
      ...{ shape: [bins], chunkShape: [bins], dtype: "float64" },
      ...{ dimensionNames: ["frequency"], fillValue: Number.NaN, attributes: frequencyAttributes },
    },
  };
}

/** How many chunks a store's arrays have, together. */
export function countAllChunks(settings: SpectrogramSettings): number {
  return Object.values(layouts(settings)).reduce((sum, layout) => sum + countChunks(layout), 0);
}

/** Every chunk that a store has, by its array and its number. */
export function* allChunks(settings: SpectrogramSettings): Generator<{ array: ArrayName; index: number }> {
  for (const [array, layout] of Object.entries(layouts(settings)))
    for (let index = 0; index < countChunks(layout); index++) yield { array: array as ArrayName, index };
}

function countChunks({ shape, chunkShape }: ArrayLayout): number {
  return Math.ceil(shape[0]! / chunkShape[0]!);
}

/**
 * Makes a store's folder with all but its chunks, or finds that it is there. Half-written files of a run that was killed are taken
 * away.
 *
 * @returns whether it is new
 * @throws UserError for a folder that holds anything else, or a store of another recording or with other settings
 */
export async function prepareStore(path: string, description: StoreDescription): Promise<boolean> {
  const isNew = !existsSync(path) || (statSync(path).isDirectory() && readdirSync(path).length === 0);
  if (!isNew) {
    requireSame(path, await describeStore(path), description);
    for (const name of readdirSync(path, { recursive: true, encoding: "utf8" }))
      if (name.endsWith(".tmp")) rmSync(join(path, name));
  }
  const { settings, start, fingerprint } = description;
  const store = new FolderStore(path);
  const attributes = {
    Conventions: "CF-1.11",
    [attribute]: { version, start: formatUtc(start), ...settings, fingerprint },
  };
  const root = zarr.root(store);
  await zarr.create(root, { attributes });
  const arrays: Record<string, unknown> = {};
  for (const [name, layout] of Object.entries(layouts(settings))) {
    await zarr.create(root.resolve(name), { ...layout, codecs, chunkSeparator: "." } as never);
    arrays[name] = JSON.parse(readFileSync(join(path, name, "zarr.json"), "utf8"));
  }
  // zarr-python's own place for the arrays' metadata, without which xarray warns that it has to read several files.
  const consolidated_metadata = { kind: "inline", must_understand: false, metadata: arrays };
  const group = { zarr_format: 3, node_type: "group", attributes, consolidated_metadata };
  await store.set("/zarr.json", Buffer.from(JSON.stringify(group, undefined, 2)));
  return isNew;
}

function requireSame(path: string, found: StoreDescription, wanted: StoreDescription): void {
  if (found.fingerprint !== wanted.fingerprint)
    throw new UserError(`${path} exists and is the store of another recording: remove it or name another`);
  const flat = ({ settings, start }: StoreDescription) => ({ ...settings, start: formatUtc(start) });
  const [there, asked] = [flat(found), flat(wanted)] as [Record<string, unknown>, Record<string, unknown>];
  const different = Object.keys(asked).filter((key) => there[key] !== asked[key]);
  if (different.length === 0) return;
  const list = different.map((key) => `${key} ${there[key]} where ${asked[key]} was asked for`).join(", ");
  throw new UserError(`${path} exists with other settings: ${list}; remove it or name another`);
}

/**
 * Reads what a store tells of itself.
 *
 * @throws UserError where it is none, of another version, or not readable
 */
export async function describeStore(path: string): Promise<StoreDescription> {
  const metadata = join(path, "zarr.json");
  let text: string;
  try {
    text = readFileSync(metadata, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if ((code === "ENOENT" || code === "ENOTDIR") && existsSync(path))
      throw new UserError(`${path} is no store of a spectrogram: a folder with a zarr.json was expected`);
    throw describeSystemError(error, "read", path);
  }
  let parsed: { attributes?: Record<string, unknown> };
  try {
    parsed = JSON.parse(text) as typeof parsed;
  } catch (error) {
    throw new UserError(`${metadata} is corrupt: JSON was expected`, { cause: error });
  }
  const written = parsed?.attributes?.[attribute] as { version?: unknown } | undefined;
  if (typeof written !== "object" || written === null)
    throw new UserError(`${path} is a Zarr store, but not one that kws spectrogram --store wrote`);
  if (written.version !== version)
    throw new UserError(
      `${path} is a store of version ${JSON.stringify(written.version)}, version ${version} was expected`,
    );
  const { data, error } = attributeSchema.safeParse(written);
  const start = parseUtc(data?.start ?? "");
  if (data === undefined || start === undefined)
    throw new UserError(
      `${metadata} is corrupt: its ${attribute} has no usable ${error?.issues[0]?.path.join(".") ?? "start"}`,
    );
  const { version: _, start: __, fingerprint, ...settings } = data;
  return { settings, start, fingerprint };
}

/** One array of a store that was described. */
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

  /** Whether a chunk is there and its checksum is right. */
  async isWhole(index: number): Promise<boolean> {
    const bytes = await this.store.get(this.key(index));
    return bytes !== undefined && hasChecksum(bytes);
  }

  /**
   * Writes a chunk in one step, whatever was there.
   *
   * @param values as many as there are of the array in the chunk, which may be fewer in the last one
   */
  async write(index: number, values: Float32Array | Float64Array | BigInt64Array): Promise<void> {
    const { shape, chunkShape } = this.layout;
    const [frames, ...others] = [chunkShape[0]!, ...shape.slice(1)];
    const first = index * frames;
    const count = Math.min(frames, shape[0]! - first);
    if (count < frames) rmSync(this.store.path(this.key(index)), { force: true }); // zarrita would fill up what is there
    const array = await this.open();
    await zarr.set(array, [zarr.slice(first, first + count), ...others.map(() => null)] as never, {
      data: values as never,
      shape: [count, ...others],
      stride: others.length === 0 ? [1] : [others[0]!, 1],
    });
  }

  /**
   * The values of a chunk, filled up to its whole length in the last one; undefined where it is missing.
   *
   * @throws UserError for one that is corrupt
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

  /** What a chunk of an axis holds. */
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

function hasChecksum(bytes: Uint8Array): boolean {
  if (bytes.length < 4) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 4, 4);
  return view.getUint32(0, true) === crc32c(bytes.subarray(0, bytes.length - 4));
}
