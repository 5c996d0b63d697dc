/**
 * Which pages of a database are known to belong to something that is not watched: as a page of another table, or as an overflow
 * page of another table or an index. Learned from the commits that write them, so that nothing is read to build it; a page that
 * was not written since the start, or that is free, is unknown. One bit a page.
 *
 * Invariant: what it says is true of the last state that was judged. A page that was not written since has not changed its
 * owner, because a page that is taken into a tree is written.
 */
export class PageMap {
  #others = new Uint8Array(1024)

  isOther(page: number): boolean {
    return ((this.#others[page >>> 3] ?? 0) & (1 << (page & 7))) !== 0
  }

  setOther(page: number): void {
    const index = page >>> 3
    if (index >= this.#others.length) {
      const larger = new Uint8Array(Math.max(index + 1, this.#others.length * 2))
      larger.set(this.#others)
      this.#others = larger
    }
    this.#others[index] = (this.#others[index] ?? 0) | (1 << (page & 7))
  }

  setUnknown(page: number): void {
    const index = page >>> 3
    if (index < this.#others.length) this.#others[index] = (this.#others[index] ?? 0) & ~(1 << (page & 7))
  }

  forget(): void {
    this.#others = new Uint8Array(1024)
  }
}
