/** What is used of a read-only connection of better-sqlite3. */
export interface SqlDatabase {
  prepare(sql: string): SqlStatement
}

export interface SqlStatement {
  get(...parameters: unknown[]): unknown
  all(...parameters: unknown[]): unknown[]
}

/** A column whose value stands in the records of its table. */
export interface StoredColumn {
  readonly name: string
  /** The column is the rowid itself: its records hold null. */
  readonly isRowid: boolean
}

/** An ordinary table: a b-tree of rows by rowid. */
export interface RowidTable {
  readonly name: string
  readonly root: number
  /** In the order of the records. */
  readonly columns: readonly StoredColumn[]
  /** A name of the rowid that no column has taken. */
  readonly rowid: string
}

/** Where the b-trees of a database begin, as of one state of its schema. */
export interface Schema {
  /** Changes with every change of the schema, also with VACUUM. */
  readonly cookie: number
  /** Undefined where the database has no such rowid table. */
  readonly watched: RowidTable | undefined
  readonly others: readonly RowidTable[]
  /** Roots of all b-trees but the watched table's. */
  readonly otherRoots: ReadonlySet<number>
  /** Why pages of this database cannot be told apart, or null. */
  readonly unfit: string | null
}

const SELECT_ROOTS = 'select name, rootpage as root from sqlite_schema where rootpage > 0'
const SELECT_TABLES = `select name from pragma_table_list where schema = 'main' and type in ('table', 'shadow') and wr = 0`
const SELECT_COLUMNS = 'select name, type, pk from pragma_table_xinfo(?) where hidden <> 2 order by cid'
const ROWID_NAMES = ['rowid', '_rowid_', 'oid']
const SCHEMA_TABLE = { name: 'sqlite_schema', root: 1 }

/** Reads where the tables are. `table` is the one whose rows are watched. Throws what SQLite throws. */
export function readSchema(database: SqlDatabase, table: string): Schema {
  const cookie = readCookie(database)
  const roots = rootsOf(database)
  const columns = database.prepare(SELECT_COLUMNS)
  const tables = database
    .prepare(SELECT_TABLES)
    .all()
    .flatMap((row) => {
      const name = String(field(row, 'name'))
      const root = roots.get(name)
      return root === undefined ? [] : [rowidTable(name, root, columns.all(name))]
    })
  const usable = tables.filter((each): each is RowidTable => each !== null)
  const watched = usable.find(({ name }) => name === table)
  return {
    cookie,
    watched,
    others: usable.filter(({ name }) => name !== table),
    otherRoots: new Set([...roots.values()].filter((root) => root !== watched?.root)),
    unfit: unfitness(database, watched, table),
  }
}

/** Changes with every change of the schema. */
export function readCookie(database: SqlDatabase): number {
  return numberOf(database.prepare('pragma schema_version').get())
}

function rootsOf(database: SqlDatabase): Map<string, number> {
  const rows = database.prepare(SELECT_ROOTS).all()
  const roots = new Map(rows.map((row) => [String(field(row, 'name')), Number(field(row, 'root'))]))
  return roots.set(SCHEMA_TABLE.name, SCHEMA_TABLE.root)
}

function rowidTable(name: string, root: number, rows: readonly unknown[]): RowidTable | null {
  const keys = rows.filter((row) => Number(field(row, 'pk')) > 0)
  const columns = rows.map((row) => ({
    name: String(field(row, 'name')),
    isRowid: keys.length === 1 && row === keys[0] && /^integer$/i.test(String(field(row, 'type'))),
  }))
  const taken = new Set(columns.map((column) => column.name.toLowerCase()))
  const rowid = ROWID_NAMES.find((each) => !taken.has(each)) ?? columns.find((each) => each.isRowid)?.name
  return rowid === undefined ? null : { name, root, columns, rowid }
}

function unfitness(database: SqlDatabase, watched: RowidTable | undefined, table: string): string | null {
  if (watched === undefined) return `there is no table ${table} with rowids`
  if (numberOf(database.prepare('pragma auto_vacuum').get()) !== 0)
    return 'the database moves pages by itself'
  const encoding = firstField(database.prepare('pragma encoding').get())
  return encoding === 'UTF-8' ? null : `the database is encoded as ${String(encoding)}`
}

/** A name as SQL. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

export function field(row: unknown, name: string): unknown {
  return typeof row === 'object' && row !== null ? Reflect.get(row, name) : undefined
}

export function numberOf(row: unknown): number {
  return Number(firstField(row))
}

function firstField(row: unknown): unknown {
  return typeof row === 'object' && row !== null ? Object.values(row)[0] : undefined
}
