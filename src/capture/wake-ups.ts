/** Something may have moved, as a short phrase: "start", "database", "folder", "timer". */
export type WakeUpCause = string

export interface WakeUpOptions {
  /** A wake-up is passed on when nothing more arrived for this long ... */
  readonly debounceMs: number
  /** ... but at the latest this long after the first one, so that a stream of commits cannot starve it. */
  readonly maxWaitMs: number
  readonly onWake: (causes: readonly WakeUpCause[]) => void
}

/**
 * Coalesces wake-ups from all sources into few calls. They carry no truth: the diff decides. Each call gets the causes that
 * arrived since the last one, in their order and each once; a wake-up that arrives during a call belongs to the next.
 */
export class WakeUps {
  readonly #options: WakeUpOptions
  readonly #causes = new Set<WakeUpCause>()
  /** Both run while, and only while, there are causes. */
  #quiet: NodeJS.Timeout | null = null
  #latest: NodeJS.Timeout | null = null
  #closed = false

  constructor(options: WakeUpOptions) {
    this.#options = options
  }

  wake(cause: WakeUpCause): void {
    if (this.#closed) return
    const { debounceMs, maxWaitMs } = this.#options
    this.#causes.add(cause)
    if (this.#quiet !== null) clearTimeout(this.#quiet)
    this.#quiet = setTimeout(() => this.#fire(), debounceMs)
    this.#latest ??= setTimeout(() => this.#fire(), maxWaitMs)
  }

  /** Wake-ups that are still waiting are dropped; may be called twice. */
  close(): void {
    this.#closed = true
    this.#clear()
  }

  #fire(): void {
    const causes = [...this.#causes]
    this.#clear()
    this.#options.onWake(causes)
  }

  #clear(): void {
    if (this.#quiet !== null) clearTimeout(this.#quiet)
    if (this.#latest !== null) clearTimeout(this.#latest)
    this.#quiet = null
    this.#latest = null
    this.#causes.clear()
  }
}
