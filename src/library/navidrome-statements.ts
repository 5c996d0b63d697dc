import type Database from 'better-sqlite3'
import { PermanentError, TransientError } from '../core/errors.ts'

/** One row of `media_file` as SQLite gives it: column types are only affinities, so nothing is taken for granted. */
export interface MediaFileRow {
  readonly rowid: number
  readonly id: unknown
  readonly path: unknown
  readonly library: unknown
  readonly title: unknown
  readonly artist: unknown
  readonly album: unknown
  readonly duration: unknown
  readonly missing: unknown
}

export interface LibraryRow {
  readonly id: unknown
  readonly path: unknown
  /** Null where the schema has no such column. */
  readonly startedAt: unknown
}

export interface NavidromeStatements {
  /** Parameters: the last rowid seen, the last one wanted, how many rows at most. */
  readonly page: Database.Statement<[number, number, number], MediaFileRow>
  readonly libraries: Database.Statement<[], LibraryRow>
  /** The value of `missing` of one id. */
  readonly missing: Database.Statement<[string], unknown>
  readonly dataVersion: Database.Statement<[], number>
}

const SELECT_COLUMNS =
  'select m.name as "table", c.name as "column" from sqlite_schema m, pragma_table_info(m.name) c'
const SELECT_DATA_VERSION = 'pragma data_version'
const REQUIRED = {
  media_file: ['id', 'path', 'library_id', 'title', 'artist', 'album', 'duration'],
  library: ['id', 'path'],
} as const

/**
 * Prepares the queries for the schema that is found: `missing` exists since 0.55, `last_scan_started_at` too.
 * Throws PermanentError where a needed table or column is absent, TransientError where there are no tables yet.
 */
export function prepareStatements(database: Database.Database, path: string): NavidromeStatements {
  const columns = readColumns(database)
  if (columns.size === 0) {
    throw new TransientError({
      operation: 'open library',
      subject: path,
      message: 'the database has no tables; expected those of Navidrome',
      hint: 'start the server once, so that it creates them',
    })
  }
  const lacking = Object.entries(REQUIRED).flatMap(([table, names]) =>
    names.filter((name) => !columns.has(`${table}.${name}`)).map((name) => `${table}.${name}`),
  )
  if (lacking.length > 0) {
    throw new PermanentError({
      operation: 'open library',
      subject: path,
      message: `expected a Navidrome database, but it lacks ${lacking.join(', ')}`,
      hint: 'point library.database to navidrome.db of Navidrome 0.53 or later',
    })
  }
  const missing = columns.has('media_file.missing') ? 'missing' : '0'
  const startedAt = columns.has('library.last_scan_started_at') ? 'last_scan_started_at' : 'null'
  return {
    page: database.prepare(
      `select rowid, id, path, library_id as library, title, artist, album, duration, ${missing} as missing
       from media_file where rowid > ? and rowid <= ? order by rowid limit ?`,
    ),
    libraries: database.prepare(`select id, path, ${startedAt} as startedAt from library order by id`),
    missing: database.prepare<[string], unknown>(`select ${missing} from media_file where id = ?`).pluck(),
    dataVersion: database.prepare<[], number>(SELECT_DATA_VERSION).pluck(),
  }
}

function readColumns(database: Database.Database): Set<string> {
  const rows = database
    .prepare<[], { table: string; column: string }>(
      `${SELECT_COLUMNS} where m.name in ('media_file', 'library')`,
    )
    .all()
  if (rows.length > 0) return new Set(rows.map((row) => `${row.table}.${row.column}`))
  const tables = database.prepare<[], string>('select name from sqlite_schema').pluck().all()
  return new Set(tables)
}
