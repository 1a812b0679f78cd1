/*
 * Protocol Buffers' wire format, as far as ONNX needs it: https://protobuf.dev/programming-guides/encoding/
 */

/** A message under construction; fields are written in the order of the calls. */
export class Message {
  private readonly parts: Uint8Array[] = [];
  private size = 0;

  /** An integer field, or an enumeration's. Undefined writes nothing, as with the other kinds of fields. */
  integer(field: number, value: number | undefined): this {
    return value === undefined ? this : this.tag(field, 0).add(varint(value));
  }

  /** A field of 32-bit floating point. */
  float(field: number, value: number | undefined): this {
    return value === undefined ? this : this.tag(field, 5).add(new Uint8Array(Float32Array.of(value).buffer));
  }

  bytes(field: number, value: Uint8Array | undefined): this {
    return value === undefined ? this : this.tag(field, 2).add(varint(value.length)).add(value);
  }

  string(field: number, value: string | undefined): this {
    return value === undefined ? this : this.bytes(field, new TextEncoder().encode(value));
  }

  message(field: number, value: Message | undefined): this {
    if (value === undefined) return this;
    this.tag(field, 2).add(varint(value.size));
    for (const part of value.parts) this.add(part);
    return this;
  }

  /** A repeated field. */
  each<T>(values: Iterable<T>, write: (message: this, value: T) => unknown): this {
    for (const value of values) write(this, value);
    return this;
  }

  encode(): Uint8Array {
    const bytes = new Uint8Array(this.size);
    let at = 0;
    for (const part of this.parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  private tag(field: number, wireType: number): this {
    return this.add(varint(field * 8 + wireType));
  }

  private add(part: Uint8Array): this {
    this.parts.push(part);
    this.size += part.length;
    return this;
  }
}

/** Seven bits a byte, the lowest first. Negative numbers are those of 64 bits in two's complement. */
function varint(value: number): Uint8Array {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  do {
    const low = Number(rest & 127n);
    rest >>= 7n;
    bytes.push(rest > 0n ? low | 128 : low);
  } while (rest > 0n);
  return Uint8Array.from(bytes);
}
