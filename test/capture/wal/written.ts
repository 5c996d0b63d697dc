import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import Database from 'better-sqlite3'
import type { WalFile } from '../../../src/capture/wal/committed-since.ts'
import { readWal } from '../../../src/capture/wal/reader.ts'
import type { WalPosition, WalRead } from '../../../src/capture/wal/wal.ts'

export type Sqlite = Database.Database
export type Pages = Extract<WalRead, { kind: 'pages' }>
export type Lost = Extract<WalRead, { kind: 'lost' }>

export interface Written {
  readonly path: string
  readonly wal: string
  readonly writer: Sqlite
  /** Another connection to the same database; closed after the test. */
  readonly open: () => Sqlite
}

/** A database in WAL mode with a table `t(id, x)`; nothing checkpoints by itself. */
export function written(t: TestContext, pageSize = 1024): Written {
  const folder = mkdtempSync(join(tmpdir(), 'soundledger-wal-'))
  const path = join(folder, 'library.db')
  const connections: Sqlite[] = []
  t.after(() => {
    for (const connection of connections) connection.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const open = () => {
    const connection = new Database(path)
    connections.push(connection)
    connection.pragma('wal_autocheckpoint = 0')
    connection.pragma('synchronous = off')
    return connection
  }
  const writer = open()
  writer.pragma(`page_size = ${pageSize}`)
  writer.pragma('journal_mode = wal')
  writer.exec('create table t (id integer primary key, x)')
  return { path, wal: `${path}-wal`, writer, open }
}

/** One transaction that inserts rows of so many random bytes each. */
export function insert(connection: Sqlite, rows: number, bytes = 100): void {
  const statement = connection.prepare('insert into t (x) values (randomblob(?))')
  connection.transaction(() => {
    for (let row = 0; row < rows; row += 1) statement.run(bytes)
  })()
}

/** A transaction too big for the cache, so that frames of it are in the WAL before it ends. */
export function beginSpill(connection: Sqlite, rows = 60): void {
  connection.pragma('cache_size = 5')
  connection.pragma('cache_spill = 5')
  connection.exec('begin')
  const statement = connection.prepare('insert into t (x) values (randomblob(700))')
  for (let row = 0; row < rows; row += 1) statement.run()
}

export function rolledBackSpill(connection: Sqlite, rows = 60): void {
  beginSpill(connection, rows)
  connection.exec('rollback')
}

/** Makes the next write begin at the front of the WAL. */
export function reset(writer: Sqlite): void {
  writer.pragma('wal_checkpoint(passive)')
}

/** A WAL whose second generation is shorter than its first, with a position at the end of the second. */
export function secondGeneration(t: TestContext) {
  const database = written(t)
  insert(database.writer, 80, 900)
  reset(database.writer)
  insert(database.writer, 20, 900)
  return { ...database, before: image(database.writer), position: positionOf(readWal(database.wal, null)) }
}

/** `committed-since` over bytes instead of a file. */
export function over(bytes: Uint8Array, inode = 'a'): WalFile {
  return { inode, read: (offset, length) => bytes.subarray(offset, offset + length) }
}

/** The position after the last commit in a WAL; fails where there is none. */
export function positionOf(read: WalRead): WalPosition {
  assert.ok(read.position !== null, 'has a position')
  return read.position
}

export function asPages(read: WalRead): Pages {
  assert.ok(read.kind === 'pages', `pages, not ${read.kind === 'lost' ? read.reason : ''}`)
  return read
}

export function asLost(read: WalRead): Lost {
  assert.ok(read.kind === 'lost', 'lost')
  return read
}

/** The whole database as SQLite reads it through the WAL. */
export function image(connection: Sqlite): Buffer {
  return connection.serialize()
}

/** An older image with the reported pages written over it, cut or grown to the reported size. */
export function patched(older: Buffer, read: Pages): Buffer {
  if (read.databasePages === null) return older
  const size = read.databasePages * read.pageSize
  const newer = Buffer.alloc(size)
  older.copy(newer, 0, 0, Math.min(size, older.length))
  for (const [page, content] of read.pages) {
    if (page <= read.databasePages) newer.set(content, (page - 1) * read.pageSize)
  }
  return newer
}

/** Asserts equality page by page, so that a failure names the page and not a megabyte. */
export function assertSameImage(actual: Buffer, expected: Buffer, pageSize: number): void {
  assert.equal(actual.length, expected.length)
  const different: number[] = []
  for (let at = 0; at < expected.length; at += pageSize) {
    if (!actual.subarray(at, at + pageSize).equals(expected.subarray(at, at + pageSize))) {
      different.push(at / pageSize + 1)
    }
  }
  assert.deepEqual(different, [], 'pages that differ')
}

export function bytesOf(wal: string): Buffer {
  return readFileSync(wal)
}
