import assert from 'node:assert/strict'
import Database from 'better-sqlite3'
import { ChangeHints, type Judgement } from '../../../src/capture/pages/hints.ts'
import { readWal } from '../../../src/capture/wal/reader.ts'

const COLUMNS = 'rowid as r, id, path, title, artist, album, duration, missing, library_id'
export const LIBRARIES = 'select id, path from library order by id'

/** A copy of what matters of a library, kept up by hints alone. */
export class Mirror {
  readonly hints: ChangeHints
  /** In all ranges together. */
  rowsRead = 0
  readonly #database: Database.Database
  #rows = new Map<number, string>()
  #libraries = ''

  constructor(path: string) {
    this.#database = new Database(path, { readonly: true })
    this.hints = new ChangeHints({
      connection: () => this.#database,
      walPath: `${path}-wal`,
      table: 'media_file',
      smallTables: [{ table: 'library', query: LIBRARIES }],
      readWal,
    })
  }

  /** Follows what was committed since the last call. */
  follow(): Judgement {
    const first = this.hints.poll()
    // A judgement may be put off until the next call.
    const judgement = first.kind === 'irrelevant' ? this.hints.poll() : first
    if (judgement.kind === 'full') {
      this.#rows = this.#select(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)
      this.#libraries = this.#selectLibraries()
    } else if (judgement.kind === 'ranges') {
      const changed = judgement.ranges.map(({ first, last }) => this.#take(first, last))
      this.hints.observed(changed.reduce((sum, each) => sum + each, 0))
    }
    return judgement
  }

  assertTrue(context: string): void {
    const truth = this.#select(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)
    const wrong = [...new Set([...truth.keys(), ...this.#rows.keys()])].filter(
      (rowid) => truth.get(rowid) !== this.#rows.get(rowid),
    )
    assert.deepEqual(wrong, [], `rows missed after ${context}`)
    assert.equal(this.#libraries, this.#selectLibraries(), `libraries missed after ${context}`)
  }

  get size(): number {
    return this.#rows.size
  }

  close(): void {
    this.#database.close()
  }

  #take(first: number, last: number): number {
    const now = this.#select(first, last)
    this.rowsRead += now.size
    let changed = 0
    for (const rowid of this.#rows.keys()) {
      if (rowid < first || rowid > last || now.has(rowid)) continue
      this.#rows.delete(rowid)
      changed += 1
    }
    for (const [rowid, row] of now) {
      if (this.#rows.get(rowid) !== row) changed += 1
      this.#rows.set(rowid, row)
    }
    return changed
  }

  #select(first: number, last: number): Map<number, string> {
    const rows = this.#database
      .prepare<[number, number], { r: number }>(
        `select ${COLUMNS} from media_file where rowid between ? and ?`,
      )
      .all(first, last)
    return new Map(rows.map((row) => [row.r, JSON.stringify(row)]))
  }

  #selectLibraries(): string {
    return JSON.stringify(this.#database.prepare(LIBRARIES).all())
  }
}
