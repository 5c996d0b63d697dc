import { setTimeout as sleep } from 'node:timers/promises'
import PQueue from 'p-queue'

/** What the queue asks of the ledger's backlog. */
export interface DueWork {
  due(now: number, limit: number): ReadonlyArray<{ readonly id: number; readonly priority: number }>
  nextDueAt(now: number): number | null
}

export interface WorkQueueOptions {
  readonly backlog: DueWork
  /**
   * Works on these tracks and records its own failures. What it rejects with is unforeseen (a full disk, a defect): it goes to
   * `onError`, and the tracks rest for `pollMs` before they are taken again.
   */
  readonly process: (trackIds: readonly number[], signal: AbortSignal) => Promise<void>
  /** Aborted when the deadline of draining is over; what runs must end soon after, and stays due. */
  readonly abort: AbortController
  /** Jobs at a time. */
  readonly concurrency: number
  /** Tracks taken from the ledger ahead of time; the backlog itself stays there. */
  readonly window: number
  /** Tracks of this priority are cheap rewrites and go in batches of up to `bulkSize`. */
  readonly bulkPriority: number
  readonly bulkSize: number
  /** How often the ledger is asked when nothing pokes: other processes may have asked for retries. */
  readonly pollMs: number
  readonly onIdle: () => void
  readonly onError: (error: unknown) => void
}

/**
 * Feeds p-queue from the ledger. The ledger is the backlog; only a window of it is in memory, most urgent first, so a fresh
 * change overtakes whatever waits. A track is in the queue at most once.
 *
 * States: stopped -> running -> draining (takes nothing new) -> closed (running jobs aborted).
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions
  readonly #queue: PQueue
  readonly #held = new Set<number>()
  #timer: NodeJS.Timeout | null = null
  #running = false
  #draining = false

  constructor(options: WorkQueueOptions) {
    this.#options = options
    this.#queue = new PQueue({ concurrency: options.concurrency })
  }

  /** Tracks that are queued or being worked on. */
  get active(): number {
    return this.#held.size
  }

  /** True when nothing is due now and nothing runs. */
  get idle(): boolean {
    return this.#held.size === 0 && this.#options.backlog.due(Date.now(), 1).length === 0
  }

  /** May be called again; does nothing once draining. */
  start(): void {
    if (this.#draining) return
    this.#running = true
    this.poke()
  }

  /** There may be new work: takes the most urgent tracks that are not held yet. */
  poke(): void {
    if (!this.#running) return
    if (this.#timer !== null) clearTimeout(this.#timer)
    const { backlog, window, bulkPriority, bulkSize, pollMs, onIdle } = this.#options
    const now = Date.now()
    const due = backlog.due(now, window).filter(({ id }) => !this.#held.has(id))
    const bulk = due.filter(({ priority }) => priority === bulkPriority).map(({ id }) => id)
    for (let from = 0; from < bulk.length; from += bulkSize)
      this.#add(bulk.slice(from, from + bulkSize), bulkPriority)
    for (const { id, priority } of due) if (priority !== bulkPriority) this.#add([id], priority)
    const next = backlog.nextDueAt(now)
    const wait = next === null ? pollMs : Math.min(pollMs, Math.max(1, next - now))
    this.#timer = setTimeout(() => this.poke(), wait)
    if (this.#held.size === 0) onIdle()
  }

  /** Takes nothing new and waits for what runs, at most `deadlineMs`; then aborts it. */
  async drain(deadlineMs: number): Promise<void> {
    this.#running = false
    this.#draining = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#queue.clear()
    const deadline = setTimeout(() => this.#options.abort.abort(), deadlineMs)
    await this.#queue.onIdle()
    clearTimeout(deadline)
  }

  /** Aborts what runs; its work stays due. May be called twice. */
  async close(): Promise<void> {
    this.#options.abort.abort()
    await this.drain(0)
  }

  #add(ids: readonly number[], priority: number): void {
    for (const id of ids) this.#held.add(id)
    const task = async (): Promise<void> => {
      try {
        await this.#options.process(ids, this.#options.abort.signal)
      } catch (error) {
        if (!this.#options.abort.signal.aborted) this.#options.onError(error)
        await sleep(this.#options.pollMs, undefined, { signal: this.#options.abort.signal }).catch(() => {})
      } finally {
        for (const id of ids) this.#held.delete(id)
        if (this.#held.size <= this.#options.window / 2) this.poke()
      }
    }
    void this.#queue.add(task, { priority: -priority })
  }
}
