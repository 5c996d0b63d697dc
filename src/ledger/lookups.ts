import type Database from 'better-sqlite3'
import type { LedgerTrack } from '../core/track.ts'
import { TRACK_COLUMNS, type TrackRow, toTrack } from './rows.ts'

const COLUMNS = TRACK_COLUMNS

/** What the reconciler asks of the ledger; safe on a read-only connection of another thread. */
export interface Lookups {
  byLibraryId(libraryId: string): LedgerTrack | undefined
  byPath(path: string): LedgerTrack[]
  /** Runs some reads in one transaction, which is much cheaper than one for each; `reads` must be short and must not wait. */
  together<T>(reads: () => T): T
  /** Largest row id; 0 when there are no tracks. */
  lastId(): number
  /** Ids and paths of present tracks with `after` < id <= `last`, ascending. */
  present(after: number, last: number, limit: number): Array<{ id: number; path: string }>
  /** Present tracks whose row the library's table kept in this range when it was last seen. */
  presentInRowids(first: number, last: number): Array<{ id: number; path: string; libraryId: string | null }>
}

export function createLookups(db: Database.Database): Lookups {
  const byLibraryId = db.prepare<[string], TrackRow>(`select ${COLUMNS} from tracks where library_id = ?`)
  const byPath = db.prepare<[string], TrackRow>(
    `select ${COLUMNS} from tracks where path = ? order by state = 'present' desc, id`,
  )
  const lastId = db.prepare<[], number | null>('select max(id) from tracks').pluck()
  const present = db.prepare<[number, number, number], { id: number; path: string }>(
    "select id, path from tracks where id > ? and id <= ? and state = 'present' order by id limit ?",
  )
  const inRowids = db.prepare<[number, number], { id: number; path: string; libraryId: string | null }>(
    "select id, path, library_id as libraryId from tracks where library_rowid between ? and ? and state = 'present'",
  )
  const together = db.transaction((reads: () => unknown) => reads())
  return {
    together: <T>(reads: () => T) => together(reads) as T,
    presentInRowids: (first, last) => inRowids.all(first, last),
    byLibraryId(libraryId) {
      const row = byLibraryId.get(libraryId)
      return row === undefined ? undefined : toTrack(row)
    },
    byPath: (path) => byPath.all(path).map(toTrack),
    lastId: () => lastId.get() ?? 0,
    present: (after, last, limit) => present.all(after, last, limit),
  }
}
