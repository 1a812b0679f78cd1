/**
 * Maps an index to its place in a signal that continues as its mirror image at both ends (`numpy.pad`'s
 * "reflect").
 */
export function reflectedIndex(index: number, length: number): number {
  if (length === 1) return 0;
  const period = 2 * (length - 1);
  const inPeriod = ((index % period) + period) % period;
  return Math.min(inPeriod, period - inPeriod);
}
