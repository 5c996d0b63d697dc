import type { Segment } from '../core/model.ts'
import type { TrackKey } from '../core/track.ts'

/** One physical collection: the vectors of one model identity. Distance is cosine; vectors have unit length. */
export interface CollectionSpec {
  /** Physical name, `<alias>__<digest8>`: letters, digits, underscore. */
  readonly name: string
  /** The name readers use. */
  readonly alias: string
  readonly dim: number
  readonly modelId: string
}

/** What a row says of its track besides the vector. */
export interface RowAttributes {
  /** The library's id of the track. */
  readonly trackId: string
  /** "artist - title". */
  readonly name: string
  /** False hides the track from search while its vectors are kept. */
  readonly available: boolean
}

/** All rows of one track under one model. */
export interface TrackVectors extends RowAttributes {
  readonly key: TrackKey
  readonly fingerprint: string
  readonly segments: readonly Segment[]
}

export interface AttributeUpdate extends RowAttributes {
  readonly key: TrackKey
}

export interface SearchOptions {
  /** At most this many hits, best first. */
  readonly k: number
  /** Rows of these tracks are left out. */
  readonly exclude?: readonly TrackKey[]
  /** Only these library ids are considered. */
  readonly trackIds?: readonly string[]
  /** Also rows with `available` false; default false. */
  readonly includeUnavailable?: boolean
}

export interface Hit extends RowAttributes {
  readonly key: TrackKey
  readonly segment: number
  readonly offsetSeconds: number
  /** Cosine similarity, -1 to 1. */
  readonly score: number
}

/** What the store holds of one track: enough to audit it, without vectors. */
export interface StoredTrack extends RowAttributes {
  readonly key: TrackKey
  readonly fingerprint: string
  readonly segments: number
}

/**
 * Where vectors live. Keys are deterministic (`<track_key>:<segment>`), so every call may be repeated without harm.
 * Every method either succeeds verifiably or throws TransientError or PermanentError.
 */
export interface VectorStore {
  /**
   * Creates the collection, or checks the existing one (dim, model id) and throws PermanentError naming both values when it
   * differs; nothing is dropped. An alias that does not exist yet is pointed at it; an existing alias is left alone.
   */
  ensure(spec: CollectionSpec): Promise<void>
  /** Physical collections that exist, with their alias when one points at them. */
  collections(): Promise<Array<{ name: string; alias: string | null; dim: number; modelId: string }>>
  /** Points the alias at another existing collection, in one step. */
  switchAlias(alias: string, collection: string): Promise<void>
  /** Drops a collection; refused (PermanentError) while an alias points at it. A missing one is no error. */
  drop(collection: string): Promise<void>
  /**
   * Replaces all rows of these tracks: delete, insert, verify counts; a track is replaced whole or not at all. Vectors are
   * checked before anything is deleted: dim, finite, unit length within 1e-3, else PermanentError naming the track.
   */
  replace(collection: string, tracks: readonly TrackVectors[]): Promise<void>
  /** Removes all rows of these tracks and returns how many rows went. */
  remove(collection: string, keys: readonly TrackKey[]): Promise<number>
  /** Rewrites attributes of all rows of these tracks, keeping vectors. Returns how many tracks were found. */
  update(collection: string, updates: readonly AttributeUpdate[]): Promise<number>
  /** The k nearest rows by cosine similarity. `collection` may be an alias. */
  search(collection: string, query: Float32Array, options: SearchOptions): Promise<Hit[]>
  /** The rows of one track, by segment; empty when there are none. `collection` may be an alias. */
  get(collection: string, key: TrackKey): Promise<TrackVectors | null>
  /** What is stored of these tracks (absent ones are left out). */
  stored(collection: string, keys: readonly TrackKey[]): Promise<StoredTrack[]>
  count(collection: string): Promise<{ rows: number; tracks: number }>
  /** All tracks of a collection in pages by key, ascending. */
  tracks(collection: string, pageSize?: number): AsyncIterable<StoredTrack[]>
  /** May be called twice. */
  close(): Promise<void>
}
