import type { TopLevelSpec } from "vega-lite";
import { textWidth } from "./text-width.js";
import { fontFamily, fontSizes, vegaConfig } from "./theme.js";

export type { TopLevelSpec };

/** Renders a Vega-Lite chart in the project's theme. Vega is loaded on first use: that takes a fifth of a second. */
export async function renderSvg(spec: TopLevelSpec): Promise<string> {
  const [vega, vegaLite] = await Promise.all([import("vega"), import("vega-lite")]);
  // Measures text in vega-scenegraph; missing from vega's types.
  const { textMetrics } = vega as unknown as { textMetrics: { width: typeof measure } };
  textMetrics.width = measure;
  const compiled = vegaLite.compile(spec, { config: vegaConfig });
  const view = new vega.View(vega.parse(compiled.spec), { renderer: "none" });
  try {
    const svg = (await view.toSVG()).replace(notXml, "\ufffd");
    // Set once for the picture instead of at every text: this halves the size of a heat map.
    return svg.replaceAll(font, "").replace("<svg", `<svg${font}`);
  } finally {
    view.finalize();
  }
}

/**
 * Shows names on an axis or legend of positions. Positions, not names, place the marks: names may repeat, be empty or
 * look like numbers.
 */
export function namesAt(names: readonly string[]): { labelExpr: string } {
  return { labelExpr: `slice(${literal(names.map(marked))}[datum.value], 1)` };
}

/** A text that may be anything, for a title: what is written plainly must not be the name of an object's member. */
export function anyText(text: string): { expr: string } {
  return { expr: `slice(${literal(marked(text))}, 1)` };
}

// Vega takes a literal such as "toString" for a signal, since it looks signals up in a plain object. With a space in front
// no text is a member's name; the expression takes the space away again.
function marked(text: string): string {
  return ` ${text}`;
}

function literal(value: unknown): string {
  // JSON allows these two line ends within a string, Vega's expressions do not.
  return JSON.stringify(value).replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
}

const font = ` font-family="${fontFamily}"`;

function measure(item: { fontSize?: number; limit?: number }, text: unknown): number {
  const width = textWidth(String(text), item.fontSize ?? fontSizes.normal);
  return item.limit ? Math.min(width, item.limit) : width;
}

// XML allows no control characters, not even escaped, nor half a surrogate pair; a label may hold one.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const notXml = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff\p{Surrogate}]/gu;
