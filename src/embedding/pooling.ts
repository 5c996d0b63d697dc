import type { Segment } from '../core/model.ts'

/**
 * One segment for a whole track: the mean of its windows' vectors, scaled to unit length.
 *
 * `vectors` is [windows, dim], row after row. The mean of opposite vectors may have no direction (length below 1e-12 of
 * the longest row's); the first row with a direction stands in for it then, and the first unit vector (1, 0, 0, ...) where
 * every row is zero. So the result is finite, of length 1 and the same on every run, whatever finite numbers come in.
 * Sums are taken in double precision over rows scaled by the largest number, so nothing overflows.
 * @throws RangeError when `vectors` holds no whole row or a number that is not finite.
 */
export function poolMean(vectors: Float32Array, dim: number, durationSeconds: number): Segment {
  const rows = vectors.length / dim
  if (!Number.isInteger(dim) || dim < 1 || !Number.isInteger(rows) || rows < 1) {
    throw new RangeError(`found ${vectors.length} numbers, expected one or more rows of ${dim}`)
  }
  const largest = largestMagnitude(vectors)
  if (!Number.isFinite(largest)) throw new RangeError('found a number that is not finite')
  return { offsetSeconds: 0, durationSeconds, embedding: direction(vectors, dim, largest) }
}

function direction(vectors: Float32Array, dim: number, largest: number): Float32Array {
  if (largest > 0) {
    const mean = new Float64Array(dim)
    const rows = vectors.length / dim
    for (let index = 0; index < vectors.length; index++) {
      const column = index % dim
      mean[column] = (mean[column] ?? 0) + (vectors[index] ?? 0) / largest / rows
    }
    const pooled = unit(mean, 1e-12)
    if (pooled) return pooled
    for (let start = 0; start < vectors.length; start += dim) {
      const row = Float64Array.from(vectors.subarray(start, start + dim), (value) => value / largest)
      const first = unit(row, 1e-12)
      if (first) return first
    }
  }
  const fallback = new Float32Array(dim)
  fallback[0] = 1
  return fallback
}

function unit(vector: Float64Array, shortest: number): Float32Array | null {
  let squares = 0
  for (const value of vector) squares += value * value
  const length = Math.sqrt(squares)
  return length > shortest ? Float32Array.from(vector, (value) => value / length) : null
}

function largestMagnitude(vectors: Float32Array): number {
  let largest = 0
  for (const value of vectors) largest = Math.max(largest, Math.abs(value))
  return largest
}
