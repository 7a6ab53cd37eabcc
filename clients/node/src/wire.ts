/** x from float32 to the type that travels, and h back (docs/adr/0020). */

import { InputError } from "./errors.js";

/** The manifest's `wire`. */
export interface WireSpec {
  dtype: "float32" | "float16" | "int8";
  x_scale: number | null;
  h_scale: number | null;
}

/** Names of the types in the protocol, and their bytes. */
export const DATATYPES = { float32: "FP32", float16: "FP16", int8: "INT8" } as const;
export const BYTES = { float32: 4, float16: 2, int8: 1 } as const;
const LARGEST_INT8 = 127;
const LARGEST_FLOAT16 = 65504;

/** The bytes of x of one image, of `blocks` components (1 where these travel as samples by themselves). */
export function toWire(x: Float32Array, wire: WireSpec, blocks: number): Uint8Array {
  if (!x.every(Number.isFinite)) throw new InputError("A feature of this image is no finite number; nothing was sent.");
  const bytes = new Uint8Array(x.length * BYTES[wire.dtype]);
  const view = new DataView(bytes.buffer);
  if (wire.dtype === "int8") {
    toInt8(x, wire.x_scale!, blocks).forEach((value, at) => view.setInt8(at, value));
  } else if (wire.dtype === "float16") {
    x.forEach((value, at) => view.setUint16(2 * at, float16(value), true));
  } else {
    x.forEach((value, at) => view.setFloat32(4 * at, value, true));
  }
  return bytes;
}

/** h of the bytes that came. */
export function fromWire(bytes: Uint8Array, wire: WireSpec): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const h = new Float32Array(bytes.length / BYTES[wire.dtype]);
  for (let at = 0; at < h.length; at++) {
    if (wire.dtype === "int8") h[at] = view.getInt8(at) * Math.fround(wire.h_scale!);
    else h[at] = wire.dtype === "float16" ? fromFloat16(view.getUint16(2 * at, true)) : view.getFloat32(4 * at, true);
  }
  return h;
}

/** Whole steps; what is beyond the range over its components is shortened and keeps its direction. */
function toInt8(x: Float32Array, scale: number, blocks: number): Int8Array {
  const size = x.length / blocks;
  const steps = x.map((value) => value / Math.fround(scale));
  const whole = new Int8Array(x.length);
  for (let at = 0; at < size; at++) {
    const parts = Array.from({ length: blocks }, (_, block) => steps[block * size + at]);
    const shorten = Math.fround(LARGEST_INT8 / Math.max(Math.fround(Math.hypot(...parts)), LARGEST_INT8));
    parts.forEach((part, block) => (whole[block * size + at] = halfToEven(Math.fround(part * shorten))));
  }
  return whole;
}

function halfToEven(value: number): number {
  const below = Math.floor(value);
  if (value - below !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}

/** The 16 bits of IEEE 754's half precision, halves to even. */
function float16(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size >= LARGEST_FLOAT16 + 16) {
    throw new InputError("A feature of this image is beyond what float16 holds; nothing was sent.");
  }
  const exponent = Math.max(Math.floor(Math.log2(size || 1)), -14); // below 2⁻¹⁴, steps are all 2⁻²⁴
  const low = 2 ** exponent > size && exponent > -14 ? exponent - 1 : exponent; // log2 may round up
  const steps = halfToEven(size * 2 ** (10 - low)); // of 2^(low - 10); 1024 and more are normal numbers
  return sign + (steps < 1024 ? steps : ((low + 15) << 10) + steps - 1024);
}

function fromFloat16(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? (1024 + fraction) * 2 ** (exponent - 25) : fraction * 2 ** -24);
}
