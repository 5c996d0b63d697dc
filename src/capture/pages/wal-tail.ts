import type { WalPosition, WalRead } from '../wal/wal.ts'
import { walStart } from './wal-start.ts'

export type ReadWal = (walPath: string, position: WalPosition | null) => WalRead

export interface Lost {
  readonly kind: 'lost'
  readonly reason: string
  /** The last commit may not be visible in SQL yet, and will not be taken again: a full diff is needed once more. */
  readonly gap: boolean
}

export interface TakenPages {
  readonly kind: 'pages'
  readonly commits: number
  /** Newest content of every written page that is still part of the database. */
  readonly pages: ReadonlyMap<number, Uint8Array>
  readonly pageSize: number
  /** Size of the database in pages; null when nothing was committed. */
  readonly databasePages: number | null
  /** SQL shows all that was taken before. Of what is taken now it may not show the last commit yet. */
  readonly settled: boolean
}

/** `nothing`: no commit became visible since the last call. */
export type Taken = { readonly kind: 'nothing' } | Lost | TakenPages

/**
 * Follows the WAL of a database that another process writes.
 *
 * A commit is in the WAL some time before SQL shows it: its writer syncs the frames first. Invariants: `#before` is the data
 * version as it was before the last reading, so if it is still the same, nothing new can be seen; `#after` is the one right after
 * it. At most one commit, the last one that was taken, was not visible then, since commits become visible in their order; so
 * with any move since then it is.
 */
export class WalTail {
  readonly #walPath: string
  readonly #readWal: ReadWal
  readonly #dataVersion: () => number
  #position: WalPosition | null = null
  #before = Number.NaN
  #after = Number.NaN

  constructor(walPath: string, readWal: ReadWal, dataVersion: () => number) {
    this.#walPath = walPath
    this.#readWal = readWal
    this.#dataVersion = dataVersion
  }

  /**
   * Goes on from now, or from before: if it is not too much, all that the WAL still holds is taken again, so that what is not
   * visible yet is not missed. To be called before the full diff begins.
   */
  restart(): Lost {
    return this.#startOver(this.#readWal(this.#walPath, null).position, 'start')
  }

  /** What was committed since the last call. Throws what reading the WAL and SQL throw. */
  take(): Taken {
    const now = this.#dataVersion()
    if (now === this.#before) return { kind: 'nothing' }
    const read = this.#readWal(this.#walPath, this.#position)
    if (read.kind === 'lost') return this.#startOver(read.position, read.reason)
    const settled = now !== this.#after
    this.#position = read.position
    this.#before = now
    this.#after = this.#dataVersion()
    const { commits, pageSize, databasePages } = read
    const pages = withinDatabase(read.pages, databasePages)
    return { kind: 'pages', commits, pages, pageSize, databasePages, settled }
  }

  #startOver(end: WalPosition | null, reason: string): Lost {
    const start = end === null ? null : walStart(this.#walPath, end)
    this.#position = start ?? end
    this.#after = this.#dataVersion()
    this.#before = this.#after
    return { kind: 'lost', reason, gap: start === null && end !== null }
  }
}

/** Pages beyond the end were cut off again. */
function withinDatabase(
  pages: ReadonlyMap<number, Uint8Array>,
  size: number | null,
): ReadonlyMap<number, Uint8Array> {
  return size === null ? pages : new Map([...pages].filter(([page]) => page <= size))
}
