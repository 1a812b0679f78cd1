/**
 * Keeps the values of the `limit` most recently used keys. It is meant for tables (twiddle factors, windows, filter
 * banks) that take longer to compute than one short clip takes to transform. Returned values are shared and must not
 * be written to.
 */
export class Cache<Key extends string | number, Value> {
  private readonly known = new Map<Key, Value>();
  private readonly limit: number;

  constructor(limit: number) {
    this.limit = limit;
  }

  get(key: Key, create: (key: Key) => Value): Value {
    const value = this.known.get(key) ?? create(key);
    // A Map lists its keys in the order of insertion, so the first one is the least recently used.
    this.known.delete(key);
    this.known.set(key, value);
    if (this.known.size > this.limit) this.known.delete(this.known.keys().next().value as Key);
    return value;
  }
}
