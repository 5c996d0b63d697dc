import { PermanentError } from '../../core/errors.ts'
import type { Hit, SearchOptions, StoredTrack, TrackVectors } from '../store.ts'
import { type Collection, readableCollection } from './collections.ts'
import type { Connection } from './database.ts'
import { bytesOf, cosineFromDistance, lengthOf, normalised, vectorFrom } from './unit-vector.ts'

/** vec0 returns at most so many rows of one search. */
const maxNeighbours = 4096

interface StoredRow extends Omit<StoredTrack, 'available'> {
  readonly available: 0 | 1
}

interface HitRow extends Omit<Hit, 'available' | 'score'> {
  readonly available: 0 | 1
  readonly distance: number
}

interface SegmentRow {
  readonly offsetSeconds: number
  readonly durationSeconds: number
  readonly embedding: Buffer
}

const storedColumns = 'key, track_id as trackId, name, fingerprint, available, segments'

function stored({ key, trackId, name, fingerprint, available, segments }: StoredRow): StoredTrack {
  return { key, trackId, name, fingerprint, available: available === 1, segments }
}

function checkQuery(operation: string, { name, dim }: Collection, query: Float32Array): void {
  const length = lengthOf(query)
  if (query.length === dim && Number.isFinite(length) && length > 0) return
  throw new PermanentError({
    operation,
    subject: name,
    message:
      query.length === dim
        ? `the query has length ${length}, expected finite numbers that are not all 0`
        : `the query has ${query.length} numbers, expected ${dim}`,
  })
}

function checkPositive(operation: string, subject: string, what: string, value: number, most: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= most) return
  throw new PermanentError({
    operation,
    subject,
    message: `${what} is ${value}, expected a whole number from 1 to ${most}`,
  })
}

/** Row ids of `vectors_N` that the filters leave. */
function candidates(id: number, trackIds: boolean): string {
  return `
    select t.id << 16 | s.segment from tracks_${id} t join segments_${id} s on s.track = t.id
    where t.key not in (select value from json_each(@exclude))
    ${trackIds ? 'and t.track_id in (select value from json_each(@trackIds))' : ''}`
}

interface Filters {
  readonly onlyAvailable: boolean
  /** Name the rows that may be found; without, enough neighbours are fetched to leave out the excluded ones. */
  readonly byRowId: boolean
  readonly byTrackId: boolean
}

function searchSql(id: number, { onlyAvailable, byRowId, byTrackId }: Filters): string {
  return `
    with near as materialized (
      select rowid, distance from vectors_${id}
      where embedding match @query and k = @neighbours
      ${onlyAvailable ? 'and available = 1' : ''}
      ${byRowId ? `and rowid in (${candidates(id, byTrackId)})` : ''}
    )
    select t.key, s.segment, t.track_id as trackId, t.name, t.available, s.offset_seconds as offsetSeconds, near.distance
    from near
    cross join tracks_${id} t on t.id = near.rowid >> 16
    cross join segments_${id} s on s.track = t.id and s.segment = near.rowid & 65535
    where t.key not in (select value from json_each(@exclude))
    order by near.distance, t.key, s.segment
    limit @k`
}

function excludedRows(db: Connection, id: number, keys: string): number {
  const sql = `select coalesce(sum(segments), 0) from tracks_${id} where key in (select value from json_each(?))`
  return db.prepare<[string], number>(sql).pluck().get(keys) ?? 0
}

/** See VectorStore.search. Exact: every vector that the filters leave is compared. */
export function searchVectors(
  db: Connection,
  name: string,
  query: Float32Array,
  options: SearchOptions,
): Hit[] {
  const operation = 'search'
  const { k, exclude = [], trackIds, includeUnavailable = false } = options
  checkPositive(operation, name, 'k', k, maxNeighbours)
  return db.transaction(() => {
    const collection = readableCollection(db, operation, name)
    checkQuery(operation, collection, query)
    const excluded = JSON.stringify(exclude)
    const neighbours = k + (exclude.length === 0 ? 0 : excludedRows(db, collection.id, excluded))
    const filters = {
      onlyAvailable: !includeUnavailable,
      byRowId: trackIds !== undefined || neighbours > maxNeighbours,
      byTrackId: trackIds !== undefined,
    }
    const rows = db.prepare<[Record<string, unknown>], HitRow>(searchSql(collection.id, filters)).all({
      query: bytesOf(normalised(query)),
      neighbours: BigInt(filters.byRowId ? k : neighbours),
      k,
      exclude: excluded,
      ...(trackIds === undefined ? {} : { trackIds: JSON.stringify(trackIds) }),
    })
    return rows.map(({ distance, available, ...row }) => ({
      ...row,
      available: available === 1,
      score: cosineFromDistance(distance),
    }))
  })()
}

/** See VectorStore.get. */
export function getTrack(db: Connection, name: string, key: string): TrackVectors | null {
  return db.transaction(() => {
    const { id } = readableCollection(db, 'get track', name)
    const track = db.prepare<[string], StoredRow & { id: number }>(
      `select id, ${storedColumns} from tracks_${id} where key = ?`,
    )
    const found = track.get(key)
    if (found === undefined) return null
    const segments = db.prepare<[number], SegmentRow>(
      `select s.offset_seconds as offsetSeconds, s.duration_seconds as durationSeconds, v.embedding
       from segments_${id} s cross join vectors_${id} v on v.rowid = s.track << 16 | s.segment
       where s.track = ? order by s.segment`,
    )
    const { trackId, fingerprint, available } = found
    return {
      key,
      trackId,
      name: found.name,
      fingerprint,
      available: available === 1,
      segments: segments.all(found.id).map((row) => ({ ...row, embedding: vectorFrom(row.embedding) })),
    }
  })()
}

/** See VectorStore.stored. In the order of the keys. */
export function storedTracks(db: Connection, name: string, keys: readonly string[]): StoredTrack[] {
  return db.transaction(() => {
    const { id } = readableCollection(db, 'look up tracks', name)
    const sql = `select ${storedColumns} from tracks_${id} where key in (select value from json_each(?)) order by key`
    return db.prepare<[string], StoredRow>(sql).all(JSON.stringify(keys)).map(stored)
  })()
}

/** See VectorStore.count. Read from the collection's record, which every writing transaction keeps. */
export function countRows(db: Connection, name: string): { rows: number; tracks: number } {
  const { rows, tracks } = readableCollection(db, 'count', name)
  return { rows, tracks }
}

/** At most `limit` tracks whose key comes after `after`, ascending. */
export function pageOfTracks(db: Connection, name: string, after: string, limit: number): StoredTrack[] {
  const operation = 'list tracks'
  checkPositive(operation, name, 'page size', limit, Number.MAX_SAFE_INTEGER)
  return db.transaction(() => {
    const { id } = readableCollection(db, operation, name)
    const sql = `select ${storedColumns} from tracks_${id} where key > ? order by key limit ?`
    return db.prepare<[string, number], StoredRow>(sql).all(after, limit).map(stored)
  })()
}
