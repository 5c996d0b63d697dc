import { posix, resolve } from 'node:path'
import type { PathMapping } from './source.ts'

/** Turns a path as the server sees it into one of this machine. */
export type MapPath = (serverPath: string) => string

/**
 * The mapping with the longest `from` that is the path itself or a folder above it wins; `/music` does not match
 * `/music2`. Paths no mapping matches stay as they are. Trailing slashes do not matter.
 */
export function pathMapper(mappings: readonly PathMapping[]): MapPath {
  const ordered = mappings
    .map(({ from, to }) => ({ from: withoutTrailingSlash(from), to: withoutTrailingSlash(resolve(to)) }))
    .sort((a, b) => b.from.length - a.from.length)
  return (serverPath) => {
    for (const { from, to } of ordered) {
      if (serverPath === from || serverPath === `${from}/`) return to === '' ? '/' : to
      if (serverPath.startsWith(`${from}/`)) return to + serverPath.slice(from.length)
    }
    return serverPath
  }
}

/** Where a row's file is, as the server sees it. */
export interface ServerPath {
  readonly path: string
  /** True when the path leads out of its library: such a file is not touched. */
  readonly escapes: boolean
}

/**
 * Joins a library's root and the path of a row. Up to Navidrome 0.54 rows hold absolute paths, since 0.55 paths relative
 * to the root.
 */
export function serverPath(root: string, path: string): ServerPath {
  const base = withoutTrailingSlash(root)
  if (posix.isAbsolute(path)) {
    const normal = posix.normalize(path)
    return { path: normal, escapes: !normal.startsWith(`${withoutTrailingSlash(posix.normalize(base))}/`) }
  }
  const relative = posix.normalize(path)
  return { path: `${base}/${relative}`, escapes: relative === '..' || relative.startsWith('../') }
}

function withoutTrailingSlash(path: string): string {
  return path.replace(/\/+$/, '')
}
