import { createHash } from "node:crypto";
import { closeSync, createReadStream, existsSync, openSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describeSystemError, UserError } from "../../../base/errors.js";
import { makeFolder, writeWhole } from "../../../base/files.js";

/** A file on the web whose content is known beforehand. */
export interface RemoteFile {
  readonly url: string;
  readonly bytes: number;
  /** As hex. */
  readonly sha256: string;
}

export interface DownloadHooks {
  /** Bytes that are here, of how many. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  /** Bytes whose checksum is taken, of how many. */
  readonly onChecking?: ((done: number, total: number) => void) | undefined;
  /** Before a broken connection is made again; it doubles with each that brings nothing. */
  readonly retryDelayMs?: number;
}

/** Connections in a row that bring nothing new before it is given up. */
const attempts = 5;
/** A server that says nothing for so long is taken for gone. */
const silenceMs = 60_000;

/** The connection failed: what came is kept, and another may do better. */
class Interruption extends Error {}
/** There was none. */
class NoConnection extends Interruption {}

/**
 * Downloads a file to `path`. What has come lies in `<path>.part` until it is whole and its checksum is right: a download that
 * was stopped goes on from there, in the same call where the connection broke, else in the next one.
 *
 * @throws UserError where the server cannot be reached, has another file, or sent a wrong byte (then nothing is kept)
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
      throw new UserError(`${url}: ${wrong}; the download was removed, the same command begins anew`);
    }
    renameSync(part, path);
  } catch (error) {
    throw describeSystemError(error, "write", part);
  }
}

/** What is wrong with a file's size or content, in words; undefined where it is the one that is meant. */
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

/** One connection: appends what it brings to the part. */
async function receive(
  { url, bytes, sha256 }: RemoteFile,
  part: string,
  hooks: DownloadHooks,
): Promise<void> {
  const here = sizeOf(part);
  const abort = new AbortController();
  const watch = setTimeout(() => abort.abort(new Error(`nothing came for ${silenceMs / 1000} s`)), silenceMs);
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
    abort.abort(); // a connection that was left in the middle would go on
    if (file !== undefined) closeSync(file);
  }
}

/** Where in the file the answer begins; undefined where the server has another idea of what is here. */
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
  return 0; // also where only the rest was asked for: some servers know no ranges
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
      : `the download of ${url} stopped at ${size} of ${bytes} bytes: ${reason}; they are kept in ${part}, and the same command goes on from there`,
  );
}

function sizeOf(path: string): number {
  return existsSync(path) ? statSync(path).size : 0;
}
