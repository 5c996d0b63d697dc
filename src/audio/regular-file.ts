import { type BigIntStats, statSync } from 'node:fs'
import { errorCode, PermanentError, TransientError } from '../core/errors.ts'
import type { FileStat } from '../core/track.ts'

/**
 * The state of a regular file (links are followed). Everything else is refused before anything opens it: opening a FIFO
 * or a device may block for ever.
 *
 * @throws PermanentError when it is no regular file or no possible path, TransientError when it cannot be stat'ed.
 */
export function statRegularFile(path: string): FileStat {
  const stats = statPath(path)
  if (stats.isFile()) return { sizeBytes: Number(stats.size), mtimeNs: stats.mtimeNs }
  throw new PermanentError({
    operation: 'open audio',
    subject: path,
    message: `is ${describeType(stats)}, expected a regular file`,
  })
}

function statPath(path: string): BigIntStats {
  try {
    return statSync(path, { bigint: true })
  } catch (error) {
    const code = errorCode(error)
    const message = error instanceof Error ? error.message : String(error)
    const details = { operation: 'open audio', subject: path, message, cause: error }
    throw code === 'ERR_INVALID_ARG_VALUE' ? new PermanentError(details) : new TransientError(details)
  }
}

function describeType(stats: BigIntStats): string {
  if (stats.isDirectory()) return 'a directory'
  if (stats.isFIFO()) return 'a FIFO'
  if (stats.isSocket()) return 'a socket'
  if (stats.isCharacterDevice() || stats.isBlockDevice()) return 'a device'
  return 'no file'
}
