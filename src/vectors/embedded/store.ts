import { Worker } from 'node:worker_threads'
import { PermanentError } from '../../core/errors.ts'
import type { AttributeUpdate, CollectionSpec, SearchOptions, TrackVectors, VectorStore } from '../store.ts'
import { WorkerConnection } from './connection.ts'
import type { Arguments, Method, Result, WorkerOptions } from './protocol.ts'
import { packTracks } from './protocol.ts'

export interface EmbeddedStoreOptions {
  /** Path of the database file; its folder must exist. */
  readonly file: string
  /** Never writes, never creates; may run beside the process that writes. */
  readonly readOnly?: boolean
  /** Starts the thread; for tests. */
  readonly startWorker?: (options: WorkerOptions) => Worker
}

/** The worker's own file has the extension of this one: sources are run as they are, the package is built. */
export function startWorker(workerData: WorkerOptions): Worker {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  return new Worker(new URL(`./worker.${extension}`, import.meta.url), { workerData, name: 'vectors' })
}

/**
 * Opens the embedded store: exact search by sqlite-vec in a thread of its own. Rejects with PermanentError when the file is
 * newer than the program, corrupt, foreign or (read-only) missing, with TransientError when it is locked. A thread that dies
 * fails the calls under way with TransientError; the next call starts another.
 */
export async function openEmbeddedStore(options: EmbeddedStoreOptions): Promise<VectorStore> {
  const store = new EmbeddedStore(options)
  await store.open()
  return store
}

class EmbeddedStore implements VectorStore {
  readonly #options: WorkerOptions
  readonly #startWorker: (options: WorkerOptions) => Worker
  /** The connection that is open or being opened. */
  #connection: Promise<WorkerConnection> | null = null
  #closing: Promise<void> | null = null

  constructor({ file, readOnly = false, startWorker: start = startWorker }: EmbeddedStoreOptions) {
    this.#options = { file, readOnly }
    this.#startWorker = start
  }

  async open(): Promise<void> {
    await this.#connect()
  }

  ensure(spec: CollectionSpec): Promise<void> {
    return this.#call('ensure', [spec])
  }

  collections() {
    return this.#call('collections', [])
  }

  switchAlias(alias: string, collection: string): Promise<void> {
    return this.#call('switchAlias', [alias, collection])
  }

  drop(collection: string): Promise<void> {
    return this.#call('drop', [collection])
  }

  async replace(collection: string, tracks: readonly TrackVectors[]): Promise<void> {
    const batch = packTracks(tracks)
    await this.#call('replace', [collection, batch], [batch.values.buffer])
  }

  remove(collection: string, keys: readonly string[]): Promise<number> {
    return this.#call('remove', [collection, keys])
  }

  update(collection: string, updates: readonly AttributeUpdate[]): Promise<number> {
    return this.#call('update', [collection, updates])
  }

  search(collection: string, query: Float32Array, options: SearchOptions) {
    return this.#call('search', [collection, query.slice(), options])
  }

  get(collection: string, key: string): Promise<TrackVectors | null> {
    return this.#call('get', [collection, key])
  }

  stored(collection: string, keys: readonly string[]) {
    return this.#call('stored', [collection, keys])
  }

  count(collection: string) {
    return this.#call('count', [collection])
  }

  async *tracks(collection: string, pageSize = 1000) {
    let after = ''
    for (;;) {
      const page = await this.#call('page', [collection, after, pageSize])
      const last = page.at(-1)
      if (last === undefined) return
      yield page
      after = last.key
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const connection = await this.#connection?.catch(() => null)
    await connection?.close()
  }

  async #call<M extends Method>(
    method: M,
    args: Arguments<M>,
    transfer: ArrayBuffer[] = [],
  ): Promise<Result<M>> {
    if (this.#closing !== null) {
      throw new PermanentError({
        operation: method,
        subject: this.#options.file,
        message: 'the store is closed',
      })
    }
    const connection = await this.#connect()
    return await connection.call(method, args, transfer)
  }

  /** One connection for all calls; forgotten when it ends, also when it could not open the file. */
  #connect(): Promise<WorkerConnection> {
    this.#connection ??= WorkerConnection.open(this.#startWorker(this.#options), this.#options.file, () => {
      this.#connection = null
    })
    return this.#connection
  }
}
