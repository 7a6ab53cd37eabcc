/** The secret matrices Q, (k, k) row by row in float64, made of words of a seed's stream. */

import type { SecretSpec } from "./bundle.js";
import { normal, uniform, wordsForNormal } from "./stream.js";

/** How many words of the stream a matrix takes. */
export function wordsForMatrix({ kind, components }: SecretSpec): number {
  if (kind === "rotation") return 1;
  return kind === "orthogonal" ? wordsForNormal(components ** 2) : components;
}

/** The matrix that these words make. */
export function matrixOf({ kind, components }: SecretSpec, drawn: bigint[]): Float64Array {
  if (kind === "rotation") return rotation(2 * Math.PI * uniform(drawn[0]));
  return kind === "orthogonal" ? haar(normal(drawn, components ** 2), components) : permutation(drawn);
}

function rotation(theta: number): Float64Array {
  const [cos, sin] = [Math.cos(theta), Math.sin(theta)];
  return Float64Array.of(cos, -sin, sin, cos);
}

/**
 * The Q of A = QR with R's diagonal positive, which has Haar's law on O(k) where A's numbers are normal
 * (Mezzadri 2007). By Gram and Schmidt, each column made orthogonal twice, which is as exact as Householder's.
 */
function haar(normals: Float64Array, k: number): Float64Array {
  const q = Float64Array.from(normals);
  for (let column = 0; column < k; column++) {
    for (let pass = 0; pass < 2; pass++) {
      for (let before = 0; before < column; before++) {
        const along = dot(q, k, before, column);
        for (let row = 0; row < k; row++) q[row * k + column] -= along * q[row * k + before];
      }
    }
    const length = Math.sqrt(dot(q, k, column, column));
    for (let row = 0; row < k; row++) q[row * k + column] /= length;
  }
  return q;
}

function dot(q: Float64Array, k: number, one: number, other: number): number {
  let sum = 0;
  for (let row = 0; row < k; row++) sum += q[row * k + one] * q[row * k + other];
  return sum;
}

/** Q[i, j] = 1 where row j of M goes out as row i: the rows in the order of their words. */
function permutation(drawn: bigint[]): Float64Array {
  const k = drawn.length;
  const order = drawn.map((_, at) => at).sort((a, b) => (drawn[a] < drawn[b] ? -1 : drawn[a] > drawn[b] ? 1 : a - b));
  const q = new Float64Array(k * k);
  order.forEach((row, place) => (q[place * k + row] = 1));
  return q;
}
