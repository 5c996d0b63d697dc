/** An interior page of the watched table as it was last written. */
export interface Interior {
  readonly children: readonly number[]
  readonly keys: readonly number[]
  /** 1 where the children are leaves, 2 where they are not, or may not be. */
  readonly level: 1 | 2
}

/**
 * What is known of the pages of a database, learned from the commits that wrote them: nothing is read to build it. A page is
 *
 * - unknown: at first, and whenever it was written and what became of it could not be told;
 * - other: it belongs to something that is not watched, as a leaf, an interior or an overflow page;
 * - interior: an interior page of the watched table, with its content.
 *
 * All of it is true of the last state of the database that was judged: whatever is written is learned anew. What was not
 * written cannot have changed its owner, because a page that is taken into a tree is written. One bit a page and about 8 kB
 * an interior page.
 */
export class PageMap {
  #others = new Uint8Array(1024)
  readonly #interiors = new Map<number, Interior>()

  isOther(page: number): boolean {
    return ((this.#others[page >>> 3] ?? 0) & (1 << (page & 7))) !== 0
  }

  interior(page: number): Interior | undefined {
    return this.#interiors.get(page)
  }

  setOther(page: number): void {
    this.#interiors.delete(page)
    const index = page >>> 3
    if (index >= this.#others.length) {
      const larger = new Uint8Array(Math.max(index + 1, this.#others.length * 2))
      larger.set(this.#others)
      this.#others = larger
    }
    this.#others[index] = (this.#others[index] ?? 0) | (1 << (page & 7))
  }

  setInterior(page: number, interior: Interior): void {
    this.setUnknown(page)
    this.#interiors.set(page, interior)
  }

  setUnknown(page: number): void {
    this.#interiors.delete(page)
    const index = page >>> 3
    if (index < this.#others.length) this.#others[index] = (this.#others[index] ?? 0) & ~(1 << (page & 7))
  }

  forget(): void {
    this.#others = new Uint8Array(1024)
    this.#interiors.clear()
  }
}
