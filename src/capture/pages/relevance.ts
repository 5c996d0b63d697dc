import { type LeafCell, type PageType, pageType, parseTablePage, type TablePage } from './btree.ts'
import { chainOf, freePages, indexChains, type Pages } from './chains.ts'
import type { PageMap } from './page-map.ts'
import type { Owner } from './row-probe.ts'
import type { Schema } from './schema.ts'
import { changedSpans, type Touch } from './touch.ts'

/** Why only a full diff tells; one of few, so that they can be counted. */
export type FullReason = string

/** What some written pages mean for the watched table. */
export interface Findings {
  /** Parts of the table that were written, or may have been. */
  readonly touches: readonly Touch[]
  /** Not null: the touches are not all, or not certain. */
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
}

/**
 * What the newest content of all pages that were written since the last judgement means, and keeps the map true to it.
 *
 * Why nothing is missed: follow the path from the root to a row in the tree before and after. If the paths are the same, the
 * leaf was written, or an overflow page of the row. If not, they part at a page that is in the tree both times and has another
 * child for the row: it was written, and the row lies in a span it is touched in. So it suffices to recognise each written page
 * that is in the tree *now*. A leaf is told by its rows, an interior page by its children; what cannot be told asks for a full
 * diff. A page whose owner was told before keeps it unless a written interior page may have taken it in.
 */
export function judge(pages: Pages, setting: Setting): Findings {
  return new Judgement(pages, setting).run()
}

type LeafPage = TablePage & { kind: 'leaf' }
type InteriorPage = TablePage & { kind: 'interior' }
type Verdict = 'watched' | 'other' | 'unknown'

class Judgement {
  readonly #pages: Pages
  readonly #setting: Setting
  readonly #leaves = new Map<number, LeafPage>()
  readonly #interiors = new Map<number, InteriorPage>()
  readonly #chains = new Set<number>()
  readonly #owners = new Map<number, Verdict>()
  readonly #touches: Touch[] = []
  #full: FullReason | null = null
  #fullAgain: FullReason | null = null

  constructor(pages: Pages, setting: Setting) {
    this.#pages = pages
    this.#setting = setting
  }

  run(): Findings {
    this.#sort()
    const restructured = this.#isRestructured()
    for (const [page, interior] of this.#interiors) this.#judgeInterior(page, interior, restructured)
    const unclear = [...this.#leaves].flatMap(([page, leaf]) => {
      const known = !restructured && this.#setting.map.isOther(page)
      return this.#judgeLeaf(page, leaf, known ? 'other' : this.#ownerOfLeaf(page, leaf))
    })
    for (const page of unclear) this.#setting.map.setUnknown(page)
    this.#judgeChains()
    return { touches: this.#touches, full: this.#full, fullAgain: this.#fullAgain }
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
    if (parsed?.kind === 'leaf') this.#leaves.set(page, parsed)
    else if (parsed?.kind === 'interior') this.#interiors.set(page, parsed)
    else {
      this.#setting.map.setUnknown(page)
      this.#demand('a malformed page')
    }
  }

  /** Whether pages may have been taken into the watched tree or out of it: then only content tells whose they are. */
  #isRestructured(): boolean {
    const { map } = this.#setting
    for (const page of this.#interiors.keys()) {
      if (!map.isOther(page) && this.#ownerOfInterior(page) !== 'other') return true
    }
    return false
  }

  #judgeInterior(page: number, { children, keys }: InteriorPage, restructured: boolean): void {
    const { map } = this.#setting
    if (!restructured && map.isOther(page)) return
    const owner = this.#ownerOfInterior(page)
    if (owner === 'other') return void map.setOther(page)
    const level = children.some((child) => this.#leaves.has(child)) ? 1 : 2
    const now = { children, keys, level } as const
    const spans = changedSpans(map.interior(page), now)
    if (owner === 'watched') map.setInterior(page, now)
    else {
      map.setUnknown(page)
      this.#doubt('an interior page of unknown owner')
    }
    if (spans === null) this.#demand('an interior page without usable keys')
    else this.#touches.push(...spans)
  }

  /** One child that is another's makes the page another's; otherwise one that is the watched table's makes it its own. */
  #ownerOfInterior(page: number): Verdict {
    const { root, schema, map } = this.#setting
    if (page === root) return 'watched'
    if (schema.otherRoots.has(page)) return 'other'
    const known = this.#owners.get(page)
    if (known !== undefined) return known
    const fallback: Verdict = map.interior(page) === undefined ? 'unknown' : 'watched'
    // Also ends the walk where damaged pages point in a circle.
    this.#owners.set(page, fallback)
    let owner: Verdict = fallback
    for (const child of this.#interiors.get(page)?.children ?? []) {
      const childOwner = this.#ownerOfChild(child)
      if (childOwner === 'unknown') continue
      owner = childOwner
      if (owner === 'other') break
    }
    this.#owners.set(page, owner)
    return owner
  }

  #ownerOfChild(child: number): Verdict {
    if (this.#interiors.has(child)) return this.#ownerOfInterior(child)
    const leaf = this.#leaves.get(child)
    if (leaf !== undefined) return this.#ownerOfLeaf(child, leaf)
    if (this.#pages.has(child)) return 'unknown'
    const { map } = this.#setting
    if (map.isOther(child)) return 'other'
    return map.interior(child) === undefined ? 'unknown' : 'watched'
  }

  #ownerOfLeaf(page: number, { cells }: LeafPage): Verdict {
    if (page === this.#setting.root) return 'watched'
    if (this.#setting.schema.otherRoots.has(page)) return 'other'
    const known = this.#owners.get(page)
    if (known !== undefined) return known
    const owner = this.#setting.ownerOf(cells) ?? 'unknown'
    this.#owners.set(page, owner)
    return owner
  }

  /** Returns the overflow pages that the leaf leads to if they are not another's. */
  #judgeLeaf(page: number, { cells }: LeafPage, owner: Verdict): number[] {
    const { map } = this.#setting
    const chained = cells.flatMap(({ overflow }) => (overflow === 0 ? [] : chainOf(overflow, this.#pages)))
    for (const each of chained) this.#chains.delete(each)
    if (owner === 'other') {
      for (const each of [page, ...chained]) map.setOther(each)
      return []
    }
    map.setUnknown(page)
    this.#touchLeaf(cells)
    if (owner === 'unknown') this.#doubt('a leaf of unknown owner')
    return chained
  }

  #touchLeaf(cells: readonly LeafCell[]): void {
    const [first, last] = [cells[0]?.rowid, cells.at(-1)?.rowid]
    if (first === undefined || last === undefined) this.#demand('an empty leaf')
    else if (Number.isNaN(first) || Number.isNaN(last)) this.#demand('rowids beyond what a number holds')
    else this.#touches.push({ kind: 'leaf', first, last })
  }

  /** An overflow page that no written page leads to was overwritten in place; its row is not known. */
  #judgeChains(): void {
    const { map, usable } = this.#setting
    if (this.#chains.size === 0) return
    for (const page of indexChains(this.#pages, usable)) {
      if (this.#chains.delete(page)) map.setOther(page)
    }
    for (const page of this.#chains) {
      if (map.isOther(page)) continue
      map.setUnknown(page)
      this.#demand('an overflow page of unknown owner')
    }
  }

  #demand(reason: FullReason): void {
    this.#doubt(reason)
    this.#fullAgain ??= reason
  }

  /** The touches are a guess. */
  #doubt(reason: FullReason): void {
    this.#full ??= reason
  }
}
