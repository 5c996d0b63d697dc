import { closeSync, openSync, readSync } from 'node:fs'
import { errorCode } from '../../core/errors.ts'
import { HEADER_BYTES, parseHeader, startOf } from '../wal/parse.ts'
import type { WalPosition } from '../wal/wal.ts'

/** Reading more of a WAL again than this costs more than it saves. */
const MOST_BYTES = 16 * 1024 * 1024

/**
 * The given position moved back to the first frame of its WAL file, so that all of the file is read again; null where that is
 * too much, or the file is another one by now, or cannot be read. Whoever reads the WAL next reports the trouble.
 */
export function walStart(walPath: string, position: WalPosition): WalPosition | null {
  if (position.offset > MOST_BYTES) return null
  const bytes = readHeader(walPath)
  const parsed = bytes === null ? null : parseHeader(bytes)
  if (parsed?.kind !== 'header') return null
  const { sequence, salt1, salt2 } = parsed.header
  if (sequence !== position.sequence || salt1 !== position.salt1 || salt2 !== position.salt2) return null
  return { ...position, ...startOf(parsed.header) }
}

function readHeader(walPath: string): Uint8Array | null {
  let file: number
  try {
    file = openSync(walPath, 'r')
  } catch (error) {
    if (errorCode(error) === undefined) throw error
    return null
  }
  try {
    const bytes = new Uint8Array(HEADER_BYTES)
    return bytes.subarray(0, readSync(file, bytes, 0, HEADER_BYTES, 0))
  } finally {
    closeSync(file)
  }
}
