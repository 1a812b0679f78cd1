import { availableParallelism } from "node:os";

/**
 * Runs `task` on all items and returns the results in order, with at most one task per processor core at a time. No task
 * is started after one has failed. The tasks wait for other processes, so no threads are needed.
 */
export async function mapParallel<T, R>(items: readonly T[], task: (item: T) => Promise<R>): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  const work = async () => {
    try {
      for (let i = next++; i < items.length; i = next++) results[i] = await task(items[i]!);
    } catch (error) {
      next = items.length;
      throw error;
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return results;
}
