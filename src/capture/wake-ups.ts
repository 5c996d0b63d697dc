/** Something may have moved, as a short phrase: "start", "database", "folder", "timer". */
export type WakeUpCause = string

export interface WakeUpOptions {
  /** A wake-up is passed on when nothing more arrived for this long ... */
  readonly debounceMs: number
  /** ... but at the latest this long after the first one, so that a stream of commits cannot starve it. */
  readonly maxWaitMs: number
  readonly onWake: (causes: readonly WakeUpCause[]) => void
}

/** Coalesces wake-ups from all sources into few calls. They carry no truth: the diff decides. */
export class WakeUps {
  readonly #options: WakeUpOptions
  readonly #causes = new Set<WakeUpCause>()
  #timer: NodeJS.Timeout | null = null
  #firstAt = 0
  #closed = false

  constructor(options: WakeUpOptions) {
    this.#options = options
  }

  wake(cause: WakeUpCause): void {
    if (this.#closed) return
    const now = performance.now()
    if (this.#causes.size === 0) this.#firstAt = now
    this.#causes.add(cause)
    if (this.#timer !== null) clearTimeout(this.#timer)
    const left = this.#firstAt + this.#options.maxWaitMs - now
    this.#timer = setTimeout(() => this.#fire(), Math.max(0, Math.min(this.#options.debounceMs, left)))
  }

  /** Wake-ups that are still waiting are dropped; may be called twice. */
  close(): void {
    this.#closed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#causes.clear()
  }

  #fire(): void {
    this.#timer = null
    const causes = [...this.#causes]
    this.#causes.clear()
    if (causes.length > 0) this.#options.onWake(causes)
  }
}
