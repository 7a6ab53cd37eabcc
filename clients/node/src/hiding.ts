/**
 * X = QM, and row 0 of Qᵀh, of one image. Rows lie one after another in one array. Sums are taken in float64, from
 * row 0 on, and rounded once to float32, so that one image always sends the same x.
 */

/** Hide the rows of M: mixed by Q, or, where `permuted`, in secret order. */
export function hide(rows: Float32Array, q: Float64Array, permuted: boolean): Float32Array {
  const k = Math.sqrt(q.length);
  const size = rows.length / k;
  const x = new Float32Array(rows.length);
  for (let i = 0; i < k; i++) {
    if (permuted) {
      const row = q.subarray(i * k, (i + 1) * k).indexOf(1);
      x.set(rows.subarray(row * size, (row + 1) * size), i * size);
      continue;
    }
    for (let at = 0; at < size; at++) {
      let sum = q[i * k] * rows[at];
      for (let j = 1; j < k; j++) sum += q[i * k + j] * rows[j * size + at];
      x[i * size + at] = sum;
    }
  }
  return x;
}

/** Undo it, and keep what became of the feature. */
export function reveal(h: Float32Array, q: Float64Array, permuted: boolean): Float32Array {
  const k = Math.sqrt(q.length);
  const size = h.length / k;
  if (permuted) {
    const place = Array.from({ length: k }, (_, i) => q[i * k]).indexOf(1);
    return h.slice(place * size, (place + 1) * size);
  }
  const feature = new Float32Array(size);
  for (let at = 0; at < size; at++) {
    let sum = q[0] * h[at];
    for (let i = 1; i < k; i++) sum += q[i * k] * h[i * size + at];
    feature[at] = sum;
  }
  return feature;
}
