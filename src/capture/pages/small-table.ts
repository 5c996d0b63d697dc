import { field, type SqlDatabase } from './schema.ts'

export interface SmallTableOptions {
  readonly table: string
  /** What matters of it, in a fixed order: `select id, path from library order by id`. */
  readonly query: string
}

const SELECT_PAGES = 'select pageno as page from dbstat where name = ?'

/** A table of few rows, read as a whole whenever one of its pages was written. */
export class SmallTable {
  readonly table: string
  readonly #database: SqlDatabase
  readonly #query: string
  #pages = new Set<number>()
  #content = ''
  /** What was read may be older than the pages that were seen: to be read once more when they are surely visible. */
  #stale = false

  /** Throws what SQLite throws. */
  constructor(database: SqlDatabase, { table, query }: SmallTableOptions) {
    this.table = table
    this.#database = database
    this.#query = query
    this.#read()
  }

  /** Whether what matters of the table changed since the last call. */
  changed(pages: ReadonlyMap<number, Uint8Array>, settled: boolean): boolean {
    const touched = [...this.#pages].some((page) => pages.has(page))
    if (!touched && !this.#stale) return false
    this.#stale = touched || !settled
    return this.#read()
  }

  #read(): boolean {
    const rows = this.#database.prepare(SELECT_PAGES).all(this.table)
    this.#pages = new Set(rows.map((row) => Number(field(row, 'page'))))
    const content = JSON.stringify(this.#database.prepare(this.#query).all())
    const changed = content !== this.#content
    this.#content = content
    return changed
  }
}
