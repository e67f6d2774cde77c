/** Adds gradients and hessians of rows `start` up to `end` of `order` to the bins of one feature, two places a bin from `offset` on. `g` and `h` are in the order of `order`. */
export function addOne(
  histogram: Float64Array,
  bins: Uint8Array,
  column: number,
  offset: number,
  order: Int32Array,
  g: Float32Array,
  h: Float32Array,
  start: number,
  end: number,
): void {
  for (let i = start; i < end; i++) {
    const at = offset + (bins[column + order[i]!]! << 1);
    histogram[at]! += g[i]!;
    histogram[at + 1]! += h[i]!;
  }
}

/** The same for a feature that nearly always has one value: one sum after another in one place is what takes the time. */
export function addUnusual(
  histogram: Float64Array,
  bins: Uint8Array,
  column: number,
  offset: number,
  usual: number,
  order: Int32Array,
  g: Float32Array,
  h: Float32Array,
  start: number,
  end: number,
): void {
  for (let i = start; i < end; i++) {
    const bin = bins[column + order[i]!]!;
    if (bin === usual) continue;
    const at = offset + (bin << 1);
    histogram[at]! += g[i]!;
    histogram[at + 1]! += h[i]!;
  }
}

/** Two features in one pass over the rows: what is read of a row serves both. */
export function addTwo(
  histogram: Float64Array,
  bins: Uint8Array,
  one: number,
  oneOffset: number,
  two: number,
  twoOffset: number,
  order: Int32Array,
  g: Float32Array,
  h: Float32Array,
  start: number,
  end: number,
): void {
  for (let i = start; i < end; i++) {
    const row = order[i]!;
    const gradient = g[i]!;
    const hessian = h[i]!;
    const a = oneOffset + (bins[one + row]! << 1);
    histogram[a]! += gradient;
    histogram[a + 1]! += hessian;
    const b = twoOffset + (bins[two + row]! << 1);
    histogram[b]! += gradient;
    histogram[b + 1]! += hessian;
  }
}
