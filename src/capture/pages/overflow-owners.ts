import { field, quoted, type Schema, type SqlDatabase, type SqlStatement } from './schema.ts'

/** Tables whose rowids span more are not looked through: it would take too long. */
const MOST_ROWIDS = 2000
const SELECT_OVERFLOW = `select pageno as page from dbstat where name = ? and pagetype = 'overflow'`

/** Finds out which overflow pages belong to small tables, such as saved play queues, which are overwritten in place often. */
export class OverflowOwners {
  readonly #tables: ReadonlyArray<{ readonly name: string; readonly span: SqlStatement }>
  readonly #overflow: SqlStatement

  /** Throws what SQLite throws. */
  constructor(database: SqlDatabase, schema: Schema) {
    this.#overflow = database.prepare(SELECT_OVERFLOW)
    this.#tables = schema.others.map(({ name, rowid }) => ({
      name,
      span: database.prepare(`select
        (select ${rowid} from ${quoted(name)} order by ${rowid} desc limit 1)
        - (select ${rowid} from ${quoted(name)} order by ${rowid} limit 1) as span`),
    }))
  }

  /** Overflow pages of all small tables but the watched one. Some milliseconds. */
  ofSmallTables(): Set<number> {
    const small = this.#tables.filter(({ span }) => {
      const width = field(span.get(), 'span')
      return typeof width === 'number' && width <= MOST_ROWIDS
    })
    return new Set(
      small.flatMap(({ name }) => this.#overflow.all(name).map((row) => Number(field(row, 'page')))),
    )
  }
}
