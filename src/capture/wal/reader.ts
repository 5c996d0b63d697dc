import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { errorCode, PermanentError, type SoundledgerError, TransientError } from '../../core/errors.ts'
import { committedSince, type WalOptions } from './committed-since.ts'
import type { ReadBytes } from './parse.ts'
import type { WalPosition, WalRead } from './wal.ts'

const PERMANENT_CODES = new Set(['EACCES', 'EPERM', 'EISDIR', 'ELOOP', 'ENAMETOOLONG'])

/**
 * Reads which pages of a database were committed since `position`, from its `-wal` file alone
 * (https://sqlite.org/walformat.html). Synchronous; opens, reads and closes only `walPath`, writes nothing, takes no lock.
 *
 * `pages` promises: every commit written to the WAL after `position` and before the call is in it, or was overtaken by
 * newer content of the same page; no transaction without a commit frame is; salts and checksums vouch for every byte. It
 * may hold pages past `databasePages` when the database shrank, and goes across one reset of the WAL where the file still
 * shows all of the generation before.
 *
 * `lost` says that this cannot be promised: no position, no file, an empty or shorter one, another one, resets since the
 * position, a header or frames that do not match, too many pages. Its position is the end of the last commit at that time.
 * To go on from there without a gap, keep the position first and take the full diff *after* it: a commit in between is
 * then seen twice, not missed. After a null position the next answer is `lost` again, and is to be treated the same way.
 *
 * It does not promise that SQL shows a commit already: a writer syncs frames before it publishes them to other
 * connections. When `PRAGMA data_version` moves and no new commit is found, the pages of the read before are what became
 * visible. A writer that dies in between never publishes; where its frames are overwritten, a later call answers `lost`.
 *
 * Throws `PermanentError` when the file may not be read or is none, `TransientError` for other failures of reading.
 */
export function readWal(walPath: string, position: WalPosition | null, options: WalOptions = {}): WalRead {
  const file = open(walPath)
  if (file === null) return { kind: 'lost', reason: 'there is no WAL file', position: null }
  try {
    const stat = fstatSync(file, { bigint: true })
    if (!stat.isFile()) throw failure(walPath, 'not a regular file', undefined)
    return committedSince(
      { inode: `${stat.dev}:${stat.ino}`, read: reading(file, walPath) },
      position,
      options,
    )
  } finally {
    closeSync(file)
  }
}

function open(walPath: string): number | null {
  try {
    // Non-blocking, so that a named pipe in its place does not hang the thread; regular files do not care.
    return openSync(walPath, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return null
    throw failed(walPath, error)
  }
}

function reading(file: number, walPath: string): ReadBytes {
  let buffer = new Uint8Array(0)
  return (offset, length) => {
    if (buffer.byteLength < length) buffer = new Uint8Array(length)
    let filled = 0
    while (filled < length) {
      const count = readSome(file, walPath, buffer.subarray(filled, length), offset + filled)
      if (count === 0) break
      filled += count
    }
    return buffer.subarray(0, filled)
  }
}

function readSome(file: number, walPath: string, into: Uint8Array, offset: number): number {
  try {
    return readSync(file, into, 0, into.byteLength, offset)
  } catch (error) {
    throw failed(walPath, error)
  }
}

function failed(walPath: string, cause: unknown): SoundledgerError {
  const message = cause instanceof Error ? cause.message : String(cause)
  const code = errorCode(cause)
  if (code !== undefined && PERMANENT_CODES.has(code)) return failure(walPath, message, cause)
  return new TransientError({ operation: 'read WAL', subject: walPath, message, cause })
}

function failure(walPath: string, message: string, cause: unknown): PermanentError {
  const hint = 'the daemon needs to read the -wal file beside the database'
  return new PermanentError({ operation: 'read WAL', subject: walPath, message, hint, cause })
}
