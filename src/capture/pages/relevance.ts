import { type LeafCell, type PageType, pageType, parseTablePage } from './btree.ts'
import { chainOf, freePages, indexChains, type Pages } from './chains.ts'
import type { PageMap } from './page-map.ts'
import type { LeafRows } from './ranges.ts'
import type { Owner } from './row-probe.ts'
import type { Schema } from './schema.ts'

/** Why only a full diff tells; one of few, so that they can be counted. */
export type FullReason = string

/** The reason that may vanish by waiting: SQL does not show the rows of a leaf yet, or no more. */
export const UNKNOWN_LEAF: FullReason = 'a leaf of unknown owner'

/** What some written pages mean for the watched table. */
export interface Findings {
  /** Leaves that were written. */
  readonly leaves: readonly LeafRows[]
  /** Not null: the leaves are not all, or not certain. */
  readonly full: FullReason | null
  /** Not null: nor would they do for a second look, when the commit is surely visible in SQL. */
  readonly fullAgain: FullReason | null
}

export interface Setting {
  readonly schema: Pick<Schema, 'otherRoots'>
  /** Root page of the watched table. */
  readonly root: number
  readonly map: PageMap
  /** Page size without the bytes reserved at the end of each page. */
  readonly usable: number
  ownerOf(cells: readonly LeafCell[]): Owner
  /** Overflow pages that are known, when asked, to belong to other tables. */
  otherOverflow(): ReadonlySet<number>
}

/**
 * What the newest content of all pages that were written since the last judgement means, and keeps the map true to it.
 *
 * Why nothing is missed: a row that changed lies, or lay, in the keys that some leaf covers now, and that leaf was written. For
 * SQLite writes the leaf in which it changes a row; later the leaf that covers its key becomes another one only by rebalancing,
 * which writes all pages it distributes rows over. So it suffices to recognise each written leaf that is in the tree *now*,
 * which is told by its rows; what cannot be told asks for a full diff. Only where a row is overwritten by one of the same length
 * may the leaf stay as it was: then an overflow page was written that no written page leads to.
 *
 * A leaf that was another's stays so unless an interior page of the watched table was written, which has to point to it.
 */
export function judge(pages: Pages, setting: Setting): Findings {
  return new Judgement(pages, setting).run()
}

class Judgement {
  readonly #pages: Pages
  readonly #setting: Setting
  readonly #leaves = new Map<number, readonly LeafCell[]>()
  /** Interior pages of tables with their children. */
  readonly #interiors = new Map<number, readonly number[]>()
  readonly #chains = new Set<number>()
  readonly #found: LeafRows[] = []
  #full: FullReason | null = null
  #fullAgain: FullReason | null = null

  constructor(pages: Pages, setting: Setting) {
    this.#pages = pages
    this.#setting = setting
  }

  run(): Findings {
    this.#sort()
    const { map } = this.#setting
    const restructured = [...this.#interiors.keys()].some((page) => !this.#isOther(page))
    const unclear: number[] = []
    for (const [page, cells] of this.#leaves) {
      const owner = !restructured && map.isOther(page) ? 'other' : this.#ownerOfLeaf(page, cells)
      const chained = this.#chained(cells)
      if (owner === 'other') for (const each of [page, ...chained]) map.setOther(each)
      else {
        unclear.push(page, ...chained)
        this.#find(cells, owner)
      }
    }
    for (const page of unclear) map.setUnknown(page)
    if (restructured) this.#learnInteriors()
    this.#judgeChains()
    return { leaves: this.#found, full: this.#full, fullAgain: this.#fullAgain }
  }

  /** Parses the pages and leaves out those that are free, or hold nothing of a table. */
  #sort(): void {
    const free = freePages(this.#pages)
    for (const [page, content] of this.#pages) {
      // The schema table's root: whatever it says of the schema shows in the cookie.
      if (page === 1) continue
      const type = free.has(page) ? 'free' : pageType(content)
      if (type === 'table leaf' || type === 'table interior') this.#parse(page, content)
      else this.#sortOut(page, type)
    }
  }

  #sortOut(page: number, type: PageType | 'free'): void {
    if (type === 'chain') this.#chains.add(page)
    else this.#setting.map.setUnknown(page)
    if (type === 'strange') this.#demand('a page of unknown type')
    if (page === this.#setting.root) this.#demand('the root is no page of a table')
  }

  #parse(page: number, content: Uint8Array): void {
    const parsed = parseTablePage(content, page, this.#setting.usable)
    if (parsed?.kind === 'leaf') this.#leaves.set(page, parsed.cells)
    else if (parsed?.kind === 'interior') this.#interiors.set(page, parsed.children)
    else {
      this.#setting.map.setUnknown(page)
      this.#demand('a malformed page')
    }
  }

  #isOther(page: number): boolean {
    const { map, schema } = this.#setting
    return map.isOther(page) || schema.otherRoots.has(page)
  }

  #ownerOfLeaf(page: number, cells: readonly LeafCell[]): Owner {
    if (page === this.#setting.root) return 'watched'
    return this.#setting.schema.otherRoots.has(page) ? 'other' : this.#setting.ownerOf(cells)
  }

  /** The overflow pages that a leaf leads to, which are explained thereby. */
  #chained(cells: readonly LeafCell[]): number[] {
    const chained = cells.flatMap(({ overflow }) => (overflow === 0 ? [] : chainOf(overflow, this.#pages)))
    for (const page of chained) this.#chains.delete(page)
    return chained
  }

  #find(cells: readonly LeafCell[], owner: Owner): void {
    const [first, last] = [cells[0]?.rowid, cells.at(-1)?.rowid]
    if (first === undefined || last === undefined) this.#demand('an empty leaf')
    else if (Number.isNaN(first) || Number.isNaN(last)) this.#demand('rowids beyond what a number holds')
    else this.#found.push({ first, last })
    // That it is the watched table's is a guess, but good for a second look.
    if (owner === null) this.#full ??= UNKNOWN_LEAF
  }

  /** An interior page with a child that is another's is another's. What was known of the written ones may be out of date. */
  #learnInteriors(): void {
    const { map, root } = this.#setting
    for (const page of this.#interiors.keys()) map.setUnknown(page)
    for (const [page, children] of this.#interiors) {
      if (page !== root && children.some((child) => map.isOther(child))) map.setOther(page)
    }
  }

  /** An overflow page that no written page leads to was overwritten in place; its row is not known. */
  #judgeChains(): void {
    const { map, usable } = this.#setting
    if (this.#chains.size === 0) return
    for (const page of indexChains(this.#pages, usable)) if (this.#chains.delete(page)) map.setOther(page)
    const strays = [...this.#chains].filter((page) => !map.isOther(page))
    const others = strays.length === 0 ? new Set() : this.#setting.otherOverflow()
    for (const page of strays) {
      if (others.has(page)) map.setOther(page)
      else {
        map.setUnknown(page)
        this.#demand('an overflow page of unknown owner')
      }
    }
  }

  #demand(reason: FullReason): void {
    this.#full ??= reason
    this.#fullAgain ??= reason
  }
}
