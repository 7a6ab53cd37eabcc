/** The little of protobuf's encoding that inference messages need: fields of varints and of bytes. */

import { concatBytes, utf8ToBytes } from "@noble/hashes/utils.js";

import { CallError } from "./errors.js";

const LENGTH_DELIMITED = 2;

/** A field that holds bytes, a text or a message. */
export function field(number: number, value: Uint8Array | string): Uint8Array {
  const bytes = typeof value === "string" ? utf8ToBytes(value) : value;
  return concatBytes(varint((number << 3) | LENGTH_DELIMITED), varint(bytes.length), bytes);
}

/** A field of whole numbers, packed. */
export function packed(number: number, values: number[]): Uint8Array {
  return field(number, concatBytes(...values.map(varint)));
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  for (; value > 0x7f; value = Math.floor(value / 128)) bytes.push((value % 128) | 0x80);
  return Uint8Array.of(...bytes, value);
}

/** One field of a message: its number, and a number or bytes. */
export type Field = [number: number, value: bigint | Uint8Array];

/** All fields of a message, in order. Throws where the bytes are none. */
export function* fieldsOf(message: Uint8Array): Generator<Field> {
  const reader = new Reader(message);
  while (!reader.atEnd) {
    const tag = Number(reader.varint());
    const kind = tag & 7;
    if (kind === 0) yield [tag >> 3, reader.varint()];
    else if (kind === LENGTH_DELIMITED) yield [tag >> 3, reader.take(Number(reader.varint()))];
    else if (kind === 1 || kind === 5) yield [tag >> 3, reader.take(kind === 1 ? 8 : 4)];
    else throw senseless();
  }
}

/** Whole numbers of a field that may be packed; negative ones as they were meant. */
export function numbersOf(value: bigint | Uint8Array): number[] {
  if (typeof value === "bigint") return [Number(BigInt.asIntN(64, value))];
  const reader = new Reader(value);
  const numbers: number[] = [];
  while (!reader.atEnd) numbers.push(Number(BigInt.asIntN(64, reader.varint())));
  return numbers;
}

/** A field's text. */
export function textOf(value: bigint | Uint8Array): string {
  if (typeof value === "bigint") throw senseless();
  return new TextDecoder().decode(value);
}

class Reader {
  #at = 0;
  constructor(private readonly bytes: Uint8Array) {}

  get atEnd(): boolean {
    return this.#at >= this.bytes.length;
  }

  take(length: number): Uint8Array {
    if (length > this.bytes.length - this.#at) throw senseless();
    return this.bytes.subarray(this.#at, (this.#at += length));
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.take(1)[0];
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw senseless();
  }
}

function senseless(): CallError {
  return new CallError("The server's answer makes no sense: it is no message of the Open Inference Protocol v2.");
}
