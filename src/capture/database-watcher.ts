import { realpathSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { FSWatcher } from 'chokidar'
import { describeError } from '../core/errors.ts'
import { watchedFolder } from './folder-raw.ts'

export interface DatabaseWatcher {
  /** Events are heard from now on. */
  readonly ready: Promise<void>
  /** May be called twice. */
  close(): Promise<void>
}

export interface DatabaseWatcherOptions {
  /** Ask the database now. At most once in 50 ms. */
  readonly onMoved: () => void
  /** It cannot be watched, or not well; asking it regularly goes on. The same thing is said once. */
  readonly onError: (message: string) => void
}

const SPACING_MS = 50
const SUFFIXES = ['', '-wal', '-journal']

/**
 * Says that the files of a SQLite database may have moved: written, replaced, gone or back. Only a hint that makes the
 * regular question to the database immediate; on network mounts, and when the folder is mounted anew, no events come.
 *
 * Its folder is watched, and the files are looked at by `lstat` alone: a process that opens and closes the database file
 * loses the locks that SQLite holds on it in that process (https://www.sqlite.org/howtocorrupt.html, section 2.2).
 * `-shm` is left out, since readers write to it too.
 */
export function watchDatabase(databasePath: string, options: DatabaseWatcherOptions): DatabaseWatcher {
  const files = new Set(locations(databasePath).flatMap((path) => SUFFIXES.map((suffix) => path + suffix)))
  const folders = new Set([...files].map((file) => dirname(file)))
  const spaced = new Spaced(options.onMoved)
  const reported = new Set<string>()
  const watcher = new FSWatcher({
    ignoreInitial: true,
    atomic: false,
    followSymlinks: false,
    // With `depth: 0` chokidar would not find folders that come later.
    ignored: (path) => !folders.has(path) && !files.has(path),
  })
  watcher.on('raw', (_event, name, details) => {
    const folder = watchedFolder(details)
    if (name === null ? folders.has(folder) : files.has(join(folder, name))) spaced.call()
  })
  // Of a folder that appears later the first events are missed, but not what is found in it.
  watcher.on('all', () => spaced.call())
  watcher.on('error', (error) => {
    const message = describeError(error)
    if (!reported.has(message)) options.onError(message)
    reported.add(message)
  })
  const ready = new Promise<void>((resolve) => watcher.once('ready', () => resolve()))
  watcher.add([...folders])
  return {
    ready,
    async close() {
      spaced.close()
      await watcher.close()
    },
  }
}

/** The database, and where it lies if that is a symbolic link: SQLite keeps `-wal` beside the real file. */
function locations(databasePath: string): string[] {
  const path = resolve(databasePath)
  const folder = realPath(dirname(path))
  return [...new Set([join(folder, basename(path)), realPath(path)])]
}

function realPath(path: string): string {
  try {
    return realpathSync.native(path)
  } catch {
    // Not there yet; its own path is as good a name for it as any.
    return path
  }
}

/** Calls at once, then not again for a while; what is asked for meanwhile is one call at the end of it. */
class Spaced {
  readonly #call: () => void
  #timer: NodeJS.Timeout | null = null
  #asked = false
  #closed = false

  constructor(call: () => void) {
    this.#call = call
  }

  call(): void {
    if (this.#closed) return
    if (this.#timer !== null) {
      this.#asked = true
      return
    }
    this.#asked = false
    this.#timer = setTimeout(() => {
      this.#timer = null
      if (this.#asked) this.call()
    }, SPACING_MS)
    this.#call()
  }

  close(): void {
    this.#closed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
  }
}
