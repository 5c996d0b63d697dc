import { type Batcher, createBatcher } from '../core/batcher.ts'
import { PermanentError } from '../core/errors.ts'
import type { Events } from '../core/events.ts'
import { collectionName, type Model } from '../core/model.ts'
import type { TrackJob } from '../core/operation.ts'
import { retryTransient } from '../core/retry.ts'
import { displayName, publicId } from '../core/track.ts'
import type { TrackVectors, VectorStore } from './store.ts'

interface Write {
  readonly trackId: number
  readonly model: Model
  readonly vectors: TrackVectors
  readonly how: 'embedded' | 'reused'
}

interface WrittenOperation {
  readonly trackId: number
  readonly model: string
  readonly fingerprint: string
  readonly digest: string
}

/** What writing tells the ledger. */
export interface WriteLedger {
  intend(operations: readonly WrittenOperation[], now: number): void
  written(
    operations: readonly (WrittenOperation & { readonly how: 'embedded' | 'reused' | 'recovered' })[],
    now: number,
  ): void
  published(jobs: readonly TrackJob[], rewritten: number, now: number): void
  removed(jobs: readonly TrackJob[], now: number): void
}

const MAX_TRACKS = 64

/**
 * The one way into the store. Order of side effects: ledger's intent, then the store (delete, insert, verify), then the
 * ledger's commit. A crash between any two is settled at the next start by asking the store (`recover`).
 */
export function createWriter(options: {
  readonly store: VectorStore
  readonly ledger: WriteLedger
  /** Collections that may hold rows of a track, enabled or not. */
  readonly collections: () => readonly string[]
  readonly events: Events
  /** Ends the waiting for a store that does not answer. */
  readonly signal: AbortSignal
}) {
  const { store, ledger, events } = options
  const batchers = new Map<string, Batcher<Write>>()

  function batcherOf(collection: string): Batcher<Write> {
    let batcher = batchers.get(collection)
    if (batcher === undefined) {
      batcher = createBatcher<Write>((batch) => flush(collection, batch), {
        maxItems: MAX_TRACKS,
        isolate: (error) => error instanceof PermanentError,
      })
      batchers.set(collection, batcher)
    }
    return batcher
  }

  /** A store that is away is not the tracks' failure: waits for it, with what is computed in hand. */
  function patiently<T>(what: string, attempt: () => Promise<T>): Promise<T> {
    return retryTransient(attempt, {
      minDelayMs: 500,
      maxDelayMs: 60_000,
      signal: options.signal,
      onRetry: (error, attempts, delayMs) =>
        events.emit('warning', {
          message: `${what} failed (attempt ${attempts}), next in ${Math.round(delayMs)} ms`,
          error,
        }),
    })
  }

  async function flush(collection: string, batch: readonly Write[]): Promise<void> {
    const operations = batch.map(({ trackId, model, vectors, how }) => ({
      trackId,
      model: model.name,
      fingerprint: vectors.fingerprint,
      digest: model.digest,
      how,
    }))
    ledger.intend(operations, Date.now())
    const vectors = batch.map((write) => write.vectors)
    await patiently(`write to ${collection}`, () => store.replace(collection, vectors))
    ledger.written(operations, Date.now())
  }

  return {
    write: (trackId: number, model: Model, vectors: TrackVectors, how: 'embedded' | 'reused') =>
      batcherOf(collectionName(model)).add({ trackId, model, vectors, how }),

    /** Rewrites the attributes of these tracks' rows in every collection, keeping the vectors. */
    async publish(jobs: readonly TrackJob[]): Promise<void> {
      const updates = jobs.map(({ track }) => ({
        key: track.key,
        trackId: publicId(track),
        name: displayName(track.attributes),
        available: track.state === 'present',
      }))
      let rewritten = 0
      for (const collection of options.collections()) {
        rewritten = Math.max(
          rewritten,
          await patiently('update attributes', () => store.update(collection, updates)),
        )
      }
      ledger.published(jobs, rewritten, Date.now())
      for (const { track } of jobs)
        events.emit('track', { track, outcome: 'published', models: [], durationMs: 0 })
    },

    async remove(jobs: readonly TrackJob[]): Promise<void> {
      const keys = jobs.map(({ track }) => track.key)
      for (const collection of options.collections()) {
        await patiently('remove tracks', () => store.remove(collection, keys))
      }
      ledger.removed(jobs, Date.now())
      for (const { track } of jobs)
        events.emit('track', { track, outcome: 'removed', models: [], durationMs: 0 })
    },

    get: (collection: string, key: string) => store.get(collection, key),
  }
}
