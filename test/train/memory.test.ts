import { beforeAll, describe, expect, it } from "vitest";
import { startBackend } from "../../src/backend/start.js";
import { findModel } from "../../src/models/registry.js";
import { checkMemory } from "../../src/train/memory.js";

beforeAll(() => startBackend("cpu", "short"));

const options = (width: number, labelCount = 5) => ({
  ...{ labelCount, width, sampleRate: 2000, clipLength: 2000, seed: 1 },
});

describe("checkMemory", () => {
  const check = (width: number, labelCount?: number) => () =>
    checkMemory(findModel("conv1d"), options(width, labelCount), "wasm", false);

  it("lets the course's widths pass", () => {
    expect(check(1, 12)).not.toThrow();
  });

  it("says what a model would need that fits in no memory", () => {
    expect(check(1000)).toThrow(
      /^conv1d at width 1000 with 5 labels has [\d,]+ parameters: training it would need [\d,.]+ GiB of memory, .* has [\d,.]+ GiB; try a smaller --width$/,
    );
    expect(check(1, 1e9)).toThrow(/with 1000000000 labels/);
    expect(check(1e300)).toThrow(
      /^conv1d cannot be so large \(width 1e\+300, 5 labels\): its kernel would be /,
    );
  });
});
