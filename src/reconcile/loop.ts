import { SoundledgerError } from '../core/errors.ts'

export interface ReconcileLoopOptions {
  /** One full pass; rejects when the library cannot be read. */
  readonly pass: (causes: readonly string[]) => Promise<void>
  readonly onFailed: (causes: readonly string[], error: unknown, retryInMs: number) => void
  /** Waits after a failed pass, in ms; the last one repeats, and is the one after a permanent failure. */
  readonly retryDelaysMs: readonly number[]
  /** The last pass asked for is through, well or not. */
  readonly onIdle: () => void
}

/**
 * Runs passes one at a time. States: idle; running; running with more asked for meanwhile (another pass follows);
 * waiting to retry after a failure (a new request tries at once): also what only a person can mend is looked at again.
 */
export class ReconcileLoop {
  readonly #options: ReconcileLoopOptions
  readonly #asked = new Set<string>()
  #running: Promise<void> | null = null
  #retry: NodeJS.Timeout | null = null
  #failures = 0
  #closed = false

  constructor(options: ReconcileLoopOptions) {
    this.#options = options
  }

  /** Nothing runs, is asked for, or waits to be retried: the ledger knows all that the library said. */
  get idle(): boolean {
    return this.#running === null && this.#asked.size === 0 && this.#retry === null
  }

  request(causes: readonly string[]): void {
    if (this.#closed) return
    for (const cause of causes) this.#asked.add(cause)
    if (this.#retry !== null) clearTimeout(this.#retry)
    this.#retry = null
    this.#running ??= this.#run().finally(() => {
      this.#running = null
      if (!this.#closed) this.#options.onIdle()
    })
  }

  /** Waits for the pass that is running; may be called twice. */
  async close(): Promise<void> {
    this.#closed = true
    this.#asked.clear()
    if (this.#retry !== null) clearTimeout(this.#retry)
    await this.#running
  }

  async #run(): Promise<void> {
    while (this.#asked.size > 0 && !this.#closed) {
      const causes = [...this.#asked]
      this.#asked.clear()
      try {
        await this.#options.pass(causes)
        this.#failures = 0
      } catch (error) {
        this.#failed(causes, error)
        return
      }
    }
  }

  #failed(causes: readonly string[], error: unknown): void {
    if (this.#closed) return
    const permanent = error instanceof SoundledgerError && !error.transient
    const delays = this.#options.retryDelaysMs
    const delay = (permanent ? delays.at(-1) : delays[Math.min(this.#failures, delays.length - 1)]) ?? 60_000
    this.#failures += 1
    this.#retry = setTimeout(() => {
      this.#retry = null
      this.request(causes)
    }, delay)
    this.#options.onFailed(causes, error, delay)
  }
}
