import { errorCode, PermanentError, SoundledgerError, TransientError } from '../../core/errors.ts'

/** SQLite's primary result codes that may be gone at the next attempt. */
const transientCodes = new Map([
  ['SQLITE_BUSY', 'another process is writing to the vector database'],
  ['SQLITE_LOCKED', 'another connection holds the vector database'],
  ['SQLITE_IOERR', 'check the disk that holds the data directory'],
  ['SQLITE_FULL', 'free some space on the disk that holds the data directory'],
  ['SQLITE_NOMEM', 'free some memory'],
  ['SQLITE_INTERRUPT', 'it was interrupted'],
  ['SQLITE_PROTOCOL', 'another process is opening or recovering the vector database'],
])

const permanentHints = new Map([
  ['SQLITE_CORRUPT', 'move the file away and rebuild: the library and the models are enough to make it anew'],
  ['SQLITE_NOTADB', 'the file is no SQLite database: move it away or choose another data directory'],
  ['SQLITE_READONLY', 'the data directory must be writable for this user'],
  ['SQLITE_CANTOPEN', 'check that the data directory exists and that this user may read and write it'],
  ['SQLITE_PERM', 'check the permissions of the data directory'],
])

/** `SQLITE_BUSY_SNAPSHOT` -> `SQLITE_BUSY`. */
function primaryCode(code: string): string {
  return code.split('_').slice(0, 2).join('_')
}

/** Any thrown value as one of our two classes, by SQLite's code, never by its text. */
export function classify(error: unknown, operation: string, subject: string): SoundledgerError {
  if (error instanceof SoundledgerError) return error
  const code = errorCode(error)
  const primary = code === undefined ? '' : primaryCode(code)
  const text = error instanceof Error ? error.message : String(error)
  const transientHint = transientCodes.get(primary)
  const hint = transientHint ?? permanentHints.get(primary)
  const details = {
    operation,
    subject,
    message: code === undefined ? text : `${text} (${code})`,
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  }
  return transientHint === undefined ? new PermanentError(details) : new TransientError(details)
}
