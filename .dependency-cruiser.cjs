/**
 * Which folder of `src` may import which: docs/architecture.md explains the order. `base` may be imported by all.
 * Types count as imports; so do the worker programs that a folder starts.
 */
const rooms = {
  base: [],
  dsp: [],
  plot: [],
  graph: [],
  onnx: ["graph"],
  audio: ["dsp"],
  data: ["dsp", "audio"],
  backend: ["graph", "onnx"],
  models: ["dsp", "backend"],
  run: ["data", "models", "backend"],
  train: ["run", "models", "data", "backend", "plot", "eval"],
  recognizer: ["run", "models", "audio", "data", "backend", "graph"],
  eval: ["recognizer", "run", "data"],
  detect: ["recognizer", "audio", "dsp"],
  export: ["graph", "onnx", "recognizer", "data", "eval", "detect"],
  sound: ["dsp", "audio", "plot"],
  report: ["eval", "detect", "run", "plot"],
  serve: ["recognizer", "detect", "audio", "sound"],
  page: ["recognizer", "detect", "data", "run"],
  tasks: ["train", "eval", "detect", "data", "export", "report", "run"],
  sweep: ["tasks", "train", "run"],
};

/** Within `models`, only the layers' own kernels and what repeats a step; within `train`, only the metrics of `eval`. */
const narrower = [
  {
    name: "models-use-kernels-only",
    severity: "error",
    from: { path: "^src/models/" },
    to: { path: "^src/backend/", pathNot: "^src/backend/(own-kernels|step)\\.ts$" },
  },
  {
    name: "train-uses-metrics-only",
    severity: "error",
    from: { path: "^src/train/" },
    to: { path: "^src/eval/", pathNot: "^src/eval/metrics\\.ts$" },
  },
];

module.exports = {
  forbidden: [
    { name: "no-circles", severity: "error", from: { path: "^src/" }, to: { circular: true } },
    ...Object.entries(rooms).map(([room, allowed]) => ({
      name: `${room}-imports`,
      severity: "error",
      from: { path: `^src/${room}/` },
      to: { path: "^src/", pathNot: `^src/(${[room, "base", ...allowed].join("|")})/` },
    })),
    {
      name: "no-room-without-rule",
      severity: "error",
      from: { path: "^src/[^/]+/", pathNot: `^src/(cli|${Object.keys(rooms).join("|")})/` },
      to: { path: "^src/" },
    },
    ...narrower,
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
  },
};
