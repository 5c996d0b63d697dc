import { existsSync } from 'node:fs'
import Database from 'better-sqlite3'
import { errorCode, PermanentError, TransientError } from '../core/errors.ts'
import { assertCurrent, migrate } from './schema.ts'

/** Opens the ledger for its one writer: WAL, every commit on disk before it returns. */
export function openForWriting(file: string): Database.Database {
  return opening(file, () => {
    const db = new Database(file, { timeout: 5000 })
    db.pragma('journal_mode = wal')
    db.pragma('synchronous = full')
    db.pragma('foreign_keys = on')
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

function opening(file: string, open: () => Database.Database): Database.Database {
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
