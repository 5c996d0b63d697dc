import { PermanentError } from '../../core/errors.ts'
import type { AttributeUpdate } from '../store.ts'
import { type Collection, physicalCollection } from './collections.ts'
import type { Connection } from './database.ts'
import type { PackedTrack, PackedTracks } from './protocol.ts'
import { bytesOf, faultOf, normalised } from './unit-vector.ts'

/** `vectors_N` gives a segment 16 bits of its row id. */
export const maxSegments = 65_536

interface Known {
  readonly id: number
  readonly segments: number
  readonly available: 0 | 1
}

interface Prepared {
  readonly track: PackedTrack
  readonly vectors: readonly Float32Array[]
}

/** Row id of a vector; vec0 accepts integers only, and better-sqlite3 binds numbers as reals. */
function rowId(track: number, segment: number): bigint {
  return (BigInt(track) << 16n) | BigInt(segment)
}

function flag(available: boolean): bigint {
  return available ? 1n : 0n
}

/** The last one given counts. */
function byKey<T extends { readonly key: string }>(items: readonly T[]): T[] {
  return [...new Map(items.map((item) => [item.key, item])).values()]
}

function statements(db: Connection, id: number) {
  return {
    find: db.prepare<[string], Known>(`select id, segments, available from tracks_${id} where key = ?`),
    insertTrack: db.prepare(
      `insert into tracks_${id} (key, track_id, name, fingerprint, available, segments) values (?, ?, ?, ?, ?, ?)`,
    ),
    setTrack: db.prepare(
      `update tracks_${id} set track_id = ?, name = ?, fingerprint = ?, available = ?, segments = ? where id = ?`,
    ),
    setAttributes: db.prepare(`update tracks_${id} set track_id = ?, name = ?, available = ? where id = ?`),
    deleteTrack: db.prepare(`delete from tracks_${id} where id = ?`),
    deleteSegments: db.prepare(`delete from segments_${id} where track = ? and segment >= ?`),
    setSegment: db.prepare(
      `insert into segments_${id} (track, segment, offset_seconds, duration_seconds) values (?, ?, ?, ?)
       on conflict (track, segment) do update
       set offset_seconds = excluded.offset_seconds, duration_seconds = excluded.duration_seconds
       where (offset_seconds, duration_seconds) <> (excluded.offset_seconds, excluded.duration_seconds)`,
    ),
    insertVector: db.prepare(`insert into vectors_${id} (rowid, embedding, available) values (?, ?, ?)`),
    setVector: db.prepare(`update vectors_${id} set embedding = ? where rowid = ?`),
    setAvailable: db.prepare(`update vectors_${id} set available = ? where rowid = ?`),
    deleteVector: db.prepare(`delete from vectors_${id} where rowid = ?`),
    // `vectors_N_rowids` is vec0's own table of its rows: counting there does not read the vectors.
    counts: db.prepare<[number, bigint, bigint], { segments: number; vectors: number }>(
      `select (select count(*) from segments_${id} where track = ?) as segments,
              (select count(*) from vectors_${id}_rowids where rowid between ? and ?) as vectors`,
    ),
    addCounts: db.prepare(
      'update collections set row_count = row_count + ?, track_count = track_count + ? where id = ?',
    ),
  }
}

type Statements = ReturnType<typeof statements>

/** Unpacks and checks every vector; nothing has been written yet when this throws. */
function prepare(batch: PackedTracks, { name, dim }: Collection): Prepared[] {
  let at = 0
  return batch.tracks.map((track) => {
    const vectors = track.segments.map((segment, index) => {
      const vector = batch.values.subarray(at, at + segment.length)
      at += segment.length
      const fault =
        faultOf(vector, dim) ??
        (Number.isFinite(segment.offsetSeconds) && Number.isFinite(segment.durationSeconds)
          ? null
          : 'has an offset or a duration that is not finite')
      if (fault !== null) throw refused(name, track, `segment ${index} ${fault}`)
      return normalised(vector)
    })
    if (vectors.length === 0 || vectors.length > maxSegments) {
      throw refused(name, track, `has ${vectors.length} segments, expected 1 to ${maxSegments}`)
    }
    return { track, vectors }
  })
}

function refused(collection: string, track: PackedTrack, fault: string): PermanentError {
  return new PermanentError({
    operation: 'replace vectors',
    subject: collection,
    message: `track ${track.key} (${track.name}): ${fault}`,
  })
}

/**
 * Rows that exist are overwritten where they lie: vec0 never fills the hole that a deleted row leaves until its whole chunk
 * is empty, so delete and insert would let the file grow with every replacement.
 */
function replaceTrack(sql: Statements, { track, vectors }: Prepared): { id: number; added: number } {
  const known = sql.find.get(track.key)
  const available = flag(track.available)
  const id = known?.id ?? insertTrack(sql, track)
  const before = known?.segments ?? 0
  if (known !== undefined) {
    sql.setTrack.run(track.trackId, track.name, track.fingerprint, available, vectors.length, id)
    sql.deleteSegments.run(id, vectors.length)
    for (let segment = vectors.length; segment < before; segment += 1)
      sql.deleteVector.run(rowId(id, segment))
  }
  vectors.forEach((vector, segment) => {
    const { offsetSeconds = 0, durationSeconds = 0 } = track.segments[segment] ?? {}
    sql.setSegment.run(id, segment, offsetSeconds, durationSeconds)
    if (segment >= before) sql.insertVector.run(rowId(id, segment), bytesOf(vector), available)
    else {
      sql.setVector.run(bytesOf(vector), rowId(id, segment))
      if (known?.available !== Number(available)) sql.setAvailable.run(available, rowId(id, segment))
    }
  })
  return { id, added: vectors.length - before }
}

function insertTrack(sql: Statements, track: PackedTrack): number {
  const { key, trackId, name, fingerprint, available, segments } = track
  return Number(
    sql.insertTrack.run(key, trackId, name, fingerprint, flag(available), segments.length).lastInsertRowid,
  )
}

function verify(sql: Statements, operation: string, collection: string, id: number, expected: number): void {
  const found = sql.counts.get(id, rowId(id, 0), rowId(id, maxSegments - 1))
  if (found?.segments === expected && found.vectors === expected) return
  throw new PermanentError({
    operation,
    subject: collection,
    message: `track row ${id} has ${found?.segments} segments and ${found?.vectors} vectors, expected ${expected}`,
    hint: 'the vector database is damaged: rebuild this model',
  })
}

/** See VectorStore.replace. One transaction: all of these tracks or none. */
export function replaceTracks(db: Connection, name: string, batch: PackedTracks): void {
  const operation = 'replace vectors'
  db.transaction(() => {
    const collection = physicalCollection(db, operation, name)
    const sql = statements(db, collection.id)
    let rows = 0
    let tracks = 0
    for (const prepared of byKey(prepare(batch, collection).map((it) => ({ ...it, key: it.track.key })))) {
      const existed = sql.find.get(prepared.key) !== undefined
      const { id, added } = replaceTrack(sql, prepared)
      verify(sql, operation, name, id, prepared.vectors.length)
      rows += added
      tracks += existed ? 0 : 1
    }
    sql.addCounts.run(rows, tracks, collection.id)
  }).immediate()
}

/** See VectorStore.remove. */
export function removeTracks(db: Connection, name: string, keys: readonly string[]): number {
  const operation = 'remove tracks'
  return db
    .transaction(() => {
      const collection = physicalCollection(db, operation, name)
      const sql = statements(db, collection.id)
      let rows = 0
      let tracks = 0
      for (const key of keys) {
        const known = sql.find.get(key)
        if (known === undefined) continue
        for (let segment = 0; segment < known.segments; segment += 1) {
          sql.deleteVector.run(rowId(known.id, segment))
        }
        sql.deleteSegments.run(known.id, 0)
        sql.deleteTrack.run(known.id)
        verify(sql, operation, name, known.id, 0)
        rows += known.segments
        tracks += 1
      }
      sql.addCounts.run(-rows, -tracks, collection.id)
      return rows
    })
    .immediate()
}

/** See VectorStore.update. The vectors' own flag is touched only where it changes. */
export function updateTracks(db: Connection, name: string, updates: readonly AttributeUpdate[]): number {
  return db
    .transaction(() => {
      const collection = physicalCollection(db, 'update attributes', name)
      const sql = statements(db, collection.id)
      let tracks = 0
      for (const update of byKey(updates)) {
        const known = sql.find.get(update.key)
        if (known === undefined) continue
        const available = flag(update.available)
        sql.setAttributes.run(update.trackId, update.name, available, known.id)
        if (known.available !== Number(available)) {
          for (let segment = 0; segment < known.segments; segment += 1) {
            sql.setAvailable.run(available, rowId(known.id, segment))
          }
        }
        tracks += 1
      }
      return tracks
    })
    .immediate()
}
