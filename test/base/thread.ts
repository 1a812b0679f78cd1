import { setTimeout as delay } from "node:timers/promises";
import { usageError } from "../../src/base/errors.js";
import { threadProgram } from "../../src/base/workers.js";

/** Waits for as many milliseconds as the task says and returns the setup with it. */
export default threadProgram((setup: string) => async (task: number) => {
  if (task < 0) throw usageError(`expected a task of at least 0, found ${task}`);
  if (task === 13) throw new TypeError("a bug");
  if (task === 99) queueMicrotask(() => process.exit(7));
  await delay(task);
  return `${setup} ${task}`;
});
