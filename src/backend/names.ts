/** The backends in the order of preference that `auto` takes: the fastest first. */
export const backendNames = ["tensorflow", "webgpu", "wasm", "cpu"] as const;
export type BackendName = (typeof backendNames)[number];

/** What a user may ask for. */
export const backendChoices = ["auto", ...backendNames] as const;
export type BackendChoice = (typeof backendChoices)[number];
