import type { Transferable, Worker } from 'node:worker_threads'
import { fromWire, type SoundledgerError, TransientError } from '../../core/errors.ts'
import type { Arguments, Method, Request, Response, Result } from './protocol.ts'

interface Pending {
  readonly method: string
  resolve(value: unknown): void
  reject(error: SoundledgerError): void
}

const openingId = 0

/**
 * One worker and the calls under way in it. It is opening, then open, then gone, and gone for good: whatever was pending when
 * the worker ended is rejected with TransientError, and so is every later call.
 */
export class WorkerConnection {
  readonly #worker: Worker
  readonly #file: string
  readonly #onEnd: () => void
  readonly #pending = new Map<number, Pending>()
  readonly #gone: Promise<void>
  #lastId = openingId
  #alive = true
  #cause: unknown

  private constructor(worker: Worker, file: string, onEnd: () => void) {
    this.#worker = worker
    this.#file = file
    this.#onEnd = onEnd
    worker.on('message', (response: Response) => this.#settle(response))
    worker.on('error', (error) => {
      this.#cause = error
    })
    this.#gone = new Promise((resolve) => {
      worker.once('exit', () => {
        this.#end()
        resolve()
      })
    })
  }

  /**
   * Resolves when the worker has opened the file; rejects with its error, or TransientError if it ended before. `onEnd` is
   * called once, when the worker has ended for whatever reason and before anyone waiting is told.
   */
  static async open(worker: Worker, file: string, onEnd: () => void): Promise<WorkerConnection> {
    const connection = new WorkerConnection(worker, file, onEnd)
    try {
      await connection.#expect(openingId, 'open')
    } catch (error) {
      await worker.terminate()
      throw error
    }
    return connection
  }

  /** Runs one call in the worker, in the order of asking. `transfer` gives up the memory it names. */
  async call<M extends Method>(
    method: M,
    args: Arguments<M>,
    transfer: readonly Transferable[] = [],
  ): Promise<Result<M>> {
    if (!this.#alive) throw this.#lost(method)
    this.#lastId += 1
    this.#worker.postMessage({ id: this.#lastId, method, args } satisfies Request, transfer)
    return (await this.#expect(this.#lastId, method)) as Result<M>
  }

  /** Finishes the calls under way, closes the file and waits for the worker to end. */
  async close(): Promise<void> {
    if (this.#alive) await this.call('close', [])
    await this.#gone
  }

  #expect(id: number, method: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { method, resolve, reject })
    })
  }

  #settle(response: Response): void {
    const pending = this.#pending.get(response.id)
    if (pending === undefined) return
    this.#pending.delete(response.id)
    if (response.ok) pending.resolve(response.value)
    else pending.reject(fromWire(response.error))
  }

  #end(): void {
    this.#alive = false
    this.#onEnd()
    for (const { method, reject } of this.#pending.values()) reject(this.#lost(method))
    this.#pending.clear()
  }

  #lost(method: string): TransientError {
    return new TransientError({
      operation: method,
      subject: this.#file,
      message: 'the thread that serves the vector database ended',
      hint: 'the next call starts another one',
      cause: this.#cause,
    })
  }
}
