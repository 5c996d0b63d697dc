import { type BigIntStats, statSync } from 'node:fs'
import { errorCode } from '../core/errors.ts'
import type { FileStat } from '../core/track.ts'

/** What stat says of a path, following symbolic links. */
export type Stated =
  | { readonly kind: 'file' | 'folder' | 'other'; readonly stats: BigIntStats }
  | { readonly kind: 'absent' }
  /** It may well exist: no permission, a broken disk, a link loop. */
  | { readonly kind: 'failed'; readonly cause: string }

/** Never throws. */
export function statPath(path: string): Stated {
  try {
    const stats = statSync(path, { bigint: true, throwIfNoEntry: false })
    if (stats === undefined) return { kind: 'absent' }
    if (stats.isFile()) return { kind: 'file', stats }
    return { kind: stats.isDirectory() ? 'folder' : 'other', stats }
  } catch (error) {
    const code = errorCode(error)
    return code === 'ENOENT' || code === 'ENOTDIR'
      ? { kind: 'absent' }
      : { kind: 'failed', cause: describeCode(error) }
  }
}

export function toFileStat(stats: BigIntStats): FileStat {
  return { sizeBytes: Number(stats.size), mtimeNs: stats.mtimeNs }
}

/** Same file or folder, whatever it is called; null where the file system gives no inode numbers. */
export function inodeKey(stats: BigIntStats): string | null {
  return stats.ino === 0n ? null : `${stats.dev}:${stats.ino}`
}

const MEANINGS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EIO: 'input/output error',
  ESTALE: 'stale network file handle',
  ENOTCONN: 'file system not connected',
  ELOOP: 'too many symbolic links',
  ENAMETOOLONG: 'path too long',
  EMFILE: 'too many open files',
  ENOENT: 'does not exist',
  ENOTDIR: 'is not a folder',
}

/** A file system error as a few words with its code. */
export function describeCode(error: unknown): string {
  const code = errorCode(error)
  if (code === undefined) return error instanceof Error ? error.message : String(error)
  const meaning = MEANINGS[code]
  return meaning === undefined ? code : `${meaning} (${code})`
}
