import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { describeSystemError } from "./errors.js";

/**
 * Takes a lock: a file that holds the id of this process. A lock left by a process that no longer runs is taken over.
 *
 * @returns a function that releases the lock, as the end of the process does too; or the id of the process that holds it
 * @throws UserError if the file cannot be written
 */
export function takeLock(path: string): (() => void) | number {
  for (;;) {
    try {
      writeFileSync(path, `${process.pid}\n`, { flag: "wx" });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") {
        rmSync(path, { force: true }); // on a full disk the file is created but stays empty
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

/** Returns the id of the running process that holds the lock; undefined if none does. */
export function lockHolder(path: string): number | undefined {
  try {
    const holder = Number(readFileSync(path, "utf8"));
    return Number.isSafeInteger(holder) && holder > 0 && isRunning(holder) ? holder : undefined;
  } catch {
    return undefined; // there is no lock
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
