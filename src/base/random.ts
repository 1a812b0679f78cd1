/**
 * The project's random generator: every split, shuffle, initial weight, dropout mask and augmentation draws from it.
 *
 * `Math.random` cannot be seeded, and the state of a single generator would have to be saved with every checkpoint.
 * Here each use opens its own stream, named by the seed and its purpose (`new Random(seed, "shuffle", epoch)`). A run
 * can therefore be resumed bit for bit from its position alone.
 *
 * The generator is sfc32 (Chris Doty-Humphrey, PractRand), its state seeded from the names by MurmurHash3.
 */
export class Random {
  private a: number;
  private b: number;
  private c: number;
  private counter = 1;

  constructor(seed: number, ...stream: readonly (string | number)[]) {
    const text = `${seed}|${stream.join("|")}`;
    this.a = hash32(text, 0x9e3779b9);
    this.b = hash32(text, 0x243f6a88);
    this.c = hash32(text, 0xb7e15162);
    for (let i = 0; i < 12; i++) this.uint32();
  }

  /** Draws a whole number in [0, 2^32). */
  uint32(): number {
    const t = (((this.a + this.b) | 0) + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (this.c << 21) | (this.c >>> 11);
    this.c = (this.c + t) | 0;
    return t >>> 0;
  }

  /** Draws uniformly from [0, 1), with 53 random bits. */
  uniform(): number {
    const high = this.uint32() >>> 5;
    const low = this.uint32() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }

  /** Draws uniformly from [low, high). */
  between(low: number, high: number): number {
    return low + (high - low) * this.uniform();
  }

  /** Draws a whole number in [0, bound). */
  integer(bound: number): number {
    return Math.floor(this.uniform() * bound);
  }

  /** Draws from the standard normal distribution (Box and Muller). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** Shuffles in place (Fisher and Yates) and returns the same array. */
  shuffle<T extends { length: number; [index: number]: unknown }>(items: T): T {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const held = items[i];
      items[i] = items[j];
      items[j] = held;
    }
    return items;
  }

  /** Draws one of the items. */
  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError("cannot pick from no items");
    return items[this.integer(items.length)] as T;
  }
}

/** Computes the 32-bit MurmurHash3 (Austin Appleby) of a text's UTF-16 units. */
export function hash32(text: string, seed = 0): number {
  let h = seed | 0;
  for (let i = 0; i < text.length; i++) {
    let k = Math.imul(text.charCodeAt(i), 0xcc9e2d51);
    k = (k << 15) | (k >>> 17);
    h ^= Math.imul(k, 0x1b873593);
    h = (h << 13) | (h >>> 19);
    h = (Math.imul(h, 5) + 0xe6546b64) | 0;
  }
  return mix32(h ^ text.length);
}

/** MurmurHash3's finaliser: each input bit affects about half of the output bits. */
export function mix32(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
