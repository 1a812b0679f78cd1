import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { describeSystemError } from "./errors.js";

/**
 * Takes a lock: a file that holds the number of this process. One that was left by a process that runs no more is taken over.
 *
 * @returns what gives it back, which the process's end does too; or the number of the process that has it
 * @throws UserError where no file can be written
 */
export function takeLock(path: string): (() => void) | number {
  for (;;) {
    try {
      writeFileSync(path, `${process.pid}\n`, { flag: "wx" });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") {
        rmSync(path, { force: true }); // a full disk takes the file but not what is in it
        throw describeSystemError(error, "write", path);
      }
      const holder = lockHolder(path);
      if (holder !== undefined) return holder;
      rmSync(path, { force: true });
    }
  }
  const release = () => {
    process.off("exit", release);
    rmSync(path, { force: true });
  };
  process.once("exit", release);
  return release;
}

/** The number of the running process that has the lock. */
export function lockHolder(path: string): number | undefined {
  try {
    const holder = Number(readFileSync(path, "utf8"));
    return Number.isSafeInteger(holder) && holder > 0 && isRunning(holder) ? holder : undefined;
  } catch {
    return undefined; // there is none
  }
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
