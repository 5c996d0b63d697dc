import { existsSync } from 'node:fs'
import Database from 'better-sqlite3'
import { load as loadVec } from 'sqlite-vec'
import { PermanentError, TransientError } from '../../core/errors.ts'

export type Connection = Database.Database

const operation = 'open vector database'

/** Each entry lifts the file from version `index` to `index + 1`. Entries are never edited, only added. */
const migrations: readonly string[] = [
  `create table collections (
     id integer primary key autoincrement,
     name text not null unique,
     dim integer not null,
     model_id text not null,
     created_ms integer not null,
     row_count integer not null default 0,
     track_count integer not null default 0
   ) strict;
   create table aliases (
     alias text primary key,
     collection integer not null references collections (id)
   ) strict, without rowid;`,
]

/**
 * Pages of 16 KiB: a chunk of vectors is one long blob, and short chains of overflow pages are read twice as fast as with
 * 4 KiB pages. Memory mapping would save another 3 ms in 17, but turns a disk error into a crash of the process.
 */
const pageBytes = 16_384
const cacheKiB = 16_384
const busyTimeoutMs = 5_000
const walLimitBytes = 64 * 1024 * 1024

/**
 * Opens `vectors.db`, creating and migrating it unless read-only. Throws PermanentError for a file that is newer than the
 * program, that is not ours, or (read-only) that is not there; SQLite's own errors otherwise.
 */
export function openDatabase(file: string, readOnly: boolean): Connection {
  const exists = existsSync(file)
  if (readOnly && !exists) {
    throw new PermanentError({
      operation,
      subject: file,
      message: 'the file does not exist',
      hint: 'it is created by the first `soundledger watch`',
    })
  }
  const db = openFile(file, readOnly, exists)
  try {
    configure(db, readOnly)
    loadVec(db)
    if (readOnly) checkVersion(db, file)
    else migrate(db, file)
  } catch (error) {
    db.close()
    throw error
  }
  return db
}

function openFile(file: string, readOnly: boolean, exists: boolean): Connection {
  try {
    return new Database(file, { readonly: readOnly, fileMustExist: readOnly, timeout: busyTimeoutMs })
  } catch (error) {
    // The code alone does not tell "no such folder" from "the writer is just closing": the file being there does.
    if (!readOnly || !exists) throw error
    throw new TransientError({
      operation,
      subject: file,
      message: error instanceof Error ? error.message : String(error),
      hint: 'try again; a read-only data directory needs a running writer',
      cause: error,
    })
  }
}

function configure(db: Connection, readOnly: boolean): void {
  db.pragma(`cache_size = -${cacheKiB}`)
  if (readOnly) return
  db.pragma(`page_size = ${pageBytes}`)
  db.pragma('journal_mode = wal')
  db.pragma('synchronous = full')
  db.pragma('foreign_keys = on')
  db.pragma(`journal_size_limit = ${walLimitBytes}`)
}

function version(db: Connection): number {
  return Number(db.pragma('user_version', { simple: true }))
}

function refuseNewer(found: number, file: string): void {
  if (found <= migrations.length) return
  throw new PermanentError({
    operation,
    subject: file,
    message: `the file has version ${found}, this program knows versions up to ${migrations.length}`,
    hint: 'use the soundledger release that wrote it, or a newer one',
  })
}

function checkVersion(db: Connection, file: string): void {
  const found = version(db)
  refuseNewer(found, file)
  if (found === migrations.length) return
  throw new PermanentError({
    operation,
    subject: file,
    message: `the file has version ${found}, expected ${migrations.length}, and is open read-only`,
    hint: 'start `soundledger watch` once, which brings it up to date',
  })
}

function migrate(db: Connection, file: string): void {
  if (version(db) === migrations.length) return
  db.transaction(() => {
    const found = version(db)
    refuseNewer(found, file)
    if (found === 0 && db.prepare('select 1 from sqlite_schema').get() !== undefined) {
      throw new PermanentError({
        operation,
        subject: file,
        message: 'the file is a SQLite database that soundledger did not make',
        hint: 'choose another data directory',
      })
    }
    for (const migration of migrations.slice(found)) db.exec(migration)
    db.pragma(`user_version = ${migrations.length}`)
  }).immediate()
}
