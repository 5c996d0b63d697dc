import { relative, sep } from 'node:path'

/**
 * Folders and files in which nothing is looked for: hidden ones, and the bins and indexes of storage systems. The walk over
 * the library skips the same names; where the two lists differ, a wake-up too many is all that comes of it.
 */
const SKIPPED = /^(\..*|@eadir|#recycle|#snapshot|lost\+found|\$recycle\.bin|system volume information)$/i

export function isSkipped(name: string): boolean {
  return SKIPPED.test(name)
}

/** Whether `path` is `folder` or lies below it. Both are absolute and normalised. */
export function isInside(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep)
}

/** Whether `path` lies below `folder` with no skipped name on the way. */
export function isWatchedBelow(folder: string, path: string): boolean {
  return isInside(folder, path) && !relative(folder, path).split(sep).some(isSkipped)
}
