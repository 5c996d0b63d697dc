import { OverflowOwners } from './overflow-owners.ts'
import { RowProbe } from './row-probe.ts'
import { readCookie, readSchema, type Schema, type SqlDatabase } from './schema.ts'
import { SmallTable, type SmallTableOptions } from './small-table.ts'

/** All questions to a database that belong to one state of its schema. */
export interface Shape {
  readonly schema: Schema
  /** Null where the watched table is not there. */
  readonly probe: RowProbe | null
  readonly overflowOwners: OverflowOwners
  readonly smallTables: readonly SmallTable[]
}

/** How often a schema that changes meanwhile is read anew. */
const ATTEMPTS = 5

/** Reads the schema and prepares the questions. Throws what SQLite throws. */
export function readShape(
  database: SqlDatabase,
  table: string,
  smallTables: readonly SmallTableOptions[],
): Shape {
  for (let attempt = 1; ; attempt += 1) {
    const cookie = readCookie(database)
    try {
      const schema = readSchema(database, table)
      return {
        schema,
        probe: schema.watched === undefined ? null : new RowProbe(database, schema.watched, schema),
        overflowOwners: new OverflowOwners(database, schema),
        smallTables: smallTables.map((each) => new SmallTable(database, each)),
      }
    } catch (error) {
      // Tables may come and go between two questions.
      if (attempt === ATTEMPTS || readCookie(database) === cookie) throw error
    }
  }
}
