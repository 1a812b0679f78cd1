import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { serveHttp } from "../helpers/http-server.js";
import { fail, succeed } from "../helpers/kws.js";
import { writeSpeechCommands } from "../helpers/speech-commands.js";

const cwd = mkdtempSync(join(tmpdir(), "keyspot-download-cli-"));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const download = (...flags: string[]) => ["data", "download", ...flags];

test("offline it says so in one line", async () => {
  const message = /cannot download http:\/\/127\.0\.0\.1:9\/x: no connection to 127\.0\.0\.1:9 .*online\?$/m;
  await fail(download("--url", "http://127.0.0.1:9/x"), 1, message, { cwd });
  expect(readdirSync(cwd)).toEqual([]);
});

test("a server with another file is found out before anything is written", async () => {
  const { url, close } = await serveHttp((_, response) => response.end("not the archive"));
  await fail(download("--url", `${url}/x`), 1, /has 15 bytes, expected 2428923189/, {
    cwd,
  });
  await fail(download("--release", "1", "--url", `${url}/x`), 1, /expected 1489096277/, {
    cwd,
  });
  close();
  expect(readdirSync(cwd)).toEqual([]);
});

test("a folder that is there already is imported", async () => {
  mkdirSync(join(cwd, "sub"));
  writeSpeechCommands(join(cwd, "sub", "speech_commands_v0.01"), {
    words: ["a", "b"],
    speakers: 10,
    rate: 8000,
  });
  const args = download("--release", "1", "--labels", "a,b,silence");
  const { stdout, stderr } = await succeed(args, { cwd: join(cwd, "sub") });
  expect(stderr).toMatch(/speech_commands_v0\.01 exists already: nothing was downloaded/);
  expect(stdout).toMatch(/^speech_commands_v0\.01\.npz: \d+ clips at 8000 Hz/);
});

test("one line for wrong usage", async () => {
  await fail(download("--release", "3"), 2, /Allowed choices are 1, 2/, { cwd });
  await fail(download("-o", "a.wav"), 2, /--out: expected a \.npz file, found a\.wav/, { cwd });
  await fail(download("--url", "ftp://x/y"), 2, /--url: expected an address that begins with http/, { cwd });
});
