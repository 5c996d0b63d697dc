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

/** All rows of one track under one model: at least one segment. */
export interface TrackVectors extends RowAttributes {
  readonly key: TrackKey
  readonly fingerprint: string
  readonly segments: readonly Segment[]
}

export interface AttributeUpdate extends RowAttributes {
  readonly key: TrackKey
}

export interface SearchOptions {
  /** At most this many hits, best first; 1 to 4096. */
  readonly k: number
  /** Rows of these tracks are left out. */
  readonly exclude?: readonly TrackKey[]
  /** Only these library ids are considered; an empty list finds nothing. */
  readonly trackIds?: readonly string[]
  /** Also rows with `available` false; default false. */
  readonly includeUnavailable?: boolean
}

export interface Hit extends RowAttributes {
  readonly key: TrackKey
  readonly segment: number
  readonly offsetSeconds: number
  /** Cosine similarity, -1 to 1, within 1e-5. */
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
 * Every method either succeeds verifiably or throws TransientError or PermanentError. A collection that does not exist is a
 * PermanentError naming it. Calls that write take physical names; those that read (search, get, stored, count, tracks) take
 * aliases too. A key that is given twice in one call counts as its last. Strings are kept as they are if they are well-formed
 * Unicode. Limits that hold for every adapter: dim up to 8192, 1 to 65,536 segments a track.
 */
export interface VectorStore {
  /**
   * Creates the collection, or checks the existing one (dim, model id) and throws PermanentError naming both values when it
   * differs; nothing is dropped. An alias that does not exist yet is pointed at it; an existing alias is left alone. No name
   * may be an alias and a collection at once.
   */
  ensure(spec: CollectionSpec): Promise<void>
  /** Physical collections that exist, with their alias when one points at them. */
  collections(): Promise<Array<{ name: string; alias: string | null; dim: number; modelId: string }>>
  /** Points the alias at another existing collection, in one step; an alias that does not exist is created. */
  switchAlias(alias: string, collection: string): Promise<void>
  /** Drops a collection; refused (PermanentError) while an alias points at it. A missing one is no error, an alias is. */
  drop(collection: string): Promise<void>
  /**
   * Replaces all rows of these tracks: delete, insert, verify counts; a track is replaced whole or not at all. Vectors are
   * checked before anything is deleted: dim, finite, unit length within 1e-3, else PermanentError naming the track; then no
   * track of the call is changed. The caller's arrays are left as they are and may be reused at once.
   */
  replace(collection: string, tracks: readonly TrackVectors[]): Promise<void>
  /** Removes all rows of these tracks and returns how many rows went. */
  remove(collection: string, keys: readonly TrackKey[]): Promise<number>
  /** Rewrites attributes of all rows of these tracks, keeping vectors. Returns how many tracks were found. */
  update(collection: string, updates: readonly AttributeUpdate[]): Promise<number>
  /**
   * The k nearest rows by cosine similarity. A query may have any length but 0; PermanentError when its dim differs or a
   * number is not finite.
   */
  search(collection: string, query: Float32Array, options: SearchOptions): Promise<Hit[]>
  /** The rows of one track, by segment, vectors within 1e-3 of what was given (normalised); null when there are none. */
  get(collection: string, key: TrackKey): Promise<TrackVectors | null>
  /** What is stored of these tracks (absent ones are left out). */
  stored(collection: string, keys: readonly TrackKey[]): Promise<StoredTrack[]>
  count(collection: string): Promise<{ rows: number; tracks: number }>
  /**
   * All tracks of a collection in pages by key, ascending; no page is empty. Each page is read for itself: what is written
   * meanwhile is seen if its key is still to come, and never blocks or repeats a page. Default 1000 tracks a page.
   */
  tracks(collection: string, pageSize?: number): AsyncIterable<StoredTrack[]>
  /** Finishes the calls under way; later ones throw PermanentError. May be called twice. */
  close(): Promise<void>
}
