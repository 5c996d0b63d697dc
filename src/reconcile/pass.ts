import type { Decision, PassSummary } from '../core/decision.ts'
import { type SnapshotRow, sameFile } from '../core/track.ts'
import { diffAbsent, diffRow } from './diff.ts'
import { HoldCounter } from './holds.ts'
import { type IdentityLookups, identify } from './identity.ts'

/** Both ends included. */
export interface RowidRange {
  readonly first: number
  readonly last: number
}

/** What a pass reads of the library. */
export interface SnapshotSource {
  version(): string
  scanning(): boolean
  snapshot(options?: { readonly rowids?: RowidRange }): Iterable<readonly SnapshotRow[]>
  unreadable(): ReadonlyArray<{ path: string; cause: string }>
  isAvailable(libraryId: string): boolean
}

/** What a pass reads of the ledger. */
export interface KnownTracks extends Omit<IdentityLookups, 'stillInLibrary'> {
  /** Runs some reads as one; `reads` does not wait. */
  together<T>(reads: () => T): T
  lastId(): number
  present(after: number, last: number, limit: number): Array<{ id: number; path: string }>
  presentInRowids(first: number, last: number): Array<{ id: number; path: string; libraryId: string | null }>
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
  const version = library.version()
  const pass = new Pass(library, known, emit)
  for (const page of library.snapshot()) await pass.compare(page)
  const consistent = !pass.scanning && library.version() === version
  const holds = new HoldCounter(library.unreadable())
  for (let after = 0; consistent; ) {
    const page = known.present(after, pass.lastId, PAGE)
    const last = page.at(-1)
    if (last === undefined) break
    after = last.id
    await pass.give(page.filter(({ id, path }) => !pass.isSeen(id) && !holds.covers(path)).map(diffAbsent))
  }
  return pass.summary('all', consistent, holds)
}

/**
 * The same for the rows that the library's table keeps in these ranges, and for the tracks that were there. What it decides is
 * what a full diff would decide of them. `consistent` is false where something must be left to a full diff.
 */
export async function reconcileRows(
  library: SnapshotSource,
  known: KnownTracks,
  ranges: readonly RowidRange[],
  emit: (decisions: Decision[]) => Promise<void>,
): Promise<PassSummary> {
  const pass = new Pass(library, known, emit)
  for (const rowids of ranges) {
    const before = known.presentInRowids(rowids.first, rowids.last)
    for (const page of library.snapshot({ rowids })) await pass.compare(page)
    // A row that only moved to another place in the table is seen there, or known to be there still.
    const absent = before.filter(
      ({ id, libraryId }) => !pass.isSeen(id) && !(libraryId !== null && library.isAvailable(libraryId)),
    )
    if (!pass.scanning) await pass.give(absent.map(diffAbsent))
    else if (absent.length > 0) pass.withhold()
  }
  return pass.summary('changed', !pass.withheld, new HoldCounter([]))
}

/** One pass in the making: which tracks were seen, what was decided. */
class Pass {
  readonly lastId: number
  readonly scanning: boolean
  readonly #startedAt = performance.now()
  readonly #known: KnownTracks
  readonly #lookups: IdentityLookups
  readonly #emit: (decisions: Decision[]) => Promise<void>
  readonly #seen: Uint8Array
  readonly #tally: Record<string, number> = {}
  #rows = 0
  #decided = 0
  #unsettled = 0
  #withheld = false

  constructor(library: SnapshotSource, known: KnownTracks, emit: (decisions: Decision[]) => Promise<void>) {
    this.lastId = known.lastId()
    this.scanning = library.scanning()
    this.#seen = new Uint8Array((this.lastId >> 3) + 1)
    this.#known = known
    this.#emit = emit
    this.#lookups = {
      byLibraryId: (libraryId) => known.byLibraryId(libraryId),
      byPath: (path) => known.byPath(path).filter(({ id }) => !this.isSeen(id)),
      stillInLibrary: (libraryId) => library.isAvailable(libraryId),
    }
  }

  /** A decision was kept back because a scan is running. */
  get withheld(): boolean {
    return this.#withheld
  }

  withhold(): void {
    this.#withheld = true
  }

  isSeen(id: number): boolean {
    return id <= this.lastId && ((this.#seen[id >> 3] ?? 0) & (1 << (id & 7))) !== 0
  }

  async compare(page: readonly SnapshotRow[]): Promise<void> {
    this.#rows += page.length
    const decisions = this.#known.together(() => page.map((row) => this.#decide(row)))
    await this.give(decisions.filter((decision) => decision !== null))
  }

  async give(decisions: Decision[]): Promise<void> {
    if (decisions.length === 0) return
    for (const { reason } of decisions) this.#tally[reason] = (this.#tally[reason] ?? 0) + 1
    this.#decided += decisions.length
    await this.#emit(decisions)
  }

  summary(scope: PassSummary['scope'], consistent: boolean, holds: HoldCounter): PassSummary {
    return {
      scope,
      rows: this.#rows,
      unchanged: Math.max(0, this.#rows - this.#decided - this.#unsettled),
      unsettled: this.#unsettled,
      decisions: this.#tally,
      consistent,
      holds: holds.list(),
      durationMs: performance.now() - this.#startedAt,
    }
  }

  #decide(row: SnapshotRow): Decision | null {
    const track = identify(row, this.#lookups)?.track ?? null
    if (track !== null) this.#markSeen(track.id)
    if (!row.settled && (track === null || !sameFile(row.file, track.file))) {
      this.#unsettled += 1
      return null
    }
    const decision = diffRow(row, track)
    if (decision?.action !== 'miss' || !this.scanning) return decision
    this.withhold()
    return null
  }

  #markSeen(id: number): void {
    if (id <= this.lastId) this.#seen[id >> 3] = (this.#seen[id >> 3] ?? 0) | (1 << (id & 7))
  }
}
