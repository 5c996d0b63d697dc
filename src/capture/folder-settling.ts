export interface SettlingOptions {
  /** A path has settled when nothing happened to it for this long ... */
  readonly settleMs: number
  /** ... and is reported at the latest this long after the first thing that happened to it, still moving or not. */
  readonly maxWaitMs: number
  readonly onSettled: () => void
  /** A monotonic clock in ms. */
  readonly now?: () => number
}

/** Paths that are told apart; the others share one entry, so that a burst costs no memory. */
const PATHS_MAX = 10_000
const SHARED = ''
/** Least time between two calls of `onSettled`, as a share of the settling time. */
const SPACING = 0.125

interface Moving {
  readonly firstAt: number
  lastAt: number
}

/**
 * Waits until files that are being written have come to rest. A file is known to be whole only by the silence after the last
 * write to it, and an album being copied is never silent as a whole: so every path settles for itself. Which one settled
 * is not said.
 */
export class Settling {
  readonly #options: SettlingOptions
  readonly #now: () => number
  readonly #moving = new Map<string, Moving>()
  #timer: NodeJS.Timeout | null = null
  #closed = false

  constructor(options: SettlingOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
  }

  /** Something happened to this path. */
  touch(path: string): void {
    if (this.#closed) return
    const now = this.#now()
    const key = this.#moving.size < PATHS_MAX || this.#moving.has(path) ? path : SHARED
    const moving = this.#moving.get(key)
    if (moving === undefined) this.#moving.set(key, { firstAt: now, lastAt: now })
    else moving.lastAt = now
    this.#timer ??= setTimeout(() => this.#look(), Math.min(this.#options.settleMs, this.#options.maxWaitMs))
  }

  /** Drops what has not settled; may be called twice. */
  close(): void {
    this.#closed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#moving.clear()
  }

  /** Lets go what is due and comes back for the next one; what was touched meanwhile is due later. */
  #look(): void {
    this.#timer = null
    const { settleMs, maxWaitMs, onSettled } = this.#options
    const now = this.#now()
    let settled = false
    let nextAt = Number.POSITIVE_INFINITY
    for (const [path, { firstAt, lastAt }] of this.#moving) {
      const dueAt = Math.min(lastAt + settleMs, firstAt + maxWaitMs)
      if (dueAt <= now) {
        this.#moving.delete(path)
        settled = true
      } else nextAt = Math.min(nextAt, dueAt)
    }
    if (this.#moving.size > 0) {
      this.#timer = setTimeout(() => this.#look(), Math.ceil(Math.max(nextAt - now, settleMs * SPACING)))
    }
    if (settled) onSettled()
  }
}
