import { existsSync } from "node:fs";
import { BackendUnavailable, startBackend } from "../../src/backend/start.js";

// Debian's chromium package brings SwiftShader, which Vulkan's loader does not find by itself.
const swiftShader = "/usr/lib/chromium/vk_swiftshader_icd.json";
if (process.env.VK_DRIVER_FILES === undefined && existsSync(swiftShader))
  process.env.VK_DRIVER_FILES = swiftShader;

/**
 * Starts the webgpu backend on what adapter there is, software included, and says why there is none. With
 * KEYSPOT_REQUIRE_WEBGPU set, as CI does, that is an error.
 */
export async function whyNoWebgpu(): Promise<string | undefined> {
  try {
    await startBackend("webgpu", "training");
    return undefined;
  } catch (error) {
    if (!(error instanceof BackendUnavailable) || process.env.KEYSPOT_REQUIRE_WEBGPU) throw error;
    console.warn(`tests of the webgpu backend are skipped: ${error.message}`);
    return error.message;
  }
}
