import * as tf from "@tensorflow/tfjs";
import { expect, it, vi } from "vitest";
import { backendNames } from "../../src/backend/names.js";
import { startBackend } from "../../src/backend/start.js";

it("prefers the fastest", () => {
  expect(backendNames).toEqual(["tensorflow", "webgpu", "wasm", "cpu"]);
});

it("takes wasm for short work without probing", async () => {
  expect(await startBackend("auto", "short")).toEqual({
    name: "wasm",
    device: expect.stringMatching(/^WebAssembly SIMD, 1 thread$/),
  });
  expect(tf.getBackend()).toBe("wasm");
});

it("starts each of those that need nothing, one after another, silently", async () => {
  const printed = [vi.spyOn(console, "log"), vi.spyOn(console, "warn"), vi.spyOn(console, "error")];
  for (const name of ["cpu", "wasm", "cpu", "wasm"] as const) {
    expect((await startBackend(name, "short")).name).toBe(name);
    expect(tf.getBackend()).toBe(name);
    expect(tf.tidy(() => tf.ones([2, 3]).sum().dataSync()[0])).toBe(6);
  }
  for (const spy of printed) expect(spy).not.toHaveBeenCalled();
});

it("leaves uncaught errors to the program", async () => {
  const before = process.listeners("uncaughtException").length;
  await startBackend("wasm", "short");
  expect(process.listeners("uncaughtException").length).toBe(before);
});
