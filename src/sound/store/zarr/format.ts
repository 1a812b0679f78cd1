import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import * as zarr from "zarrita";
import { z } from "zod";
import { describeSystemError, UserError } from "../../../base/errors.js";
import { windowNames } from "../../../dsp/windows.js";
import { largestChunkValues } from "../settings.js";
import { formatUtc, parseUtc } from "../time.js";
import { codecs, FolderStore } from "./array.js";
import { layouts, type StoreDescription } from "./layout.js";

/** The group's attribute. A store of another `version` is not read. */
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

/**
 * Creates a store's folder with everything but its chunks, or checks the store that exists. Half-written
 * files that a killed run left are removed.
 *
 * @returns whether the store is new
 * @throws UserError for a folder that holds anything else, or a store of another recording or with other
 * settings
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
  // Where zarr-python keeps a copy of the arrays' metadata; without it xarray warns that it reads several
  // files.
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
 * Reads what a store says about itself.
 *
 * @throws UserError for a path that is not a store, is of another version, or cannot be read
 */
export async function describeStore(path: string): Promise<StoreDescription> {
  const metadata = join(path, "zarr.json");
  let text: string;
  try {
    text = readFileSync(metadata, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if ((code === "ENOENT" || code === "ENOTDIR") && existsSync(path))
      throw new UserError(
        `${path} is not the store of a spectrogram: a folder with a zarr.json was expected`,
      );
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
