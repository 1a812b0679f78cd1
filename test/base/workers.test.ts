import { expect, test } from "vitest";
import { UserError } from "../../src/base/errors.js";
import { runInThreads } from "../../src/base/workers.js";

const program = new URL("./thread.js", import.meta.url);
const run = (tasks: Iterable<number>, threads = 2) =>
  runInThreads<number, string>(program, tasks, { threads, setup: "did" });

async function all(results: AsyncIterable<string>): Promise<string[]> {
  const found: string[] = [];
  for await (const result of results) found.push(result);
  return found;
}

test("results come in the order of the tasks, whichever thread is faster", async () => {
  const tasks = [50, 0, 20, 1, 0, 30, 2];
  expect(await all(run(tasks))).toEqual(tasks.map((task) => `did ${task}`));
  expect(await all(run([], 1))).toEqual([]);
});

test("tasks are taken as fast as results are", async () => {
  let taken = 0;
  function* tasks() {
    for (; taken < 100; taken++) yield 0;
  }
  const results = run(tasks());
  for (let read = 1; read <= 10; read++) {
    await results.next();
    expect(taken).toBeLessThanOrEqual(read + 3);
  }
  await results.return(undefined);
  expect(taken).toBeLessThan(20);
});

test("an error is that of the first task that failed; a user error stays one", async () => {
  const found: string[] = [];
  const failing = async () => {
    for await (const result of run([20, 1, -1, 13])) found.push(result);
  };
  const error = (await failing().catch((thrown: unknown) => thrown)) as UserError;
  expect(error).toBeInstanceOf(UserError);
  expect(error).toMatchObject({ name: "UserError", exitCode: 2 });
  expect(error.message).toBe("expected a task of at least 0, found -1");
  expect(found).toEqual(["did 20", "did 1"]);

  const bug = (await all(run([13])).catch((thrown: unknown) => thrown)) as Error;
  expect(bug).not.toBeInstanceOf(UserError);
  expect(bug).toMatchObject({ name: "TypeError", message: "a bug" });
  expect(bug.stack).toContain("thread.ts");
});

test("a program that cannot be loaded is an error", async () => {
  const missing = runInThreads(new URL("./missing.js", import.meta.url), [1], { threads: 2, setup: 0 });
  await expect(missing.next()).rejects.toThrow(/missing/);
});

test("a thread that ends is an error", { timeout: 10_000 }, async () => {
  await expect(all(run([1, 99, 1]))).rejects.toThrow("a worker thread ended with code 7");
});
