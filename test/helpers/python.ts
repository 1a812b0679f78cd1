import { spawnSync } from "node:child_process";

const interpreter = process.env.KEYSPOT_PYTHON ?? "python3";

/**
 * Whether the interpreter that `KEYSPOT_PYTHON` names (else `python3`) imports these modules. Tests against them say so
 * and are skipped where it does not: `describe.skipIf(!hasPython("scipy"))("… against SciPy (Python)", …)`.
 */
export function hasPython(...modules: string[]): boolean {
  const script = modules.map((name) => `import ${name}`).join("\n");
  const { status } = spawnSync(interpreter, ["-c", script], { stdio: "ignore", timeout: 60_000 });
  if (status !== 0) console.warn(`skipped: ${interpreter} does not import ${modules.join(", ")}`);
  return status === 0;
}

/**
 * Runs a script that finds `input` (from JSON) and sets `output`, which comes back through JSON; NumPy arrays become
 * nested lists and complex ones `{"re": …, "im": …}`. Starting Python takes seconds, so pass all cases at once.
 */
export function runPython<Output>(script: string, input: unknown): Output {
  const { status, stdout, stderr, error } = spawnSync(interpreter, ["-c", before + script + after], {
    input: JSON.stringify(input, (_, value) =>
      ArrayBuffer.isView(value) ? Array.from(value as never) : value,
    ),
    encoding: "utf8",
    maxBuffer: 2 ** 28,
    timeout: 120_000,
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`${interpreter} failed:\n${stderr}`);
  return JSON.parse(stdout) as Output;
}

const before = `
import json, sys
import numpy as np
input = json.load(sys.stdin)
`;

const after = `
def plain(value):
    if isinstance(value, np.ndarray) and np.iscomplexobj(value):
        return {"re": value.real.tolist(), "im": value.imag.tolist()}
    return value.tolist()
json.dump(output, sys.stdout, default=plain)
`;
