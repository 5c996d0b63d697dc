import type { Events } from './core/events.ts'
import { collectionName, type Model } from './core/model.ts'
import type { InterruptedWrite } from './ledger/ledger.ts'
import type { StoredTrack, VectorStore } from './vectors/store.ts'

export interface RecoveryLedger {
  interruptedWrites(): InterruptedWrite[]
  written(operations: ReadonlyArray<InterruptedWrite & { readonly how: 'recovered' }>, now: number): void
  lost(operation: { trackId: number; model: string }, now: number): void
}

/**
 * After a crash in the middle of writing, the store says what arrived: rows of the intended fingerprint are done, everything
 * else is due again (I2). Harmless when nothing was interrupted.
 */
export async function recover(
  ledger: RecoveryLedger,
  store: Pick<VectorStore, 'stored' | 'collections'>,
  events: Events,
): Promise<void> {
  const interrupted = ledger.interruptedWrites()
  if (interrupted.length === 0) return
  const existing = new Set((await store.collections()).map(({ name }) => name))
  let verified = 0
  for (const write of interrupted) {
    const collection = collectionName({ name: write.model, digest: write.digest })
    const [found] = existing.has(collection) ? await store.stored(collection, [write.key]) : []
    if (found?.fingerprint === write.fingerprint) {
      ledger.written([{ ...write, how: 'recovered' }], Date.now())
      verified += 1
    } else {
      ledger.lost(write, Date.now())
    }
  }
  events.emit('recovered', { verified, lost: interrupted.length - verified })
}

export interface AuditLedger {
  /** Tracks whose operation under this model is done, in pages by row id. */
  donePage(
    model: string,
    after: number,
    limit: number,
  ): Array<{ trackId: number; key: string; fingerprint: string }>
  doneCount(model: string): number
  lost(operation: { trackId: number; model: string }, now: number): void
}

const PAGE = 500

/**
 * A store that is empty or short although the ledger says "done" is noticed: counts are compared first, and only where they
 * differ the ledger's done operations are looked up, and those without rows of their fingerprint are made due again.
 */
export async function audit(
  models: readonly Model[],
  ledger: AuditLedger,
  store: Pick<VectorStore, 'stored' | 'count'>,
  events: Events,
): Promise<void> {
  for (const model of models) {
    const collection = collectionName(model)
    const { tracks } = await store.count(collection)
    const expected = ledger.doneCount(model.name)
    if (tracks === expected) continue
    let missing = 0
    for (let after = 0; ; ) {
      const page = ledger.donePage(model.name, after, PAGE)
      const last = page.at(-1)
      if (last === undefined) break
      after = last.trackId
      const stored = await store.stored(
        collection,
        page.map(({ key }) => key),
      )
      const known = new Map<string, StoredTrack>(stored.map((track) => [track.key, track]))
      for (const { trackId, key, fingerprint } of page) {
        if (known.get(key)?.fingerprint === fingerprint) continue
        ledger.lost({ trackId, model: model.name }, Date.now())
        missing += 1
      }
    }
    if (missing > 0)
      events.emit('audited', {
        model: model.name,
        missing,
        strangers: Math.max(0, tracks - expected + missing),
      })
  }
}
