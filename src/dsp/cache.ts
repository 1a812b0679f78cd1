/**
 * Remembers what `create` made for the `limit` keys used last: tables (twiddle factors, windows, filter banks) that
 * take longer to make than one short clip takes to transform. What it returns is shared and must not be written to.
 */
export function remember<Key extends string | number, Value>(
  limit: number,
  create: (key: Key) => Value,
): (key: Key) => Value {
  const known = new Map<Key, Value>();
  return (key) => {
    const value = known.get(key) ?? create(key);
    // A Map lists its keys in the order of insertion, so the first one is the one that was used longest ago.
    known.delete(key);
    known.set(key, value);
    if (known.size > limit) known.delete(known.keys().next().value as Key);
    return value;
  };
}
