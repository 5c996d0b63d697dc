import { errorCode, PermanentError, SoundledgerError, TransientError } from '../../core/errors.ts'

/** What was being done when something failed: "replace vectors" of "timbre_embedding__0011aabb". */
export interface Task {
  readonly operation: string
  readonly subject: string
}

/** An error as it crosses from the worker to its client; classes do not survive the crossing. */
export interface WireError extends Task {
  readonly transient: boolean
  readonly message: string
  readonly hint: string | null
  /** SQLite's result code, where the failure came from SQLite. */
  readonly code: string | null
}

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

/** Any thrown value in the form that crosses threads, classified by SQLite's code, never by its text. */
export function toWire(error: unknown, task: Task): WireError {
  if (error instanceof SoundledgerError) {
    const { transient, operation, subject, message, hint } = error
    return {
      transient,
      operation,
      subject,
      message,
      hint: hint ?? null,
      code: errorCode(error.cause) ?? null,
    }
  }
  const code = errorCode(error) ?? null
  const primary = code === null ? '' : primaryCode(code)
  const transientHint = transientCodes.get(primary)
  const text = error instanceof Error ? error.message : String(error)
  return {
    ...task,
    transient: transientHint !== undefined,
    message: code === null ? text : `${text} (${code})`,
    hint: transientHint ?? permanentHints.get(primary) ?? null,
    code,
  }
}

/** The error class that `toWire` took apart. */
export function fromWire(wire: WireError): SoundledgerError {
  const { transient, operation, subject, message, hint, code } = wire
  const details = {
    operation,
    subject,
    message,
    ...(hint === null ? {} : { hint }),
    ...(code === null ? {} : { cause: Object.assign(new Error(message), { code }) }),
  }
  return transient ? new TransientError(details) : new PermanentError(details)
}
