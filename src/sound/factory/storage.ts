import { createHash } from "node:crypto";
import { readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { describeSystemError, UserError, usageError } from "../../base/errors.js";
import { makeFolder, writeFileAtomic } from "../../base/files.js";
import { describeIssue, readJsonFile } from "../../base/json.js";
import { packageVersion } from "../../base/version.js";
import type { StftOptions } from "../../dsp/fourier/stft.js";
import type { FactorySettings, ResolvedFactorySettings } from "./settings.js";
import { type PaddingFunction, type PaddingName, paddingName, paddingNames } from "./steps/padding.js";
import { type SpectrumProcessor, spectrumProcessors } from "./steps/processors.js";
import { type ScalerSettings, scaler } from "./steps/scaler.js";
import { learns, type Transform } from "./steps/transforms.js";

/** Version of the format. It increases when folders of older versions can no longer be read. */
const factoryFormat = 1;

/** Custom parts of a saved factory, by the names under which they were saved. */
export interface OwnParts {
  processors?: Readonly<Record<string, SpectrumProcessor>>;
  paddings?: Readonly<Record<string, PaddingFunction>>;
  /** Functions that make a transform from its saved settings. */
  transforms?: Readonly<Record<string, (settings: unknown) => Transform>>;
}

const number = z.number({ error: "expected a number" });
const text = z.string({ error: "expected text" });
const window = z.union([text, z.strictObject({ name: z.literal("tukey"), alpha: number }), z.array(number)], {
  error: "expected a window's name, tukey's with its alpha, or a window's values",
});

const fileSchema = z.strictObject({
  keyspot: text,
  format: number,
  sampleRate: number,
  stft: z.strictObject({
    nFft: number,
    hop: number,
    winLength: number,
    window,
    center: z.boolean({ error: "expected true or false" }),
    padMode: text,
  }),
  processor: text,
  order: z.array(number, { error: "expected a list of numbers" }).optional(),
  padding: z.strictObject({ length: number, policy: text }).optional(),
  transforms: z.array(
    z.strictObject({
      name: text,
      settings: z.unknown().optional(),
      learnt: z.strictObject({ file: text, sha256: text }).optional(),
    }),
    { error: "expected a list of transforms" },
  ),
});

/** Writes the settings to `factory.json`, and the state of each learning transform to a file beside it. */
export async function writeFactory(folder: string, settings: ResolvedFactorySettings): Promise<void> {
  const { sampleRate, stft, processor, order, padding, transforms } = settings;
  const waiting = transforms.find((transform) => learns(transform) && !transform.fitted);
  if (waiting !== undefined)
    throw usageError(`the transform ${waiting.name} is not fitted: fit the factory before it is saved`);
  const storedPadding = padding && { length: padding.length, policy: paddingName(padding) };
  const stored: z.infer<typeof fileSchema>["transforms"] = [];
  for (const [index, transform] of transforms.entries()) {
    const { name, settings: given } = transform;
    const entry = { name, ...(given !== undefined && { settings: given }) };
    if (!learns(transform)) {
      stored.push(entry);
      continue;
    }
    makeFolderFor(folder);
    const temporary = join(folder, `.transform-${index}.${process.pid}.tmp`);
    await transform.save(temporary);
    const sha256 = fingerprint(temporary);
    // Named by its content, so that a factory saved here before stays whole until the new one is complete.
    const file = `transform-${index}-${sha256.slice(0, 8)}.state`;
    renameSync(temporary, join(folder, file));
    stored.push({ ...entry, learnt: { file, sha256 } });
  }
  const contents: z.infer<typeof fileSchema> = {
    keyspot: packageVersion,
    format: factoryFormat,
    sampleRate,
    stft: { ...stft, window: plainWindow(stft.window) },
    processor: processor.name,
    ...(order !== undefined && { order: [...order] }),
    ...(storedPadding !== undefined && { padding: storedPadding }),
    transforms: stored,
  };
  // Written last, since it names the other files.
  writeFileAtomic(join(folder, "factory.json"), `${JSON.stringify(contents, null, 2)}\n`);
  const files = stored.map(({ learnt }) => learnt?.file);
  for (const name of readdirSync(folder))
    if (/^transform-\d+(-[0-9a-f]{8})?\.state$/.test(name) && !files.includes(name))
      rmSync(join(folder, name));
}

/** Reads the settings of a saved factory, with the state of its transforms. */
export async function readFactory(folder: string, own: OwnParts): Promise<FactorySettings> {
  const path = join(folder, "factory.json");
  const value = readJsonFile(path) as { keyspot?: unknown; format?: unknown } | null;
  if (typeof value?.keyspot !== "string" || typeof value.format !== "number")
    throw new UserError(
      `${path} is not a saved spectrogram factory: expected a version of keyspot and a format in it`,
    );
  if (value.format !== factoryFormat)
    throw new UserError(
      `${path} was written by keyspot ${value.keyspot} in factory format ${value.format}, expected format ${factoryFormat}`,
    );
  const result = fileSchema.safeParse(value);
  if (!result.success)
    throw new UserError(
      `${path}, written by keyspot ${value.keyspot}: ${describeIssue(result.error, value)}`,
    );
  const { sampleRate, stft, processor, order, padding, transforms } = result.data;
  const find = <T>(kind: keyof OwnParts, name: string, known: Readonly<Record<string, T>>): T => {
    if (Object.hasOwn(known, name)) return known[name]!;
    throw usageError(
      `${path} uses the ${kind.slice(0, -1)} "${name}", which is not part of the package: pass it to load as { ${kind}: { "${name}": … } }`,
    );
  };
  const restored: Transform[] = [];
  for (const { name, settings, learnt } of transforms) {
    const make = find("transforms", name, { ...builtInTransforms, ...own.transforms });
    const transform = make(settings);
    if (learns(transform) !== (learnt !== undefined))
      throw usageError(
        `${path}: the saved transform ${name} ${learnt ? "learns, the given one does not" : "does not learn, the given one does"}`,
      );
    if (learns(transform) && learnt !== undefined) {
      const file = join(folder, learnt.file);
      if (fingerprint(file) !== learnt.sha256)
        throw new UserError(`${file} is damaged, or not the one that ${path} was saved with`);
      await transform.load(file);
    }
    restored.push(transform);
  }
  const isName = (policy: string): policy is PaddingName => (paddingNames as string[]).includes(policy);
  return {
    sampleRate,
    stft: stft as StftOptions,
    processor: find("processors", processor, { ...own.processors, ...spectrumProcessors }),
    ...(order !== undefined && { order }),
    ...(padding !== undefined && {
      padding: {
        length: padding.length,
        policy: isName(padding.policy)
          ? padding.policy
          : find("paddings", padding.policy, { ...own.paddings }),
      },
    }),
    transforms: restored,
  };
}

const builtInTransforms: Readonly<Record<string, (settings: unknown) => Transform>> = {
  scaler: (settings) => scaler(settings as ScalerSettings),
};

function plainWindow(window: Required<StftOptions>["window"]): z.infer<typeof fileSchema>["stft"]["window"] {
  return typeof window === "object" && "length" in window ? Array.from(window) : window;
}

function makeFolderFor(path: string): void {
  try {
    makeFolder(path);
  } catch (error) {
    throw describeSystemError(error, "write", path);
  }
}

function fingerprint(path: string): string {
  try {
    return createHash("sha256").update(readFileSync(path)).digest("hex");
  } catch (error) {
    throw describeSystemError(error, "read", path);
  }
}
