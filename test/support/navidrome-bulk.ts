import type Database from 'better-sqlite3'
import { errorCode } from '../../src/core/errors.ts'
import type { BulkOptions } from './navidrome-commands.ts'

const SELECT_ADDITIONS = `select type, name, sql from sqlite_schema
  where tbl_name = 'media_file' and type in ('index', 'trigger') and sql is not null`
/** Ten tracks an album, ten albums an artist; ids and paths follow from the number of the track. */
const INSERT_SERIES = `
  with recursive series (n) as (select @first union all select n + 1 from series where n < @last)
  insert into media_file (id, pid, path, title, artist, album, album_artist, order_title, duration, size, suffix, bit_rate,
    sample_rate, channels, library_id, tags, participants, lyrics, created_at, updated_at, birth_time)
  select printf('s%021d', n), printf('p%021d', n),
    printf('Artist %05d/Album %06d/%07d.flac', n / 100, n / 10, n),
    printf('Song %d', n), printf('Artist %d', n / 100), printf('Album %d', n / 10), printf('Artist %d', n / 100),
    printf('song %d', n), 120 + n % 240, 20000000 + n, 'flac', 900, 44100, 2, @libraryId,
    printf('{"track":[{"value":"%d"}],"filler":"%s"}', n, @filler), printf('{"artist":[{"name":"Artist %d"}]}', n / 100),
    '[]', @now, @now, @now
  from series`

/** Inserts a numbered series of wide rows; indexes and triggers are put back afterwards unless they are not wanted. */
export function bulkInsert(database: Database.Database, options: BulkOptions): void {
  const { count, first = 1, libraryId = 1, rowBytes = 1600, indexes = true } = options
  if (count < 1) return
  const additions = database.prepare<[], { type: string; name: string; sql: string }>(SELECT_ADDITIONS).all()
  const series = {
    first,
    last: first + count - 1,
    libraryId,
    filler: 'x'.repeat(Math.max(0, rowBytes - 300)),
    now: '2026-01-01 00:00:00.123456789+00:00',
  }
  const rebuilds = count > 20_000 || !indexes
  // Without the log every page is written once; stays as it is when another process has the database open.
  const inPlace = count > 20_000 && trySetJournal(database, 'memory')
  database.transaction(() => {
    if (rebuilds) for (const { type, name } of additions) database.exec(`drop ${type} "${name}"`)
    database.prepare(INSERT_SERIES).run(series)
    if (rebuilds && indexes) for (const { sql } of additions) database.exec(sql)
  })()
  if (inPlace) trySetJournal(database, 'wal')
}

function trySetJournal(database: Database.Database, mode: string): boolean {
  try {
    return database.pragma(`journal_mode = ${mode}`, { simple: true }) === mode
  } catch (error) {
    if (errorCode(error) === 'SQLITE_BUSY') return false
    throw error
  }
}

/** The track `bulkInsert` makes of a number. */
export function bulkTrack(n: number): { id: string; path: string } {
  const digits = (value: number, length: number): string => String(Math.floor(value)).padStart(length, '0')
  return {
    id: `s${digits(n, 21)}`,
    path: `Artist ${digits(n / 100, 5)}/Album ${digits(n / 10, 6)}/${digits(n, 7)}.flac`,
  }
}
