import type { LeafCell } from './btree.ts'
import type { Neighbours } from './ranges.ts'
import { readRecord, type Value } from './record.ts'
import { field, quoted, type RowidTable, type Schema, type SqlDatabase, type SqlStatement } from './schema.ts'

/** Whose rows a leaf shows; null where no table has these rows now. */
export type Owner = 'watched' | 'other' | null

/** So many columns of a row are compared with what SQL says. */
const COMPARED_COLUMNS = 6

interface Asked {
  readonly table: RowidTable
  readonly row: SqlStatement
}

/**
 * Tells by SQL whose rows stand in a leaf, and which rows are next to others. Every question is a read transaction of its own,
 * over after some microseconds.
 */
export class RowProbe implements Neighbours {
  readonly #watched: Asked
  readonly #others: Asked[]
  readonly #previous: SqlStatement
  readonly #next: SqlStatement

  /** Throws what SQLite throws. */
  constructor(database: SqlDatabase, watched: RowidTable, schema: Schema) {
    this.#watched = { table: watched, row: prepareRow(database, watched) }
    // Rows of a copy could be taken for the watched table's as they were, or will be.
    const others = schema.others.filter((table) => !beginAlike(table, watched))
    this.#others = others.map((table) => ({ table, row: prepareRow(database, table) }))
    const { rowid } = watched
    const from = `select ${rowid} as r from ${quoted(watched.name)} where ${rowid}`
    this.#previous = database.prepare(`${from} < ? order by ${rowid} desc limit 1`)
    this.#next = database.prepare(`${from} > ? order by ${rowid} limit 1`)
  }

  /**
   * `watched` when one of the rows is a row of the watched table as SQL shows it, `other` when one is a row of another
   * table and none is the watched table's. A row of the watched table that SQL does not show yet, or no more, is nobody's.
   */
  ownerOf(cells: readonly LeafCell[]): Owner {
    const samples = [...new Set([cells[0], cells.at(-1), cells[cells.length >> 1]])].filter(
      (each) => each !== undefined,
    )
    if (samples.some((cell) => this.#has(this.#watched, cell, false))) return 'watched'
    const index = this.#others.findIndex((asked) => samples.some((cell) => this.#has(asked, cell, true)))
    const [found] = index < 0 ? [] : this.#others.splice(index, 1)
    if (found === undefined) return null
    this.#others.unshift(found)
    return 'other'
  }

  below(rowid: number): number | null {
    return this.#rowid(this.#previous, rowid)
  }

  above(rowid: number): number | null {
    return this.#rowid(this.#next, rowid)
  }

  #rowid(statement: SqlStatement, rowid: number): number | null {
    const row = statement.get(rowid)
    return row === undefined ? null : Number(field(row, 'r'))
  }

  /** `certain` demands that the whole head of the record was seen: a record of more columns is none of the table's. */
  #has({ table, row }: Asked, cell: LeafCell, certain: boolean): boolean {
    if (Number.isNaN(cell.rowid)) return false
    const record = readRecord(cell.local, COMPARED_COLUMNS)
    if (record === null || (certain && record.columns === null)) return false
    if ((record.columns ?? 0) > table.columns.length) return false
    const shown = row.get(cell.rowid)
    return shown !== undefined && agree(record.values, shown, table)
  }
}

function beginAlike(a: RowidTable, b: RowidTable): boolean {
  const names = ({ columns }: RowidTable) =>
    columns.slice(0, COMPARED_COLUMNS).map(({ name }) => name.toLowerCase())
  return names(a).join() === names(b).join()
}

function prepareRow(database: SqlDatabase, { name, columns, rowid }: RowidTable): SqlStatement {
  const list = columns
    .slice(0, COMPARED_COLUMNS)
    .map((column, index) => `${quoted(column.name)} as c${index}`)
  return database.prepare(`select ${list.join(', ')} from ${quoted(name)} where ${rowid} = ?`)
}

/** Whether all values that can be compared are equal, and at least one says something. */
function agree(values: readonly Value[], shown: unknown, table: RowidTable): boolean {
  let telling = false
  for (const [index, value] of values.entries()) {
    if (value.kind === 'unread' || table.columns[index]?.isRowid === true) continue
    if (!same(value, field(shown, `c${index}`))) return false
    telling ||= value.kind !== 'null'
  }
  return telling
}

function same(value: Value, shown: unknown): boolean {
  switch (value.kind) {
    case 'null':
      return shown === null
    case 'number':
      return value.value === shown
    case 'text':
      return typeof shown === 'string' && sameText(shown, value)
    case 'blob':
      return shown instanceof Uint8Array && beginsWith(shown, value)
    default:
      return false
  }
}

function beginsWith(shown: Uint8Array, value: { bytes: Uint8Array; length: number }): boolean {
  if (shown.byteLength !== value.length) return false
  return Buffer.compare(shown.subarray(0, value.bytes.byteLength), value.bytes) === 0
}

/** Bytes that are no UTF-8 are compared as what they become in a string. */
function sameText(shown: string, value: { bytes: Uint8Array; length: number }): boolean {
  if (value.bytes.byteLength < value.length) return beginsWith(Buffer.from(shown), value)
  return Buffer.from(value.bytes).toString() === shown
}
