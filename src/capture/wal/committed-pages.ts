import type { ChainPoint, Frame } from './parse.ts'

/**
 * Gathers what commits say. Frames are pending until a commit frame follows; then their pages replace older content. At
 * most `maxPages` distinct pages are kept (twice as many copies at worst: committed and pending content of each). A
 * commit that goes beyond makes it `overflowed`, for good; a transaction that goes beyond and never commits does not.
 */
export class CommittedPages {
  readonly #maxPages: number
  readonly #pages = new Map<number, Uint8Array>()
  readonly #pending = new Map<number, Uint8Array>()
  /** Pending pages that are not among the committed ones. */
  #fresh = 0
  #pendingOverflowed = false
  #overflowed = false
  #commits = 0
  #databasePages: number | null = null

  constructor(maxPages: number) {
    this.#maxPages = maxPages
  }

  get pages(): ReadonlyMap<number, Uint8Array> {
    return this.#pages
  }

  get commits(): number {
    return this.#commits
  }

  /** Size of the database in pages after the last commit; null when there was none. */
  get databasePages(): number | null {
    return this.#databasePages
  }

  get overflowed(): boolean {
    return this.#overflowed
  }

  /** Takes in all commits of these frames, which begin at `from`; the ends of the last commit and frame, or `from`. */
  takeAll(
    frames: Iterable<Frame>,
    from: ChainPoint,
  ): { readonly commit: ChainPoint; readonly last: ChainPoint } {
    let commit = from
    let last = from
    for (const frame of frames) {
      this.#hold(frame)
      last = frame.end
      if (frame.databasePages === 0) continue
      this.#commit(frame.databasePages)
      commit = frame.end
    }
    this.#forgetPending()
    return { commit, last }
  }

  #hold(frame: Frame): void {
    if (this.#overflowed || this.#pendingOverflowed) return
    if (!this.#pending.has(frame.page) && !this.#pages.has(frame.page)) this.#fresh += 1
    if (this.#pages.size + this.#fresh > this.#maxPages) {
      this.#pending.clear()
      this.#pendingOverflowed = true
    } else {
      this.#pending.set(frame.page, new Uint8Array(frame.content))
    }
  }

  #commit(databasePages: number): void {
    this.#commits += 1
    this.#databasePages = databasePages
    if (this.#pendingOverflowed) {
      this.#overflowed = true
      this.#pages.clear()
    }
    for (const [page, content] of this.#pending) this.#pages.set(page, content)
    this.#forgetPending()
  }

  #forgetPending(): void {
    this.#pending.clear()
    this.#fresh = 0
    this.#pendingOverflowed = false
  }
}
