import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { create } from "tar";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.js";
import { readNpz } from "../../src/data/formats/npz.js";
import { fetchArchive, speechCommands } from "../../src/data/speech-commands/download/download.js";
import { downloadFile } from "../../src/data/speech-commands/download/file.js";
import { unpackArchive } from "../../src/data/speech-commands/download/unpack.js";
import { importFolder } from "../../src/data/speech-commands/import/import.js";
import { serveHttp } from "../helpers/http-server.js";
import { writeSpeechCommands } from "../helpers/speech-commands.js";

const root = mkdtempSync(join(tmpdir(), "keyspot-download-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const random = new Random(1, "download");
const content = Buffer.from(Uint8Array.from({ length: 300_000 }, () => random.integer(256)));
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

type Handler = (request: IncomingMessage, response: ServerResponse, from: number) => void;

/** The ranges that were asked for, in order: 0 where none was. */
let asked: number[];
let handle: Handler;
let server: Awaited<ReturnType<typeof serveHttp>>;
let url: string;
let folder: string;
beforeEach(async () => {
  asked = [];
  folder = mkdtempSync(join(root, "files-"));
  server = await serveHttp((request, response) => {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    asked.push(from);
    handle(request, response, from);
  });
  url = `${server.url}/data.bin`;
});
afterEach(() => server.close());

/** A good server, but that it breaks off after so many bytes of its first answers. */
function serve(bytes: Buffer, breaks: readonly number[] = []): Handler {
  const left = [...breaks];
  return (_, response, from) => {
    const until = left.shift();
    const body = bytes.subarray(from);
    response.writeHead(from > 0 ? 206 : 200, {
      "content-length": body.length,
      ...(from > 0 && { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` }),
    });
    if (until === undefined) response.end(body);
    else response.write(body.subarray(0, until), () => setTimeout(() => response.destroy(), 20));
  };
}

const remote = () => ({ url, bytes: content.length, sha256: sha256(content) });
const download = () => downloadFile(remote(), join(folder, "data.bin"), { retryDelayMs: 1 });
const failure = async (action: Promise<unknown>): Promise<string> => {
  const error = await action.then(
    () => undefined,
    (reason: Error) => reason,
  );
  expect(error).toMatchObject({ name: "UserError", exitCode: 1 });
  expect(error!.message).not.toContain("\n");
  return error!.message;
};

describe("downloadFile", () => {
  test("brings the file, and tells how far it is", async () => {
    handle = serve(content);
    const progress: number[][] = [];
    await downloadFile(remote(), join(folder, "new/data.bin"), {
      onProgress: (done, total) => progress.push([done, total]),
    });
    expect(readFileSync(join(folder, "new/data.bin")).equals(content)).toBe(true);
    expect(readdirSync(join(folder, "new"))).toEqual(["data.bin"]);
    expect(progress.at(-1)).toEqual([300_000, 300_000]);
  });

  test("goes on by itself where a server breaks off, from where it stood", async () => {
    handle = serve(content, [100_000, 50_000]);
    await download();
    expect(readFileSync(join(folder, "data.bin")).equals(content)).toBe(true);
    expect(asked).toEqual([0, 100_000, 150_000]);
  });

  test("goes on with what an earlier call has brought", async () => {
    writeFileSync(join(folder, "data.bin.part"), content.subarray(0, 123_456));
    handle = serve(content);
    await download();
    expect(asked).toEqual([123_456]);
    expect(readFileSync(join(folder, "data.bin")).equals(content)).toBe(true);
  });

  test("gives up on a server that brings nothing more, keeps what came, and continues the next time", async () => {
    handle = serve(content, [100_000, 0, 0, 0, 0, 0, 0]);
    const message = await failure(download());
    expect(message).toMatch(
      /stopped at 100000 of 300000 bytes: the connection broke .*data\.bin\.part; run the same command to continue$/,
    );
    expect(asked).toEqual([0, 100_000, 100_000, 100_000, 100_000, 100_000]);
    expect(readdirSync(folder)).toEqual(["data.bin.part"]);
    handle = serve(content);
    await download();
    expect(readFileSync(join(folder, "data.bin")).equals(content)).toBe(true);
  });

  test("starts again if the server does not support ranges", async () => {
    writeFileSync(join(folder, "data.bin.part"), content.subarray(0, 1000));
    handle = (_, response) => response.end(content);
    await download();
    expect(readFileSync(join(folder, "data.bin")).equals(content)).toBe(true);
  });

  test.each([
    ["416", {}],
    ["206", { "content-range": "bytes 7-299999/300000" }],
    ["206", {}],
  ])("starts again if the server answers the range with %s %j", async (status, headers) => {
    writeFileSync(join(folder, "data.bin.part"), content.subarray(0, 1000));
    handle = (_, response, from) => {
      if (from > 0) response.writeHead(Number(status), headers).end("nonsense");
      else response.end(content);
    };
    await download();
    expect(asked).toEqual([1000, 0]);
    expect(readFileSync(join(folder, "data.bin")).equals(content)).toBe(true);
  });

  test("throws a part away that is longer than the file", async () => {
    writeFileSync(join(folder, "data.bin.part"), Buffer.alloc(300_001));
    handle = serve(content);
    await download();
    expect(asked).toEqual([0]);
  });

  test("a wrong byte is found, and nothing is kept", async () => {
    const wrong = Buffer.from(content);
    wrong[200_000]! ^= 1;
    handle = serve(wrong);
    expect(await failure(download())).toMatch(
      /expected the SHA-256 [0-9a-f]{64}, found [0-9a-f]{64}; the download was removed; run the same command again/,
    );
    expect(readdirSync(folder)).toEqual([]);
  });

  test.each<[string, Handler]>([
    [
      "a length that is too small",
      (_, response) => response.writeHead(200, { "content-length": 10 }).end("0123456789"),
    ],
    [
      "a length that is too large",
      (_, response) => response.writeHead(200, { "content-length": 300_001 }).end(content),
    ],
    [
      "a total that is too large",
      (_, response, from) =>
        response
          .writeHead(206, { "content-range": `bytes ${from}-299999/300001` })
          .end(content.subarray(from)),
    ],
  ])("%s is another file", async (_, handler) => {
    writeFileSync(join(folder, "data.bin.part"), content.subarray(0, 10));
    handle = handler;
    expect(await failure(download())).toMatch(/has (10|300001) bytes, expected 300000: it is another file/);
  });

  test("more than was promised is another file, and is not kept", async () => {
    handle = (_, response) => {
      response.write(content); // without a length, in chunks
      response.end("more");
    };
    expect(await failure(download())).toMatch(/sends more than the 300000 bytes/);
    expect(readdirSync(folder)).toEqual([]);
  });

  test("less than was promised, with no length told, is asked for again", async () => {
    let first = true;
    handle = (request, response, from) => {
      if (!first) return serve(content)(request, response, from);
      first = false;
      response.write(content.subarray(0, 5000));
      response.end();
    };
    await download();
    expect(asked).toEqual([0, 5000]);
    expect(readFileSync(join(folder, "data.bin")).equals(content)).toBe(true);
  });

  test("what the server answers is said", async () => {
    handle = (_, response) => response.writeHead(404).end("no such page");
    expect(await failure(download())).toMatch(/cannot download http:\S+: the server answered 404 Not Found$/);
    handle = (_, response) => response.writeHead(503).end();
    expect(await failure(download())).toMatch(/the server answered 503 Service Unavailable$/);
    expect(readdirSync(folder)).toEqual([]);
  });

  test("offline: one line that says so, at once", async () => {
    const absent = { ...remote(), url: "http://127.0.0.1:9/data.bin" };
    const closed = { ...remote(), url: "http://host.invalid/data.bin" };
    for (const each of [absent, closed]) {
      const message = await failure(downloadFile(each, join(folder, "data.bin")));
      expect(message).toMatch(/^cannot download \S+: no connection to \S+ \(.+\); is this machine online\?$/);
    }
    expect(readdirSync(folder)).toEqual([]);
  });
});

/** One entry of a tar, as POSIX has it: a header of 512 bytes, the content, zeros to the next 512. */
function tarEntry(name: string, body: string, type = "0", link = ""): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  for (const [at, text] of [
    [100, "0000644\0"],
    [108, "0000000\0"],
    [116, "0000000\0"],
    [124, `${Buffer.byteLength(body).toString(8).padStart(11, "0")}\0`],
    [136, "00000000000\0"],
    [148, "        "],
    [156, type],
    [157, link],
    [257, "ustar\x0000"],
  ] as const)
    header.write(text, at, "latin1");
  const sum = header.reduce((a, b) => a + b, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  const padded = Buffer.alloc(Math.ceil(Buffer.byteLength(body) / 512) * 512);
  padded.write(body);
  return Buffer.concat([header, padded]);
}

describe("unpackArchive", () => {
  const unpack = (...entries: Buffer[]) => {
    const archive = join(folder, "a.tar.gz");
    writeFileSync(archive, gzipSync(Buffer.concat([...entries, Buffer.alloc(1024)])));
    return unpackArchive(archive, join(folder, "inner", "out"));
  };

  test("unpacks files and folders", async () => {
    await unpack(tarEntry("./", "", "5"), tarEntry("./yes/a.wav", "sound"), tarEntry("list.txt", "a list"));
    expect(readFileSync(join(folder, "inner/out/yes/a.wav"), "utf8")).toBe("sound");
    expect(readdirSync(join(folder, "inner"))).toEqual(["out"]);
  });

  test.each<[string, Buffer]>([
    ["a path that climbs out", tarEntry("../../escaped", "x")],
    ["one that climbs out from within", tarEntry("yes/../../../escaped", "x")],
    ["an absolute path", tarEntry(join(tmpdir(), "keyspot-escaped"), "x")],
    ["a symbolic link", tarEntry("link", "", "2", "/etc")],
    ["a hard link", tarEntry("link", "", "1", "/etc/passwd")],
    ["a device", tarEntry("device", "", "3")],
  ])("refuses %s, and leaves nothing", async (_, entry) => {
    expect(await failure(unpack(tarEntry("good", "x"), entry))).toMatch(/^cannot unpack \S+a\.tar\.gz: /);
    expect(readdirSync(join(folder, "inner"))).toEqual([]);
    expect(readdirSync(folder).sort()).toEqual(["a.tar.gz", "inner"]);
    expect(existsSync(join(tmpdir(), "keyspot-escaped"))).toBe(false);
  });

  test("does not write through a link that is there", async () => {
    symlinkSync(root, join(folder, "inner-link"));
    expect(await failure(unpack(tarEntry("l", "", "2", root), tarEntry("l/escaped", "x")))).toMatch(
      /cannot unpack/,
    );
    expect(existsSync(join(root, "escaped"))).toBe(false);
  });

  test("a damaged archive is said to be one", async () => {
    mkdirSync(join(folder, "inner"));
    const archive = join(folder, "bad.tar.gz");
    const whole = gzipSync(Buffer.concat([tarEntry("a", "x".repeat(5000)), Buffer.alloc(1024)]));
    for (const bytes of [whole.subarray(0, whole.length - 20), Buffer.from("no archive at all")]) {
      writeFileSync(archive, bytes);
      expect(await failure(unpackArchive(archive, join(folder, "inner", "out")))).toMatch(/cannot unpack/);
      expect(readdirSync(join(folder, "inner"))).toEqual([]);
    }
  });
});

describe("fetchArchive", () => {
  test("downloads, checks, unpacks; what is there already is not fetched again; the result is imported", async () => {
    const made = join(folder, "made");
    writeSpeechCommands(made, { words: ["a", "b"], speakers: 8, rate: 8000 });
    await create({ gzip: true, file: join(folder, "made.tgz"), cwd: made }, ["."]);
    const archive = readFileSync(join(folder, "made.tgz"));
    const known = { url, bytes: archive.length, sha256: sha256(archive) };
    handle = serve(archive, [1000]);
    const out = join(folder, "got");
    expect(await fetchArchive(known, out, { retryDelayMs: 1 })).toBe(true);
    expect(readdirSync(out).sort()).toEqual(["_background_noise_", "a", "b"]);
    expect(readdirSync(folder).sort()).toEqual(["got", "made", "made.tgz"]);
    expect(await fetchArchive(known, out)).toBe(false);
    expect(asked).toEqual([0, 1000]);

    await importFolder(out, join(folder, "got.npz"), { labels: ["a", "b", "silence"], workers: 1 });
    expect((await readNpz(join(folder, "got.npz"))).labels).toContain("silence");
  });

  test("an archive that is there already is checked, used and kept", async () => {
    const archive = gzipSync(Buffer.concat([tarEntry("a/b.wav", "x"), Buffer.alloc(1024)]));
    const known = { url, bytes: archive.length, sha256: sha256(archive) };
    const out = join(folder, "got");
    writeFileSync(`${out}.tar.gz`, "another file");
    expect(await failure(fetchArchive(known, out))).toMatch(
      /got\.tar\.gz is not http.*expected \d+ bytes, found 12/,
    );
    writeFileSync(`${out}.tar.gz`, archive);
    expect(await fetchArchive(known, `${out}/`)).toBe(true); // as a shell completes a folder's name
    expect(asked).toEqual([]);
    expect(readdirSync(folder).sort()).toEqual(["got", "got.tar.gz"]);
  });

  test("the official archives", () => {
    for (const release of ["1", "2"] as const) {
      const { url, sha256, bytes, name } = speechCommands[release];
      expect(new URL(url).pathname).toBe(`/data/${name}.tar.gz`);
      expect(sha256).toMatch(/^[0-9a-f]{64}$/);
      expect(bytes).toBeGreaterThan(1e9);
    }
  });
});
