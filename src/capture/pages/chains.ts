import { indexOverflows, pageType, uint32 } from './btree.ts'

/** Pages by number. */
export type Pages = ReadonlyMap<number, Uint8Array>

/** Offset of the first free-list trunk page's number in page 1. */
const FIRST_TRUNK = 32

/**
 * The written pages that are free now, as far as the written part of the free list tells
 * (https://sqlite.org/fileformat2.html, "The Freelist"). A page that becomes free is entered in a trunk page, or becomes one,
 * and both writes are among `pages`; without page 1 the list did not change.
 */
export function freePages(pages: Pages): Set<number> {
  const free = new Set<number>()
  const header = pages.get(1)
  for (let trunk = header === undefined ? 0 : uint32(header, FIRST_TRUNK); trunk !== 0; ) {
    const content = pages.get(trunk)
    if (content === undefined || free.has(trunk)) break
    free.add(trunk)
    const count = Math.min(uint32(content, 4), (content.byteLength >>> 2) - 2)
    for (let index = 0; index < count; index += 1) {
      const leaf = uint32(content, 8 + 4 * index)
      if (pages.has(leaf)) free.add(leaf)
    }
    trunk = uint32(content, 0)
  }
  return free
}

/** The pages of the overflow chain that begins at `first`, up to the first one that was not written, which is included. */
export function chainOf(first: number, pages: Pages): number[] {
  const chain = new Set<number>()
  for (let page = first; page !== 0 && !chain.has(page); ) {
    chain.add(page)
    const content = pages.get(page)
    if (content === undefined || pageType(content) !== 'chain') break
    page = uint32(content, 0)
  }
  return [...chain]
}

/** The overflow chains of all written index pages. */
export function indexChains(pages: Pages, usable: number): number[] {
  return [...pages.values()].flatMap((content) =>
    (indexOverflows(content, usable) ?? []).flatMap((first) => chainOf(first, pages)),
  )
}
