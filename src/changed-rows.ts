import { ChangeHints } from './capture/pages/hints.ts'
import { readWal } from './capture/wal/reader.ts'
import type { CaptureCounts } from './core/decision.ts'
import type { LibrarySource, RowidRange } from './library/source.ts'

/** What there is to compare: everything, these rows, or nothing. */
export type Scope =
  | { readonly kind: 'all' }
  | { readonly kind: 'rows'; readonly ranges: readonly RowidRange[] }
  | { readonly kind: 'nothing' }

/** How long nothing that matters must have happened before a comparison that had to leave something out is made up for. */
const QUIET_MS = 10_000
/** More ranges than this are read slower than everything. */
const MOST_RANGES = 5000

/**
 * Collects, between comparisons, which rows of the library may have changed. A commit that touches no row of a track is
 * absorbed without reading a table. Whatever is in doubt means all rows: the first time, a lost log, a journal mode without
 * a log, too much at once.
 *
 * Order: `take` absorbs every commit it can see and hands the scope out *before* the comparison reads, so a commit in
 * between is seen twice, never missed.
 */
export class ChangedRows {
  readonly #library: LibrarySource
  readonly #hints: ChangeHints | null
  #version: string | null = null
  #all = true
  #ranges: RowidRange[] = []
  #changes = 0
  #changedAt = 0
  #incomplete = false

  constructor(library: LibrarySource) {
    this.#library = library
    const { table } = library
    this.#hints = table === null ? null : new ChangeHints({ ...table, readWal })
  }

  /** Commits seen so far, by what they meant; null where there is no log to read. */
  counts(): CaptureCounts | null {
    if (this.#hints === null) return null
    const { commits, irrelevant, hinted, falseAlarms, full } = this.#hints.statistics
    return { commits, irrelevant, hinted, falseAlarms, full: Object.fromEntries(full) }
  }

  /** Tells how many of the named rows had really changed. */
  observed(changedRows: number): void {
    this.#hints?.observed(changedRows)
  }

  /** Changes whenever rows of tracks may have changed: plays and scrobbles leave it as it is. */
  version(): string {
    this.#absorb()
    return String(this.#changes)
  }

  /** Whether there is something to compare; costs microseconds when nothing was committed. */
  pending(): boolean {
    this.#absorb()
    if (this.#incomplete && performance.now() - this.#changedAt > QUIET_MS && !this.#library.scanning())
      this.#all = true
    return this.#all || this.#ranges.length > 0
  }

  take(everything: boolean): Scope {
    this.#absorb()
    const scope: Scope =
      everything || this.#all
        ? { kind: 'all' }
        : this.#ranges.length > 0
          ? { kind: 'rows', ranges: this.#ranges }
          : { kind: 'nothing' }
    if (scope.kind === 'all') this.#incomplete = false
    this.#all = false
    this.#ranges = []
    return scope
  }

  /** The comparison had to leave something out (a scan was running, rows changed while they were read): all again, later. */
  leftOut(): void {
    this.#incomplete = true
    this.#changedAt = performance.now()
  }

  #absorb(): void {
    const version = this.#library.version()
    if (version === this.#version && this.#hints?.waiting !== true) return
    this.#version = version
    const judgement = this.#hints?.poll() ?? { kind: 'full' }
    if (judgement.kind === 'irrelevant') return
    this.#changes += 1
    this.#changedAt = performance.now()
    if (judgement.kind === 'full') this.#all = true
    else this.#ranges.push(...judgement.ranges)
    if (this.#ranges.length > MOST_RANGES) this.#all = true
  }
}
