import { createHash } from "node:crypto";
import { closeSync, createReadStream, existsSync, openSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describeSystemError, UserError } from "../../../base/errors.js";
import { makeFolder, writeWhole } from "../../../base/files.js";

/** A file on the web whose content is known in advance. */
export interface RemoteFile {
  readonly url: string;
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

export interface DownloadHooks {
  /** Called with the bytes received and their total. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  /** Called with the bytes checked and their total. */
  readonly onChecking?: ((done: number, total: number) => void) | undefined;
  /** Delay before reconnecting, doubled after each connection that brought nothing. Default: 1000. */
  readonly retryDelayMs?: number;
}

/** Number of consecutive connections without new bytes after which the download fails. */
const attempts = 5;
/** Time without bytes after which a connection counts as broken. */
const timeoutMs = 60_000;

/** A connection that broke. What it brought is kept, and the next one may succeed. */
class Interruption extends Error {}
/** A connection that could not be made. */
class NoConnection extends Interruption {}

/**
 * Downloads a file to `path`. Received bytes are in `<path>.part` until the file is complete and its checksum is right.
 * A broken download is resumed from there, within the same call or by the next one.
 *
 * @throws UserError if the server cannot be reached, has another file, or sent a wrong byte (then nothing is kept)
 */
export async function downloadFile(
  remote: RemoteFile,
  path: string,
  hooks: DownloadHooks = {},
): Promise<void> {
  const { url, bytes } = remote;
  const part = `${path}.part`;
  try {
    if (sizeOf(part) > bytes) rmSync(part);
    let most = sizeOf(part);
    let failures = 0;
    let hasBrought = false;
    while (sizeOf(part) < bytes) {
      try {
        await receive(remote, part, hooks);
      } catch (error) {
        if (!(error instanceof Interruption)) throw error;
        const size = sizeOf(part);
        failures = size > most ? 0 : failures + 1;
        hasBrought ||= size > most;
        most = Math.max(most, size);
        if (!hasBrought || failures >= attempts) throw gaveUp(remote, part, error);
        await delay((hooks.retryDelayMs ?? 1000) * 2 ** failures);
      }
    }
    const wrong = await wrongChecksum(remote, part, hooks.onChecking);
    if (wrong !== undefined) {
      rmSync(part);
      throw new UserError(`${url}: ${wrong}; the download was removed; run the same command again`);
    }
    renameSync(part, path);
  } catch (error) {
    throw describeSystemError(error, "write", part);
  }
}

/** Compares a file's size and content with those expected. Returns what differs, or undefined. */
export async function wrongChecksum(
  { bytes, sha256 }: RemoteFile,
  path: string,
  onProgress?: (done: number, total: number) => void,
): Promise<string | undefined> {
  const size = sizeOf(path);
  if (size !== bytes) return `expected ${bytes} bytes, found ${size}`;
  const hash = createHash("sha256");
  let done = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) {
    hash.update(chunk as Buffer);
    done += (chunk as Buffer).length;
    onProgress?.(done, bytes);
  }
  const found = hash.digest("hex");
  return found === sha256 ? undefined : `expected the SHA-256 ${sha256}, found ${found}`;
}

/** Makes one connection and appends what it brings to the part. */
async function receive(
  { url, bytes, sha256 }: RemoteFile,
  part: string,
  hooks: DownloadHooks,
): Promise<void> {
  const here = sizeOf(part);
  const abort = new AbortController();
  const watch = setTimeout(() => abort.abort(new Error(`nothing came for ${timeoutMs / 1000} s`)), timeoutMs);
  let file: number | undefined;
  try {
    const headers = { "accept-encoding": "identity", ...(here > 0 && { range: `bytes=${here}-` }) };
    const answer = fetch(url, { headers, signal: abort.signal });
    const response = await connected(answer, `no connection to ${new URL(url).host}`, NoConnection);
    const start = startOf(response, here, url, bytes);
    if (start === undefined) {
      rmSync(part);
      return await receive({ url, bytes, sha256 }, part, hooks);
    }
    let at = start;
    makeFolder(dirname(part));
    file = openSync(part, at === 0 ? "w" : "a");
    const body = response.body?.getReader();
    for (;;) {
      const { done, value } =
        body === undefined ? { done: true } : await connected(body.read(), "the connection broke");
      if (done || value === undefined) break;
      watch.refresh();
      at += value.length;
      if (at > bytes) {
        rmSync(part);
        throw new UserError(
          `${url} sends more than the ${bytes} bytes that were expected: it is another file`,
        );
      }
      writeWhole(file, value);
      hooks.onProgress?.(at, bytes);
    }
    if (at < bytes) throw new Interruption("the server closed the connection");
  } finally {
    clearTimeout(watch);
    abort.abort(); // otherwise an unfinished connection would continue
    if (file !== undefined) closeSync(file);
  }
}

/** Returns the offset in the file at which a response begins; undefined if the part must be downloaded again. */
function startOf(response: Response, here: number, url: string, bytes: number): number | undefined {
  const { status, statusText, headers } = response;
  const checkTotal = (found: string | null | undefined) => {
    if (found == null || found === "*" || Number(found) === bytes) return;
    throw new UserError(`${url} has ${found} bytes, expected ${bytes}: it is another file`);
  };
  if (status === 206 || status === 416) {
    const [, start, total] =
      /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(headers.get("content-range") ?? "") ?? [];
    checkTotal(total);
    if (status === 206 && Number(start) === here) return here;
    if (here > 0) return undefined;
  }
  const answer = `the server answered ${status} ${statusText}`.trim();
  if (status >= 500 || status === 429) throw new Interruption(answer);
  if (status !== 200) throw new UserError(`cannot download ${url}: ${answer}`);
  checkTotal(headers.get("content-length"));
  return 0; // also if a range was requested: some servers do not support them
}

async function connected<T>(
  action: Promise<T>,
  otherwise: string,
  Failure: typeof Interruption = Interruption,
): Promise<T> {
  try {
    return await action;
  } catch (error) {
    const { message, cause } = error as Error;
    const { code, message: reason } = (cause ?? {}) as { code?: string; message?: string };
    const why = code === undefined || code.startsWith("UND_") ? (reason ?? message) : code;
    throw new Failure(`${otherwise} (${why})`, { cause: error });
  }
}

function gaveUp({ url, bytes }: RemoteFile, part: string, error: Interruption): UserError {
  const size = sizeOf(part);
  const reason = `${error.message}${error instanceof NoConnection ? "; is this machine online?" : ""}`;
  return new UserError(
    size === 0
      ? `cannot download ${url}: ${reason}`
      : `the download of ${url} stopped at ${size} of ${bytes} bytes: ${reason}; they are kept in ${part}; run the same command to continue`,
  );
}

function sizeOf(path: string): number {
  return existsSync(path) ? statSync(path).size : 0;
}
