import { basename, join, sep } from 'node:path'
import type { ChokidarOptions, FSWatcher } from 'chokidar'
import { describeError, errorCode } from '../core/errors.ts'
import { FolderLinks } from './folder-links.ts'
import { isInside, isSkipped } from './folder-names.ts'
import { anyReadable, describePlaces, realPaths } from './folder-places.ts'
import { watchedFolder } from './folder-raw.ts'
import { BoundedWatcher } from './folder-scan.ts'
import { Settling } from './folder-settling.ts'

/** Why the library should be looked at. */
export type FolderCause =
  | 'folder'
  /** Watching has begun, for the first time or again: whatever happened before was not seen. */
  | 'folder watch started'
  /** So many events at once that the kernel may have dropped some. */
  | 'folder burst'
  /** Something was mounted, unmounted or replaced, or has become readable. */
  | 'folder mounts'
  /** Nobody watches: it is time to look. */
  | 'folder poll'
  | 'folder watch lost'

export interface SessionSettings {
  readonly roots: readonly string[]
  readonly followSymlinks: boolean
  readonly settleMs: number
  readonly maxWaitMs: number
  /** How often the library is to be looked at while it cannot be watched. */
  readonly pollMs: number
  /** How often it is checked that what is watched is still what lies at the roots. */
  readonly probeMs: number
  /** Least time between two starts of watching. */
  readonly restartMs: number
  /** How long it is polled before watching is tried again. */
  readonly limitedMs: number
  /** Events within a second from which on some may have been lost. */
  readonly burstEvents: number
}

export interface SessionOptions extends SessionSettings {
  readonly onMoved: (cause: FolderCause) => void
  readonly onWarning: (message: string) => void
  /** Another one only in tests. */
  readonly createWatcher?: (options: ChokidarOptions, onScanned: () => void) => FSWatcher
}

const BURST_WINDOW_MS = 1000
/** Unreadable places that are looked at again from time to time. */
const UNREADABLE_MAX = 200
const REPORTED_MAX = 1000

/** What to raise when the kernel refuses to watch more. */
const LIMITS: Readonly<Record<string, string>> = {
  ENOSPC: 'sysctl fs.inotify.max_user_watches=1048576',
  EMFILE: 'sysctl fs.inotify.max_user_instances=1024, or the limit of open files (ulimit -n)',
  ENFILE: 'sysctl fs.file-max=1048576',
}

/**
 * Watches folders, and only folders: for files chokidar would keep state, while the bare events of a folder tell as well
 * that a file in it moved. States: starting -> watching -> starting again (places changed, a burst is over, a fault); or
 * polling, when the kernel refuses, for `limitedMs`. After every start comes a wake-up, since nobody saw what happened before.
 */
export class FolderSession {
  readonly #options: SessionOptions
  readonly #settling: Settling
  readonly #probeTimer: NodeJS.Timeout
  readonly #reported = new Set<string>()
  readonly #unreadable = new Set<string>()
  #watcher: FSWatcher | null = null
  #roots: readonly string[] = []
  #places = ''
  #ready = false
  #starting: Promise<void>
  #startedAt = 0
  #restartTimer: NodeJS.Timeout | null = null
  #pollTimer: NodeJS.Timeout | null = null
  #burstTimer: NodeJS.Timeout | null = null
  #windowAt = 0
  #windowEvents = 0
  #probing = false
  #closed = false

  constructor(options: SessionOptions) {
    this.#options = options
    const { settleMs, maxWaitMs, onMoved } = options
    this.#settling = new Settling({ settleMs, maxWaitMs, onSettled: () => onMoved('folder') })
    this.#probeTimer = setInterval(() => void this.#probe(), options.probeMs)
    this.#starting = this.#start('folder watch started')
  }

  /** May be called twice. */
  async close(): Promise<void> {
    this.#closed = true
    this.#settling.close()
    clearInterval(this.#probeTimer)
    for (const timer of [this.#restartTimer, this.#pollTimer, this.#burstTimer]) {
      if (timer !== null) clearTimeout(timer)
    }
    await this.#starting
    await this.#watcher?.close()
  }

  async #start(cause: FolderCause): Promise<void> {
    await this.#watcher?.close()
    this.#watcher = null
    this.#ready = false
    if (this.#burstTimer !== null) clearTimeout(this.#burstTimer)
    this.#burstTimer = null
    this.#unreadable.clear()
    this.#startedAt = performance.now()
    // Before anything is watched: what changes from here on is noticed by the next probe.
    this.#places = await describePlaces(this.#options.roots)
    this.#roots = await realPaths(this.#options.roots)
    if (this.#closed) return
    const create = this.#options.createWatcher ?? ((...args) => new BoundedWatcher(...args))
    const watcher = create(this.#chokidarOptions(), () => this.#scanned())
    this.#watcher = watcher
    watcher.on('raw', (_event, name, details) => this.#event(watchedFolder(details), name))
    watcher.on('error', (error) => this.#failed(error))
    watcher.on('ready', () => {
      this.#ready = true
      this.#options.onMoved(cause)
    })
    watcher.add([...this.#roots])
  }

  #chokidarOptions(): ChokidarOptions {
    const links = new FolderLinks(this.#roots, this.#options.followSymlinks, (link) =>
      this.#noteUnreadable(link),
    )
    const roots = new Set(this.#roots)
    return {
      ignoreInitial: true,
      atomic: false,
      ignored: (path, stats) => {
        if (roots.has(path)) return false
        if (isSkipped(basename(path))) return true
        if (stats === undefined || stats.isDirectory()) return false
        return !(stats.isSymbolicLink() && links.follows(path))
      },
    }
  }

  /** New folders are watched from here on; what came into them earlier raised no event. */
  #scanned(): void {
    if (this.#ready) this.#settling.touch('')
  }

  #event(folder: string, name: string | null): void {
    // While a root is missing, chokidar waits for it in a folder above.
    if (!this.#roots.some((root) => isInside(root, folder))) return
    if (name?.split(sep).some(isSkipped)) return
    this.#settling.touch(join(folder, name ?? ''))
    const now = performance.now()
    if (now - this.#windowAt >= BURST_WINDOW_MS) {
      this.#windowAt = now
      this.#windowEvents = 0
    }
    this.#windowEvents += 1
    if (this.#windowEvents >= this.#options.burstEvents) this.#burst()
  }

  /** The kernel drops events without a word: also those of new folders, which then nobody watches. Hence a new start. */
  #burst(): void {
    if (this.#burstTimer !== null) {
      this.#burstTimer.refresh()
      return
    }
    this.#burstTimer = setTimeout(() => {
      this.#burstTimer = null
      if (this.#ready) this.#restart('folder burst')
      else this.#burst()
    }, this.#options.settleMs + BURST_WINDOW_MS)
  }

  #failed(error: unknown): void {
    const code = errorCode(error) ?? ''
    const hint = LIMITS[code]
    if (hint !== undefined) {
      this.#poll(code, hint)
      return
    }
    this.#warn(describeError(error))
    if (code === 'EACCES' || code === 'EPERM') void this.#noteUnreadable(pathOf(error))
    else if (code !== 'ELOOP') this.#restart('folder watch started')
  }

  /** Gives the watches back to other programs, which may need them more, and has the library looked at regularly. */
  #poll(code: string, hint: string): void {
    if (this.#pollTimer !== null) return
    const { pollMs, limitedMs, onMoved } = this.#options
    this.#warn(
      `the system's limit of watched folders is reached (${code}): looking at all files every ${pollMs / 1000} s instead; to watch them, raise it: ${hint}`,
    )
    this.#pollTimer = setInterval(() => onMoved('folder poll'), pollMs)
    void this.#watcher?.close()
    if (this.#restartTimer !== null) clearTimeout(this.#restartTimer)
    this.#restartTimer = null
    this.#restart('folder watch started', limitedMs)
  }

  #restart(cause: FolderCause, afterMs = 0): void {
    if (this.#restartTimer !== null || this.#closed) return
    const sinceMs = performance.now() - this.#startedAt
    this.#restartTimer = setTimeout(
      () => {
        this.#restartTimer = null
        if (this.#pollTimer !== null) clearInterval(this.#pollTimer)
        this.#pollTimer = null
        this.#starting = this.#starting.then(() => this.#start(cause))
      },
      Math.max(afterMs, this.#options.restartMs - sinceMs, 0),
    )
  }

  async #probe(): Promise<void> {
    if (this.#probing || this.#pollTimer !== null) return
    this.#probing = true
    await this.#starting
    if ((await describePlaces(this.#options.roots)) !== this.#places) this.#restart('folder mounts')
    else if (await anyReadable(this.#unreadable)) this.#restart('folder mounts')
    this.#probing = false
  }

  /** Keeps an eye on what cannot be entered, unless it can and the fault lies elsewhere: then waiting is of no use. */
  async #noteUnreadable(path: string): Promise<void> {
    if (path === '' || this.#unreadable.size >= UNREADABLE_MAX || (await anyReadable([path]))) return
    this.#unreadable.add(path)
  }

  /** Says the same thing once. */
  #warn(message: string): void {
    if (this.#reported.has(message) || this.#reported.size >= REPORTED_MAX) return
    this.#reported.add(message)
    this.#options.onWarning(message)
  }
}

function pathOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return ''
  if ('path' in error && typeof error.path === 'string') return error.path
  return 'filename' in error && typeof error.filename === 'string' ? error.filename : ''
}
