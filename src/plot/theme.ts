import type { Config } from "vega-lite";

/**
 * Colours of all pictures on a light background. In the HTML report, `darkColors` replaces them if the reader's system
 * has a dark theme.
 */
export const colors = {
  background: "#ffffff",
  ink: "#1c2530",
  muted: "#5a6675",
  axis: "#97a1ae",
  grid: "#e4e8ed",
  /** Background curves, such as those of the other runs. */
  context: "#c3cad3",
  validation: "#0068b5",
  training: "#d9660a",
  /** Hue of the heat map. A cell's share is its opacity, which works on any background. */
  heat: "#08519c",
  /** Text on a pale cell of it, and on a full one: no other black is dark enough, no other white light enough, for both. */
  onPaleHeat: "#000000",
  onHeat: "#fdfeff",
} as const;

/**
 * One colour a run, in this order, on a light and on a dark background; searched for so that the first two, three and
 * so on stay as far apart as can be (in Oklab) with each kind of colour blindness, each at least 3 to 1 against the
 * background (WCAG 2.2, 1.4.11).
 */
const runColorPairs = [
  ["#0040b3", "#2b72f8"],
  ["#9b2d00", "#d34d04"],
  ["#05a68b", "#98f0d9"],
  ["#5e1d4a", "#c688ad"],
  ["#b77f00", "#f8d81a"],
  ["#1a7a98", "#0bb3ff"],
  ["#9e70e1", "#9a65ae"],
  ["#5b5f64", "#b3bfd1"],
] as const;

export const runColors: readonly string[] = runColorPairs.map(([light]) => light);

export const darkColors: Readonly<Record<string, string>> = {
  [colors.background]: "#161b22",
  [colors.ink]: "#e6ebf1",
  [colors.muted]: "#a3afbd",
  [colors.axis]: "#6b7785",
  [colors.grid]: "#2a323d",
  [colors.context]: "#4a5563",
  [colors.validation]: "#4aa3ec",
  [colors.training]: "#f0913c",
  [colors.heat]: "#2470c2",
  [colors.onPaleHeat]: "#fdfeff",
  ...Object.fromEntries(runColorPairs),
};

/** Inter is drawn into PNGs; a browser without it shows its system's own font. */
export const fontFamily = "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif";

/** Font sizes in px. */
export const fontSizes = { small: 10, normal: 11.5, heading: 14 } as const;

export const vegaConfig: Config = {
  background: colors.background,
  padding: 16,
  font: fontFamily,
  // Screen readers get one description of the picture; a label on every mark would double the file.
  aria: false,
  view: { stroke: null },
  axis: {
    domainColor: colors.axis,
    tickColor: colors.axis,
    tickSize: 4,
    gridColor: colors.grid,
    labelColor: colors.muted,
    labelFontSize: fontSizes.normal,
    labelPadding: 5,
    titleColor: colors.muted,
    titleFontSize: fontSizes.normal,
    titleFontWeight: "normal",
    titlePadding: 8,
  },
  axisY: { domain: false, ticks: false },
  legend: {
    orient: "top",
    direction: "horizontal",
    title: null,
    labelColor: colors.ink,
    labelFontSize: fontSizes.normal,
    columnPadding: 20,
    offset: 12,
  },
  title: {
    anchor: "start",
    color: colors.ink,
    fontSize: fontSizes.heading,
    fontWeight: 600,
    subtitleColor: colors.muted,
    subtitleFontSize: fontSizes.normal,
    subtitlePadding: 4,
    offset: 12,
  },
  text: { color: colors.ink, fontSize: fontSizes.normal },
  line: { strokeCap: "round", strokeJoin: "round" },
};
