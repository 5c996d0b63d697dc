import type { Unreadable } from './source.ts'

/** So many entries of one cause are listed one by one; the next one says how many there are in all. */
const LISTED_PER_CAUSE = 100

interface Tally {
  count: number
  last: string
}

/** Collects what a snapshot could not read; one entry a path, bounded per cause for causes that may be many. */
export class UnreadablePlaces {
  readonly #places = new Map<string, string>()
  readonly #tallies = new Map<string, Tally>()

  /** A place below which tracks may exist that nobody saw: always kept. */
  add(path: string, cause: string): void {
    if (!this.#places.has(path)) this.#places.set(path, cause)
  }

  /** A single file or row that can never become a track: kept up to a bound, then counted. */
  addSingle(path: string, cause: string): void {
    const shown = printablePath(path)
    const tally = this.#tallies.get(cause) ?? { count: 0, last: '' }
    tally.count += 1
    tally.last = shown
    this.#tallies.set(cause, tally)
    if (tally.count <= LISTED_PER_CAUSE) this.add(shown, cause)
  }

  list(): Unreadable[] {
    const listed = [...this.#places].map(([path, cause]) => ({ path, cause }))
    for (const [cause, tally] of this.#tallies) {
      if (tally.count <= LISTED_PER_CAUSE) continue
      listed.push({ path: tally.last, cause: `${cause} (the last of ${tally.count})` })
    }
    return listed
  }
}

/** The path with control characters replaced, so that it can be logged and shown. */
function printablePath(path: string): string {
  return path.replaceAll(/\p{Cc}/gu, '\u{fffd}')
}
