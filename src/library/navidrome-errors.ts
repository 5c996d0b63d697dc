import { errorCode, PermanentError, SoundledgerError, TransientError } from '../core/errors.ts'

interface Meaning {
  readonly transient: boolean
  readonly message: string
  readonly hint: string
}

const UNREADABLE: Meaning = {
  transient: true,
  message: 'SQLite cannot open it or its -wal and -shm files',
  hint: 'start the server, run soundledger as the same user, and let it read the folder of the database',
}

/** By SQLite's primary result code: the part of an extended code before the second underscore. */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  SQLITE_BUSY: {
    transient: true,
    message: 'the database is locked by the server',
    hint: 'wait until the server lets go of it',
  },
  SQLITE_LOCKED: {
    transient: true,
    message: 'a table is locked by the server',
    hint: 'wait until the server lets go of it',
  },
  SQLITE_PROTOCOL: {
    transient: true,
    message: 'the locks of its -wal file are contended',
    hint: 'wait; if it stays so, restart the server',
  },
  SQLITE_CANTOPEN: UNREADABLE,
  SQLITE_READONLY: UNREADABLE,
  SQLITE_PERM: UNREADABLE,
  SQLITE_AUTH: UNREADABLE,
  SQLITE_IOERR: {
    transient: true,
    message: 'reading the file failed',
    hint: 'look at the disk and the mount',
  },
  SQLITE_CORRUPT: {
    transient: true,
    message: 'the database is damaged, or was being copied over while it was read',
    hint: 'if it stays so, run "pragma integrity_check" and restore a backup',
  },
  SQLITE_NOTADB: {
    transient: false,
    message: 'the file is no SQLite database',
    hint: 'point library.database to navidrome.db in the data folder of the server',
  },
}

/**
 * A failure of the library's database as Transient- or PermanentError, by SQLite's result code. A statement that fails
 * for another reason met tables it does not know: permanent.
 */
export function navidromeError(operation: string, database: string, error: unknown): SoundledgerError {
  if (error instanceof SoundledgerError) return error
  const code = errorCode(error) ?? ''
  const meaning = MEANINGS[code.split('_').slice(0, 2).join('_')]
  const detail = error instanceof Error ? error.message : String(error)
  if (meaning === undefined) {
    return new PermanentError({
      operation,
      subject: database,
      message: `${detail}${code === '' ? '' : ` (${code})`}; expected the tables of Navidrome`,
      hint: 'use Navidrome 0.53 or later, or update soundledger',
      cause: error,
    })
  }
  const details = {
    operation,
    subject: database,
    message: `${meaning.message}: ${detail} (${code})`,
    hint: meaning.hint,
    cause: error,
  }
  return meaning.transient ? new TransientError(details) : new PermanentError(details)
}

/** Whether the connection itself is of no more use after this failure. */
export function breaksConnection(error: unknown): boolean {
  const code = errorCode(error) ?? ''
  return /^SQLITE_(CORRUPT|NOTADB|IOERR|CANTOPEN)/.test(code)
}
