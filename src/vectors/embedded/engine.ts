import type {
  AttributeUpdate,
  CollectionSpec,
  Hit,
  SearchOptions,
  StoredTrack,
  TrackVectors,
} from '../store.ts'
import * as collections from './collections.ts'
import { openDatabase } from './database.ts'
import type { PackedTracks } from './protocol.ts'
import * as read from './read.ts'
import * as write from './write.ts'

/** The store's calls on one connection, synchronous; each is one transaction. Runs inside the worker. */
export interface EmbeddedEngine {
  ensure(spec: CollectionSpec): void
  collections(): collections.ListedCollection[]
  switchAlias(alias: string, collection: string): void
  drop(collection: string): void
  replace(collection: string, batch: PackedTracks): void
  remove(collection: string, keys: readonly string[]): number
  update(collection: string, updates: readonly AttributeUpdate[]): number
  search(collection: string, query: Float32Array, options: SearchOptions): Hit[]
  get(collection: string, key: string): TrackVectors | null
  stored(collection: string, keys: readonly string[]): StoredTrack[]
  count(collection: string): { rows: number; tracks: number }
  page(collection: string, after: string, limit: number): StoredTrack[]
  close(): void
}

/** Opens the file (see openDatabase) and binds the calls to it. */
export function openEngine(file: string, readOnly: boolean): EmbeddedEngine {
  const db = openDatabase(file, readOnly)
  return {
    ensure: (spec) => collections.ensureCollection(db, spec),
    collections: () => collections.listCollections(db),
    switchAlias: (alias, collection) => collections.switchAlias(db, alias, collection),
    drop: (collection) => collections.dropCollection(db, collection),
    replace: (collection, batch) => write.replaceTracks(db, collection, batch),
    remove: (collection, keys) => write.removeTracks(db, collection, keys),
    update: (collection, updates) => write.updateTracks(db, collection, updates),
    search: (collection, query, options) => read.searchVectors(db, collection, query, options),
    get: (collection, key) => read.getTrack(db, collection, key),
    stored: (collection, keys) => read.storedTracks(db, collection, keys),
    count: (collection) => read.countRows(db, collection),
    page: (collection, after, limit) => read.pageOfTracks(db, collection, after, limit),
    close: () => {
      db.close()
    },
  }
}
