import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { CaptureCounts, Decision, PassSummary } from './core/decision.ts'
import { fromWire, TransientError, type WireError } from './core/errors.ts'
import type { LibraryOptions } from './library/source.ts'

export interface PassWorkerData {
  readonly library: LibraryOptions
  readonly ledgerFile: string
  /** How often the library's version is asked between passes. */
  readonly pollMs: number
}

export type ToPassWorker =
  | { type: 'pass'; everything: boolean }
  | { type: 'poll' }
  | { type: 'ack' }
  | { type: 'close' }
export type FromPassWorker =
  | { type: 'decisions'; decisions: Decision[] }
  | { type: 'summary'; result: PassResult }
  | { type: 'failed'; error: WireError }
  | { type: 'moved' }

export interface PassResult {
  readonly summary: PassSummary
  /** Where the music lies on this machine. */
  readonly roots: readonly string[]
  /** Null where there is no log to read. */
  readonly capture: CaptureCounts | null
}

interface RunningPass {
  apply(decisions: readonly Decision[]): Promise<void> | void
  resolve(result: PassResult): void
  reject(error: unknown): void
}

/**
 * Reads the library in a thread of its own, so that a million rows or a slow disk never block the daemon (I8). A thread that
 * dies fails the pass and is replaced for the next one.
 */
export class PassThread {
  readonly #data: PassWorkerData
  readonly #onMoved: () => void
  #worker: Worker | null = null
  #pass: RunningPass | null = null
  #closed = false

  constructor(data: PassWorkerData, onMoved: () => void) {
    this.#data = data
    this.#onMoved = onMoved
  }

  /** Compares everything, or only what changed since the last time; `apply` gets the decisions page by page. One at a time. Rejects with what reading the library threw. */
  run(everything: boolean, apply: RunningPass['apply']): Promise<PassResult> {
    return new Promise((resolve, reject) => {
      this.#pass = { apply, resolve, reject }
      this.#post({ type: 'pass', everything })
    })
  }

  /** Something happened to the database's files: asks for its version now instead of at the next poll. */
  poll(): void {
    this.#worker?.postMessage({ type: 'poll' } satisfies ToPassWorker)
  }

  /** May be called twice. A pass that runs is given up. */
  async close(): Promise<void> {
    this.#closed = true
    const worker = this.#worker
    if (worker === null) return
    const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
    if (this.#pass === null) worker.postMessage({ type: 'close' } satisfies ToPassWorker)
    else void worker.terminate()
    await exited
  }

  #post(message: ToPassWorker): void {
    this.#worker ??= this.#start()
    this.#worker.postMessage(message)
  }

  #start(): Worker {
    const file = new URL(`./pass-worker${extname(import.meta.filename)}`, import.meta.url)
    const worker = new Worker(file, { workerData: this.#data, name: 'library' })
    worker.on('message', (message: FromPassWorker) => void this.#receive(message))
    worker.on('error', (error) => this.#lost(error))
    worker.on('exit', () => this.#lost(undefined))
    return worker
  }

  async #receive(message: FromPassWorker): Promise<void> {
    if (message.type === 'moved') return this.#onMoved()
    const pass = this.#pass
    if (pass === null) return
    if (message.type === 'decisions') {
      try {
        await pass.apply(message.decisions)
        this.#post({ type: 'ack' })
      } catch (error) {
        // The worker still waits for its acknowledgement: it is of no more use.
        this.#pass = null
        await this.#worker?.terminate()
        pass.reject(error)
      }
      return
    }
    this.#pass = null
    if (message.type === 'summary') pass.resolve(message.result)
    else pass.reject(fromWire(message.error))
  }

  #lost(cause: unknown): void {
    this.#worker = null
    const pass = this.#pass
    this.#pass = null
    const message = this.#closed ? 'the daemon is stopping' : 'the thread that reads the library died'
    pass?.reject(new TransientError({ operation: 'read library', subject: 'worker thread', message, cause }))
  }
}
