/** How far from 1 the length of a vector may be. */
const tolerance = 1e-3

/** Why these numbers are no vector of the collection; null when they are. */
export function faultOf(vector: Float32Array, dim: number): string | null {
  if (vector.length !== dim) return `has ${vector.length} numbers, expected ${dim}`
  const length = lengthOf(vector)
  if (!Number.isFinite(length)) return 'has numbers that are not finite'
  if (Math.abs(length - 1) > tolerance) return `has length ${length}, expected 1 within ${tolerance}`
  return null
}

/** Euclidean length, in double precision. */
export function lengthOf(vector: Float32Array): number {
  let sum = 0
  for (const value of vector) sum += value * value
  return Math.sqrt(sum)
}

/** The vector with length 1 within float precision. */
export function normalised(vector: Float32Array): Float32Array {
  const length = lengthOf(vector)
  return vector.map((value) => value / length)
}

/**
 * Cosine similarity of two unit vectors from their Euclidean distance: |a - b|^2 = 2 - 2 a.b. The order by distance is the
 * order by cosine, and vec0 computes the distance a quarter faster.
 */
export function cosineFromDistance(distance: number): number {
  return Math.max(-1, 1 - (distance * distance) / 2)
}

/** The vector's bytes, without a copy, as SQLite wants them. */
export function bytesOf(vector: Float32Array): Buffer {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength)
}

/** A vector from SQLite's bytes, copied because a Buffer need not be aligned. */
export function vectorFrom(bytes: Buffer): Float32Array {
  return new Float32Array(Uint8Array.from(bytes).buffer)
}
