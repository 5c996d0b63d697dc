import { randomUUID } from 'node:crypto'
import { accessSync, type BigIntStats, constants } from 'node:fs'
import { dirname, resolve } from 'node:path'
import Database from 'better-sqlite3'
import { PermanentError, TransientError } from '../core/errors.ts'
import { statPath } from './file-stat.ts'
import { breaksConnection, navidromeError } from './navidrome-errors.ts'
import { type NavidromeStatements, prepareStatements } from './navidrome-statements.ts'

const OPERATION = 'open library'
/** How long a query waits for a lock of the server before it fails as transient. */
const BUSY_TIMEOUT_MS = 2000

interface Connection {
  readonly database: Database.Database
  readonly statements: NavidromeStatements
  readonly file: string
  readonly generation: number
}

/**
 * A foreign SQLite database as a read-only guest. States: closed, open on one file (told by device and inode). A file
 * that was replaced is noticed by `current()`, which then opens the new one; a failure that breaks the connection drops
 * it, so that the next `current()` opens afresh.
 *
 * The main file is never opened through `fs`: closing it there would drop SQLite's locks on it.
 *
 * What cannot be helped: while any reader is connected, a server that stops leaves its `-wal` behind, and whoever then puts
 * another file in the place of the database without removing `-wal` and `-shm` makes the server apply the old log to it.
 * `close()` before such a swap, or remove all three files.
 */
export class NavidromeDatabase {
  readonly path: string
  /** Every connection counts its data versions from 2: two objects must not seem to have seen the same. */
  readonly #instance = randomUUID()
  #connection: Connection | undefined
  #generation = 0
  #closed = false

  constructor(path: string) {
    this.path = resolve(path)
  }

  /** The connection to the file that is at the path now. Throws what opening throws. */
  current(): NavidromeStatements {
    return this.#connect().statements
  }

  /** The connection itself, to the file that is at the path now. Throws what opening throws. */
  connection(): Database.Database {
    return this.#connect().database
  }

  /** Queries of a page must all come from one file: throws TransientError when it was replaced since `statements` were made. */
  query<T>(operation: string, run: (statements: NavidromeStatements) => T, statements = this.current()): T {
    if (this.#connection?.statements !== statements) {
      throw new TransientError({
        operation,
        subject: this.path,
        message: 'the connection was closed or its file replaced meanwhile',
        hint: 'take a new snapshot',
      })
    }
    try {
      return run(statements)
    } catch (error) {
      if (breaksConnection(error)) this.#drop()
      throw navidromeError(operation, this.path, error)
    }
  }

  /** Changes with every foreign commit and every replacement of the file. */
  version(): string {
    const { file, generation, statements } = this.#connect()
    const dataVersion = this.query('read library version', () => statements.dataVersion.get(), statements)
    return `${file}:${this.#instance}:${generation}:${dataVersion}`
  }

  close(): void {
    this.#closed = true
    this.#drop()
  }

  #connect(): Connection {
    if (this.#closed) {
      throw new PermanentError({
        operation: OPERATION,
        subject: this.path,
        message: 'the library was closed',
      })
    }
    const stats = this.#existingFile()
    const file = `${stats.dev}:${stats.ino}`
    if (this.#connection !== undefined && this.#connection.file === file) return this.#connection
    this.#drop()
    refuseToLeaveTraces(this.path, stats)
    this.#generation += 1
    this.#connection = { ...connect(this.path), file, generation: this.#generation }
    return this.#connection
  }

  /** Lets go of a file that is gone, so that a new one of this name does not meet the old one's `-shm`. */
  #existingFile(): BigIntStats {
    try {
      return existingFile(this.path)
    } catch (error) {
      this.#drop()
      throw error
    }
  }

  #drop(): void {
    this.#connection?.database.close()
    this.#connection = undefined
  }
}

function connect(path: string): Pick<Connection, 'database' | 'statements'> {
  let database: Database.Database | undefined
  try {
    database = new Database(path, { readonly: true, fileMustExist: true, timeout: BUSY_TIMEOUT_MS })
    database.pragma('query_only = on')
    return { database, statements: prepareStatements(database, path) }
  } catch (error) {
    database?.close()
    throw navidromeError(OPERATION, path, error)
  }
}

function existingFile(path: string): BigIntStats {
  const stated = statPath(path)
  if (stated.kind === 'file') return stated.stats
  if (stated.kind === 'absent') {
    throw new TransientError({
      operation: OPERATION,
      subject: path,
      message: 'the file does not exist; expected the database of a Navidrome server',
      hint: 'start the server once, mount its data folder, or correct library.database',
    })
  }
  throw new PermanentError({
    operation: OPERATION,
    subject: path,
    message: `expected a database file, found ${stated.kind === 'failed' ? stated.cause : `a ${stated.kind}`}`,
    hint: 'point library.database to navidrome.db itself and let soundledger read it',
  })
}

/**
 * A read-only connection to a WAL database creates `-wal` and `-shm` where they are missing, under our user; the server
 * of another user can then no longer write. Whether the database is in WAL mode cannot be seen without opening it, so
 * this refuses for any journal mode: Navidrome always uses WAL, and its `-shm` exists as long as it runs.
 */
function refuseToLeaveTraces(path: string, stats: BigIntStats): void {
  const uid = process.getuid?.()
  if (uid === undefined || BigInt(uid) === stats.uid) return
  if (statPath(`${path}-shm`).kind === 'file' || !isWritable(dirname(path))) return
  throw new TransientError({
    operation: OPERATION,
    subject: path,
    message:
      `it belongs to user ${stats.uid}, soundledger runs as user ${uid}, and there is no -shm file: opening it would ` +
      'create one that the server may not write',
    hint: `start the server first, run soundledger as user ${stats.uid}, or mount the folder read-only`,
  })
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK)
    return true
  } catch {
    // Any failure to get at the folder means that no file can be created in it.
    return false
  }
}
