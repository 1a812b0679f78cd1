import { usageError } from "../../base/errors.js";
import { requireInteger } from "../../dsp/checks.js";
import { type StftOptions, stft } from "../../dsp/fourier/stft.js";
import { checkPadding, type Padding } from "./steps/padding.js";
import { type ProcessorName, type SpectrumProcessor, spectrumProcessors } from "./steps/processors.js";
import type { Transform } from "./steps/transforms.js";

export interface FactorySettings {
  /** Hz, a whole number. Recordings of another rate are resampled to it. */
  sampleRate: number;
  stft: StftOptions;
  /** How complex spectra become real arrays. Default: real-imaginary. */
  processor?: ProcessorName | SpectrumProcessor;
  /**
   * Order of a recording's arrays, a permutation of their indices. For two channels with magnitude and phase,
   * `[0, 2, 1, 3]` puts both magnitudes first. Default: channel after channel.
   */
  order?: readonly number[];
  /** Brings all recordings to one length. Default: each keeps its length. */
  padding?: Padding;
  /** Steps on a recording's arrays, applied in this order and undone in the opposite order. Default: none. */
  transforms?: readonly Transform[];
}

/** Settings with all defaults filled in, so that a saved factory does not depend on them. */
export interface ResolvedFactorySettings {
  readonly sampleRate: number;
  readonly stft: Readonly<Required<StftOptions>>;
  readonly processor: SpectrumProcessor;
  readonly order: readonly number[] | undefined;
  readonly padding: Readonly<Padding> | undefined;
  readonly transforms: readonly Transform[];
}

/**
 * Fills in defaults and checks settings.
 *
 * @throws UserError (exit 2) for settings that are wrong for every recording
 */
export function resolveFactorySettings(settings: FactorySettings): ResolvedFactorySettings {
  requireKnownKeys(settings, "settings", settingKeys);
  requireKnownKeys(settings.stft, "stft", stftKeys);
  const { sampleRate, order, padding, transforms = [] } = settings;
  requireInteger("sampleRate", sampleRate);
  const processor = resolveProcessor(settings.processor ?? "real-imaginary");
  if (order !== undefined) requirePermutation(order, processor.arrays.length);
  if (padding !== undefined) {
    requireKnownKeys(padding, "padding", ["length", "policy"]);
    checkPadding(padding);
  }
  transforms.forEach(checkTransform);
  return {
    sampleRate,
    stft: resolveStft(settings.stft),
    processor,
    order: order && [...order],
    padding: padding && { ...padding },
    transforms: [...transforms],
  };
}

const settingKeys = ["sampleRate", "stft", "processor", "order", "padding", "transforms"];
const stftKeys = ["nFft", "hop", "winLength", "window", "center", "padMode"];

/** Plain JavaScript callers have no type check, and a misspelt setting would be ignored silently. */
function requireKnownKeys(value: object, what: string, known: readonly string[]): void {
  if (typeof value !== "object" || value === null)
    throw usageError(`${what} must be an object, got ${value}`);
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) throw usageError(`${what} has no ${unknown}; ${known.join(", ")} were expected`);
}

function resolveStft(options: StftOptions): Required<StftOptions> {
  const { nFft, winLength = nFft, window = "hann", center = true, padMode = "constant" } = options;
  const hop = options.hop ?? Math.max(1, Math.floor(winLength / 4));
  const resolved = { nFft, hop, winLength, window, center, padMode };
  requireInteger("nFft", nFft);
  // Checks the options.
  stft(new Float64Array(nFft), resolved);
  return resolved;
}

function resolveProcessor(processor: ProcessorName | SpectrumProcessor): SpectrumProcessor {
  const known: Readonly<Record<string, SpectrumProcessor>> = spectrumProcessors;
  const names = Object.keys(known);
  if (typeof processor === "string") {
    if (Object.hasOwn(known, processor)) return known[processor]!;
    throw usageError(`processor must be one of ${names.join(", ")}, or an object, got ${processor}`);
  }
  const { name, arrays, forward, backward } = processor;
  const isProcessor =
    typeof name === "string" &&
    name !== "" &&
    typeof forward === "function" &&
    typeof backward === "function";
  if (!isProcessor || !Array.isArray(arrays) || arrays.length === 0)
    throw usageError(
      "a processor must have a name, arrays (the name of each, at least one), forward and backward",
    );
  if (names.includes(name) && processor !== known[name])
    throw usageError(`a custom processor needs another name than ${name}, which the package uses`);
  return processor;
}

function requirePermutation(order: readonly number[], arraysPerChannel: number): void {
  const sorted = order.toSorted((a, b) => a - b);
  if (sorted.length === 0 || sorted.some((value, place) => value !== place))
    throw usageError(
      `order must have each of the indices 0 to ${Math.max(0, order.length - 1)} once, got ${order.join(", ")}`,
    );
  if (order.length % arraysPerChannel !== 0)
    throw usageError(
      `order must have ${arraysPerChannel} indices per channel, one for each array of the processor, got ${order.length}`,
    );
}

function checkTransform(transform: Transform, index: number): void {
  const { name, forward, backward } = transform;
  if (
    typeof name !== "string" ||
    name === "" ||
    typeof forward !== "function" ||
    typeof backward !== "function"
  )
    throw usageError(`transform ${index} must have a name, forward and backward`);
}
