/** A horizontal axis of shares from 0 to 100 %, for an encoding of Vega-Lite. */
export const shareAxis = {
  type: "quantitative",
  title: null,
  scale: { domain: [0, 1] },
  axis: {
    values: [0, 0.2, 0.4, 0.6, 0.8, 1],
    format: ".0%",
    labelFlush: false,
    domain: false,
    ticks: false,
  },
} as const;
