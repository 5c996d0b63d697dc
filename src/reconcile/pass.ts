import type { Decision, Hold, PassSummary } from '../core/decision.ts'
import type { SnapshotRow } from '../core/track.ts'
import { diffAbsent, diffRow } from './diff.ts'
import { type IdentityLookups, identify } from './identity.ts'

/** What a pass reads of the library. */
export interface SnapshotSource {
  version(): string
  scanning(): boolean
  snapshot(): Iterable<readonly SnapshotRow[]>
  unreadable(): ReadonlyArray<{ path: string; cause: string }>
  isAvailable(libraryId: string): boolean
}

/** What a pass reads of the ledger. */
export interface KnownTracks extends Omit<IdentityLookups, 'stillInLibrary'> {
  lastId(): number
  present(after: number, last: number, limit: number): Array<{ id: number; path: string }>
}

const PAGE = 1000

/**
 * One full diff of library against ledger. Reads both in pages and hands out decisions page by page, so that memory does not
 * grow with the library (a bit a track); `emit` may take its time.
 *
 * A track counts as gone only when the snapshot was whole: the library did not change while it was read, no scan was running,
 * and the track does not lie below a folder that could not be read.
 */
export async function reconcile(
  library: SnapshotSource,
  known: KnownTracks,
  emit: (decisions: Decision[]) => Promise<void>,
): Promise<PassSummary> {
  const startedAt = performance.now()
  const version = library.version()
  const scanning = library.scanning()
  const lastId = known.lastId()
  const seen = new Uint8Array((lastId >> 3) + 1)
  const isSeen = (id: number) => id <= lastId && ((seen[id >> 3] ?? 0) & (1 << (id & 7))) !== 0
  const lookups: IdentityLookups = {
    byLibraryId: (libraryId) => known.byLibraryId(libraryId),
    byPath: (path) => known.byPath(path).filter(({ id }) => !isSeen(id)),
    stillInLibrary: (libraryId) => library.isAvailable(libraryId),
  }
  const tally: Record<string, number> = {}
  let rows = 0
  let decided = 0

  async function give(decisions: Decision[]): Promise<void> {
    if (decisions.length === 0) return
    for (const { reason } of decisions) tally[reason] = (tally[reason] ?? 0) + 1
    decided += decisions.length
    await emit(decisions)
  }

  for (const page of library.snapshot()) {
    rows += page.length
    const decisions: Decision[] = []
    for (const row of page) {
      const track = identify(row, lookups)?.track ?? null
      if (track !== null && track.id <= lastId)
        seen[track.id >> 3] = (seen[track.id >> 3] ?? 0) | (1 << (track.id & 7))
      const decision = diffRow(row, track)
      if (decision !== null && !(scanning && decision.action === 'miss')) decisions.push(decision)
    }
    await give(decisions)
  }

  const consistent = !scanning && library.version() === version
  const holds = new HoldCounter(library.unreadable())
  for (let after = 0; consistent; ) {
    const page = known.present(after, lastId, PAGE)
    const last = page.at(-1)
    if (last === undefined) break
    after = last.id
    const absent = page.filter(({ id, path }) => !isSeen(id) && !holds.covers(path))
    await give(absent.map(diffAbsent))
  }
  return {
    rows,
    unchanged: Math.max(0, rows - decided),
    decisions: tally,
    consistent,
    holds: holds.list(),
    durationMs: performance.now() - startedAt,
  }
}

/** Counts the tracks that are kept because what they lie in cannot be read. */
class HoldCounter {
  readonly #places: Array<{ path: string; cause: string; tracks: number }>

  constructor(unreadable: ReadonlyArray<{ path: string; cause: string }>) {
    this.#places = unreadable.map(({ path, cause }) => ({ path, cause, tracks: 0 }))
  }

  covers(path: string): boolean {
    const place = this.#places.find(
      (each) => path === each.path || path.startsWith(`${each.path.replace(/\/$/, '')}/`),
    )
    if (place !== undefined) place.tracks += 1
    return place !== undefined
  }

  list(): Hold[] {
    return this.#places
      .filter(({ tracks }) => tracks > 0)
      .map(({ path, cause, tracks }) => ({ reason: `${path}: ${cause}`, tracks }))
  }
}
