import { existsSync } from 'node:fs'
import Database from 'better-sqlite3'
import { errorCode, PermanentError, TransientError } from '../core/errors.ts'
import { assertCurrent, migrate } from './schema.ts'

const FALLBACK_CHECKPOINT_PAGES = 16_000

/** Opens the ledger for its one writer: WAL, every commit on disk before it returns. */
export function openForWriting(file: string): Database.Database {
  return opening(file, () => {
    const db = new Database(file, { timeout: 5000 })
    db.pragma('journal_mode = wal')
    db.pragma('synchronous = full')
    db.pragma('foreign_keys = on')
    // Triggers keep a journal for each statement: in a file it costs two thirds of an import's system time.
    db.pragma('temp_store = memory')
    // Moving a grown log into the main file can take long: another thread does it (`openCheckpointer`), this one only if that fails.
    db.pragma(`wal_autocheckpoint = ${FALLBACK_CHECKPOINT_PAGES}`)
    migrate(db, file)
    return db
  })
}

/** Opens the ledger beside its writer; throws PermanentError when there is none yet. */
export function openForReading(file: string): Database.Database {
  if (!existsSync(file)) {
    throw new PermanentError({
      operation: 'open ledger',
      subject: file,
      message: 'there is no ledger here yet',
      hint: 'run `soundledger watch` first, or name its data directory with --data',
    })
  }
  return opening(file, () => {
    const db = new Database(file, { readonly: true, timeout: 5000 })
    assertCurrent(db, file)
    return db
  })
}

/**
 * Moves what was committed into the ledger's main file, without waiting for anyone. For a thread that may block: the writer's must
 * not. Writes no row.
 */
export function openCheckpointer(file: string): { checkpoint(): void; close(): void } {
  return opening(file, () => {
    const db = new Database(file, { fileMustExist: true, timeout: 0 })
    const passive = db.prepare('pragma wal_checkpoint(passive)')
    return { checkpoint: () => void passive.all(), close: () => void db.close() }
  })
}

function opening<T>(file: string, open: () => T): T {
  try {
    return open()
  } catch (error) {
    const code = errorCode(error) ?? ''
    if (!code.startsWith('SQLITE')) throw error
    const details = {
      operation: 'open ledger',
      subject: file,
      message: `${code}: ${(error as Error).message}`,
      cause: error,
    }
    if (/^SQLITE_(BUSY|LOCKED|IOERR|FULL|CANTOPEN)/.test(code)) {
      throw new TransientError({
        ...details,
        hint: 'check that the data directory is writable, has room, and is on a local disk',
      })
    }
    throw new PermanentError({
      ...details,
      hint: 'move the file aside; the library and the vectors stay, the ledger is made anew',
    })
  }
}
