import { availableParallelism } from "node:os";

/**
 * `Promise.all` over `items.map(task)`, but with only as many tasks under way at a time as there are processor cores, and none
 * begun once one has failed.
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
