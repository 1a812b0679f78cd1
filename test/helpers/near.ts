import { expect } from "vitest";

/** Expects equal lengths and no difference above `tolerance` times the expected array's largest magnitude. */
export function expectNear(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what = "",
): void {
  expect(actual.length, `${what} length`).toBe(expected.length);
  let largest = 0;
  let worst = 0;
  let where = -1;
  for (let i = 0; i < expected.length; i++) {
    largest = Math.max(largest, Math.abs(expected[i]!));
    const difference = Math.abs(actual[i]! - expected[i]!);
    // A NaN must not pass for being neither above nor below.
    const size = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
    if (size > worst) [worst, where] = [size, i];
  }
  expect(
    worst <= tolerance * (largest || 1),
    `${what} differs by ${worst} at ${where}: ${actual[where]} where ${expected[where]} was expected`,
  ).toBe(true);
}
