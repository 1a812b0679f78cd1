import { run } from "./tensorflow/install/commands.js";

export interface NvidiaGpu {
  name: string;
  driver: string;
  memoryBytes: number;
}

/** The first NVIDIA GPU by what its driver's own program says; undefined where there is no such program or no answer. */
export async function nvidiaGpu(): Promise<NvidiaGpu | undefined> {
  const query = "--query-gpu=name,driver_version,memory.total";
  const { code, stdout } = await run("nvidia-smi", [query, "--format=csv,noheader,nounits"]);
  const [name, driver, mebibytes] = stdout.split("\n")[0]!.split(", ");
  if (code !== 0 || mebibytes === undefined) return undefined;
  return { name: name!, driver: driver!, memoryBytes: Number(mebibytes) * 2 ** 20 };
}
