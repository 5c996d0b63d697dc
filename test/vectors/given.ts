import type { CollectionSpec, TrackVectors, VectorStore } from '../../src/vectors/store.ts'

export const dim = 8

/** A unit vector; the same seed gives the same one. */
export function unit(seed: number, size = dim): Float32Array {
  let state = (seed * 2_654_435_761 + 1) >>> 0
  const values = Float64Array.from({ length: size }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32 - 0.5
  })
  const length = Math.hypot(...values)
  return Float32Array.from(values, (value) => value / length)
}

/** A unit vector along one axis. */
export function axis(index: number): Float32Array {
  return Float32Array.from({ length: dim }, (_, at) => (at === index ? 1 : 0))
}

/** A mixture of two axes with the given cosine to the first one. */
export function tilted(first: number, second: number, cosine: number): Float32Array {
  const vector = new Float32Array(dim)
  vector[first] = cosine
  vector[second] = Math.sqrt(1 - cosine * cosine)
  return vector
}

export function keyOf(number: number): string {
  return number.toString(16).padStart(32, '0')
}

/** A track with one segment for each vector. */
export function track(number: number, vectors: readonly Float32Array[], extra: Partial<TrackVectors> = {}) {
  const given: TrackVectors = {
    key: keyOf(number),
    trackId: `id-${number}`,
    name: `artist - title ${number}`,
    available: true,
    fingerprint: `fingerprint-${number}`,
    segments: vectors.map((embedding, index) => ({
      offsetSeconds: index * 15,
      durationSeconds: 120.5,
      embedding,
    })),
    ...extra,
  }
  return given
}

export const spec: CollectionSpec = {
  name: 'timbre_embedding__0123abcd',
  alias: 'timbre_embedding',
  dim,
  modelId: 'soundledger/timbre-1',
}

export const nextSpec: CollectionSpec = { ...spec, name: 'timbre_embedding__ffff0000' }

/** All pages of a collection. */
export async function pagesOf(store: VectorStore, collection: string, pageSize?: number) {
  return await Array.fromAsync(store.tracks(collection, pageSize))
}

/** Whether an error is of this class, not a mere Error, and says all of these words. */
export function failure(kind: new (...args: never[]) => Error, ...words: string[]): (error: unknown) => true {
  return (error) => {
    if (!(error instanceof kind)) throw new Error(`expected ${kind.name}`, { cause: error })
    const text =
      'describe' in error && typeof error.describe === 'function' ? String(error.describe()) : error.message
    for (const word of words) {
      if (!text.includes(word)) throw new Error(`expected "${word}" in: ${text}`, { cause: error })
    }
    return true
  }
}
