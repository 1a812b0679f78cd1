/**
 * An error that the user can correct. The command line prints its message as one line, `error: …`, without a stack
 * trace, and exits with `exitCode`: 1 if the work failed because of its input or the system, 2 for wrong usage.
 */
export class UserError extends Error {
  override name = "UserError";
  readonly exitCode: 1 | 2;

  constructor(message: string, options: { exitCode?: 1 | 2; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.exitCode = options.exitCode ?? 1;
  }
}

/** Returns the error for wrong usage that no file can make right: an unknown name, a value out of its range. */
export function usageError(message: string): UserError {
  return new UserError(message, { exitCode: 2 });
}

/** Turns the error of a failed system call into a UserError that names the file. Other errors are returned as they are. */
export function describeSystemError(error: unknown, action: string, path: string): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  const reason = code === undefined ? undefined : systemReasons[code];
  if (reason === undefined) return error;
  return new UserError(`cannot ${action} ${path}: ${reason}`, { cause: error });
}

const systemReasons: Record<string, string> = {
  ENOENT: "no such file or folder",
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  ELOOP: "it is a link that leads in a circle",
  ENAMETOOLONG: "the name is too long",
  EISDIR: "it is a folder, a file was expected",
  ENOTDIR: "a part of the path is not a folder",
  EEXIST: "it exists already",
  ENOSPC: "no space left on the device",
  EDQUOT: "the disk quota is used up",
  EROFS: "the file system is read-only",
  EMFILE: "too many open files",
  EFBIG: "the file would be too large",
  EIO: "input/output error",
};
