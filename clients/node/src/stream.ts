/** From a seed to numbers: SHAKE-256 (FIPS 202) spreads it into words of 64 bits; these become uniform and normal. */

import { shake256 } from "@noble/hashes/sha3.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";

/** Spread a seed into `count` words; other labels, unrelated words. */
export function words(label: string, seed: Uint8Array, count: number): bigint[] {
  const stream = shake256
    .create({ dkLen: 8 * count })
    .update(utf8ToBytes(label))
    .update(seed)
    .digest();
  const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength);
  return Array.from({ length: count }, (_, at) => view.getBigUint64(8 * at, true));
}

/** How many words `count` normal numbers take: whole pairs. */
export function wordsForNormal(count: number): number {
  return 2 * Math.ceil(count / 2);
}

/** A number in [0, 1), a multiple of 2⁻⁵³. */
export function uniform(word: bigint): number {
  return Number(word >> 11n) * 2 ** -53;
}

/** Standard normal numbers by Box and Muller (1958): the first half of the words gives radii, the second angles. */
export function normal(drawn: bigint[], count: number): Float64Array {
  const half = drawn.length / 2;
  const numbers = new Float64Array(drawn.length);
  for (let at = 0; at < half; at++) {
    const radius = Math.sqrt(-2 * Math.log1p(-uniform(drawn[at]))); // 1 - u lies in (0, 1]
    const angle = 2 * Math.PI * uniform(drawn[half + at]);
    numbers[at] = radius * Math.cos(angle);
    numbers[half + at] = radius * Math.sin(angle);
  }
  return numbers.subarray(0, count);
}
