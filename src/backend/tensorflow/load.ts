import { createRequire, Module } from "node:module";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { addonName } from "./install/installation.js";
import { withoutStderr } from "./quiet.js";

/** Packages that tfjs-node asks for and that must be ours: two TensorFlow.js in a process do not see each other. */
export const sharedPackages = ["@tensorflow/tfjs", "@tensorflow/tfjs-core"] as const;

let tfjsNodeRequire: NodeJS.Require | undefined;

/** Loads a file of the tfjs-node in use, by its path in that package. */
export function requireFromTfjsNode(file: string): unknown {
  return tfjsNodeRequire!(file);
}

/** To be told which tfjs-node is in use: the path of its package.json. */
export function useTfjsNode(packageJson: string): NodeJS.Require {
  tfjsNodeRequire = createRequire(packageJson);
  return tfjsNodeRequire;
}

/**
 * Loads tfjs-node from an installation and registers its backend, `tensorflow`, and its kernels.
 *
 * @param quiet without what TensorFlow says on stderr while it is being loaded
 */
export function registerInstalledBackend(folder: string, { quiet }: { quiet: boolean }): void {
  const require = useTfjsNode(join(folder, "node_modules", "@tensorflow", "tfjs-node", "package.json"));
  for (const name of sharedPackages) {
    // The installation holds a placeholder of this name, so that the ordinary look-up ends there.
    const path = require.resolve(name);
    const ours = new Module(path);
    ours.exports = createRequire(import.meta.url)("@tensorflow/tfjs");
    ours.loaded = true;
    require.cache[path] = ours;
  }
  const loadAddon = () => createRequire(join(folder, "x"))(`./${addonName}`) as object;
  const addon = quiet ? withoutStderr(folder, loadAddon) : loadAddon();
  require("./dist/register_all_kernels");
  const { NodeJSKernelBackend } = require("./dist/nodejs_kernel_backend") as {
    NodeJSKernelBackend: new (addon: object, packageName: string) => tf.KernelBackend;
  };
  tf.registerBackend("tensorflow", () => new NodeJSKernelBackend(addon, "@tensorflow/tfjs-node"), 3);
}
