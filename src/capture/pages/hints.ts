import { AMBIGUOUS_PAGES, uint32 } from './btree.ts'
import type { Pages } from './chains.ts'
import { PageMap } from './page-map.ts'
import { type LeafRows, type RowidRange, rangesAround } from './ranges.ts'
import { type Findings, type FullReason, judge, UNKNOWN_LEAF } from './relevance.ts'
import { numberOf, readCookie, type SqlDatabase } from './schema.ts'
import { readShape, type Shape } from './shape.ts'
import type { SmallTableOptions } from './small-table.ts'
import { countJudgement, type HintStatistics, noStatistics } from './statistics.ts'
import { type Lost, type ReadWal, type TakenPages, WalTail } from './wal-tail.ts'

export type Judgement =
  | { readonly kind: 'irrelevant' }
  /** Whatever changed in the table is in these rowids, removed rows included; much in them did not change. */
  | { readonly kind: 'ranges'; readonly ranges: readonly RowidRange[] }
  | { readonly kind: 'full'; readonly reason: FullReason }

export interface ChangeHintsOptions {
  /** The connection to the library's database as it is now, read-only. Another one than before: everything starts over. */
  readonly connection: () => SqlDatabase
  readonly walPath: string
  /** The table whose rows are followed: an ordinary one with rowids. */
  readonly table: string
  /** Tables of a few rows that change the meaning of all others. */
  readonly smallTables: readonly SmallTableOptions[]
  readonly readWal: ReadWal
}

/** Everything that belongs to one connection. */
interface Followed {
  readonly database: SqlDatabase
  readonly tail: WalTail
}

/** Offsets in page 1 (https://sqlite.org/fileformat2.html, "The Database Header"). */
const RESERVED_BYTES = 20
const SCHEMA_COOKIE = 40
/** More written leaves than this are judged slower than all rows are read. */
const MOST_LEAVES = 5000
/** More pages than this are not put off. */
const MOST_DEFERRED = 2000
const NOTHING: Findings = { leaves: [], full: null, fullAgain: null }
const SCHEMA_CHANGED = 'the schema changed'
const IRRELEVANT: Judgement = { kind: 'irrelevant' }

/**
 * Tells from the pages that commits wrote where a table may have changed, so that a commit elsewhere costs next to nothing and
 * one of few rows is found by reading few rows. Synchronous. SQL remains the truth: whoever gets ranges compares the rows in
 * them; whoever gets `full` compares all.
 *
 * States: not started (the first `poll` starts it and asks for a full diff); following. Losing the WAL, a change of the schema
 * and another connection start it over within `poll`, so a `full` needs no further call before its diff begins.
 *
 * A judgement is handed out once. Whoever fails to act on one has to make a full diff instead.
 */
export class ChangeHints {
  readonly #options: ChangeHintsOptions
  readonly #map = new PageMap()
  readonly statistics: HintStatistics = noStatistics()
  #followed: Followed | null = null
  #shape: Shape | null = null
  #reservedBytes = 0
  /** The newest cookie that was seen in the WAL; the schema must be of that or it was read too early. */
  #cookie: number | null = null
  /** What was found in pages that SQL may not have shown yet: to be looked at once more. */
  #again = NOTHING
  /** Pages in which a leaf was found that SQL does not show: judged with the next ones, or at the next call. */
  #deferred: TakenPages | null = null

  constructor(options: ChangeHintsOptions) {
    this.#options = options
  }

  /**
   * To be called again and again, also when nothing moved, which costs microseconds. Not within a transaction of the connection.
   * Throws what SQL and the WAL throw.
   */
  poll(): Judgement {
    try {
      const { database, tail } = this.#followed ?? {}
      if (database === undefined || tail === undefined || database !== this.#options.connection()) {
        const reason = database === undefined ? 'start' : 'the library was opened again'
        this.reset()
        return this.#counted({ kind: 'full', reason })
      }
      const taken = tail.take()
      if (taken.kind === 'lost') {
        this.#startOver(database, taken)
        return this.#counted({ kind: 'full', reason: taken.reason })
      }
      if (taken.kind === 'nothing' && this.#deferred === null) return IRRELEVANT
      return this.#counted(this.#judgement(taken, database))
    } catch (error) {
      // What was taken was not judged: the next call begins anew.
      this.#followed = null
      throw error
    }
  }

  /** A judgement was put off: `poll` has to be called once more even if no commit follows. */
  get waiting(): boolean {
    return this.#deferred !== null
  }

  /** Starts over, before a full diff that nobody asked for here. Not needed after a `full`. */
  reset(): void {
    const database = this.#options.connection()
    const dataVersion = database.prepare('pragma data_version')
    const tail = new WalTail(this.#options.walPath, this.#options.readWal, () => numberOf(dataVersion.get()))
    this.#followed = null
    const lost = tail.restart()
    this.#startOver(database, lost)
    this.#followed = { database, tail }
  }

  /** Tells how many rows of the last ranges had really changed; none: the ranges were a false alarm. */
  observed(changedRows: number): void {
    if (changedRows === 0) this.statistics.falseAlarms += 1
  }

  #counted(judgement: Judgement): Judgement {
    countJudgement(this.statistics, judgement)
    return judgement
  }

  #judgement(next: TakenPages | { readonly kind: 'nothing' }, database: SqlDatabase): Judgement {
    const taken = join(this.#deferred, next)
    this.#deferred = null
    if (taken === null) return IRRELEVANT
    if (next.kind === 'pages') {
      this.statistics.commits += next.commits
      this.statistics.pages += next.pages.size
    }
    const again = this.#again
    const found = this.#find(taken, database)
    const mayVanish = found.full === UNKNOWN_LEAF && found.fullAgain === null && again.fullAgain === null
    if (mayVanish && next.kind === 'pages' && taken.pages.size < MOST_DEFERRED) {
      this.#deferred = taken
      return IRRELEVANT
    }
    this.#again = taken.settled ? found : bothOf(again, found)
    const full = found.full ?? again.fullAgain
    if (full !== null) return { kind: 'full', reason: full }
    return this.#ranges([...again.leaves, ...found.leaves])
  }

  #find(taken: TakenPages, database: SqlDatabase): Findings {
    this.#takeHeader(taken.pages)
    if (this.#cookie === null || this.#cookie === this.#shape?.schema.cookie) {
      try {
        return this.#findIn(taken)
      } catch (error) {
        // A table that is gone by now; pages that say so were not taken yet.
        if (readCookie(database) === this.#shape?.schema.cookie) throw error
      }
    }
    this.#readShape(database)
    return { leaves: [], full: SCHEMA_CHANGED, fullAgain: SCHEMA_CHANGED }
  }

  #findIn(taken: TakenPages): Findings {
    const { schema, probe, smallTables, overflowOwners } = this.#shape ?? {}
    const unfit = this.#unfitness(taken)
    if (unfit !== null) return { ...NOTHING, full: unfit }
    if (schema?.watched === undefined || !probe || !smallTables || !overflowOwners) {
      return { ...NOTHING, full: 'the schema is not known' }
    }
    const changed = smallTables.filter((each) => each.changed(taken.pages, taken.settled))
    const found = judge(taken.pages, {
      schema,
      root: schema.watched.root,
      map: this.#map,
      usable: taken.pageSize - this.#reservedBytes,
      ownerOf: (cells) => probe.ownerOf(cells),
      otherOverflow: () => overflowOwners.ofSmallTables(),
    })
    const [small] = changed
    return small === undefined ? found : { ...found, full: `${small.table} changed` }
  }

  #takeHeader(pages: Pages): void {
    const header = pages.get(1)
    if (header === undefined) return
    this.#reservedBytes = header[RESERVED_BYTES] ?? 0
    this.#cookie = uint32(header, SCHEMA_COOKIE)
  }

  #unfitness({ databasePages }: TakenPages): FullReason | null {
    if (databasePages !== null && databasePages >= AMBIGUOUS_PAGES) return 'the database is too large'
    return this.#shape?.schema.unfit ?? null
  }

  /** Nothing is known of pages that were written before. */
  #startOver(database: SqlDatabase, { reason, gap }: Lost): void {
    this.#cookie = null
    this.#deferred = null
    this.#again = gap ? { ...NOTHING, fullAgain: reason } : NOTHING
    this.#readShape(database)
  }

  #readShape(database: SqlDatabase): void {
    this.#map.forget()
    this.#shape = null
    this.#shape = readShape(database, this.#options.table, this.#options.smallTables)
  }

  #ranges(leaves: readonly LeafRows[]): Judgement {
    const probe = this.#shape?.probe
    if (leaves.length === 0) return IRRELEVANT
    if (leaves.length > MOST_LEAVES || probe === undefined || probe === null) {
      return { kind: 'full', reason: 'too many pages changed' }
    }
    const ranges = rangesAround(leaves, probe)
    return ranges === null
      ? { kind: 'full', reason: 'rowids beyond what a number holds' }
      : { kind: 'ranges', ranges }
  }
}

/** Pages that were put off and those that were written since, as if taken at once. */
function join(
  deferred: TakenPages | null,
  next: TakenPages | { readonly kind: 'nothing' },
): TakenPages | null {
  if (next.kind === 'nothing' || deferred === null) return next.kind === 'nothing' ? deferred : next
  return {
    ...next,
    pages: new Map([...deferred.pages, ...next.pages]),
    databasePages: next.databasePages ?? deferred.databasePages,
    settled: deferred.settled || next.settled,
  }
}

function bothOf(a: Findings, b: Findings): Findings {
  return { leaves: [...a.leaves, ...b.leaves], full: b.full, fullAgain: a.fullAgain ?? b.fullAgain }
}
