import type { Random } from "../../base/random.js";

/**
 * Applies mixup to a batch in place (H. Zhang et al., "mixup: Beyond Empirical Risk Minimization", 2018). With the given
 * probability a clip is mixed with another of the batch, in shares drawn from Beta(alpha, alpha). A clip keeps the larger
 * share of itself, so that its label remains the likelier one.
 *
 * @param waves `[size, clipLength]`
 * @returns by row, the row that was mixed in, and the row's own share
 */
export function mixUp(
  waves: Float32Array,
  size: number,
  { probability, alpha }: { probability: number; alpha: number },
  random: Random,
): { partners: Int32Array; shares: Float32Array } {
  const clipLength = waves.length / size;
  const partners = random.shuffle(Int32Array.from({ length: size }, (_, row) => row));
  const shares = new Float32Array(size).fill(1);
  const before = waves.slice();
  for (let row = 0; row < size; row++) {
    if (random.uniform() >= probability) continue;
    const drawn = beta(alpha, random);
    const share = Math.fround(Math.max(drawn, 1 - drawn));
    shares[row] = share;
    const own = row * clipLength;
    const other = partners[row]! * clipLength;
    for (let i = 0; i < clipLength; i++) {
      waves[own + i] = share * before[own + i]! + (1 - share) * before[other + i]!;
    }
  }
  return { partners, shares };
}

/** Draws from Beta(alpha, alpha): the share of one of two gamma variates in their sum. */
export function beta(alpha: number, random: Random): number {
  const a = logGamma(alpha, random);
  const b = logGamma(alpha, random);
  return 1 / (1 + Math.exp(b - a));
}

/**
 * Draws the logarithm of a variate from Gamma(shape, 1). The variate itself would underflow for small shapes.
 * Source: G. Marsaglia and W. W. Tsang, "A simple method for generating gamma variables" (2000).
 */
function logGamma(shape: number, random: Random): number {
  if (shape < 1) return logGamma(shape + 1, random) + Math.log(1 - random.uniform()) / shape;
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = random.normal();
    const v = (1 + c * x) ** 3;
    if (v <= 0) continue;
    if (Math.log(1 - random.uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return Math.log(d * v);
  }
}
