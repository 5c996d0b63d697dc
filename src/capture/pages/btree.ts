import { readVarint } from './varint.ts'

/** One row of a leaf of a table. */
export interface LeafCell {
  /** NaN where a number cannot hold it. */
  readonly rowid: number
  /** The part of the record that is on this page. */
  readonly local: Uint8Array
  /** First overflow page, 0 where the record is whole. */
  readonly overflow: number
}

/** What a b-tree page of a table says of its tree. */
export type TablePage =
  | { readonly kind: 'leaf'; readonly cells: readonly LeafCell[] }
  | {
      readonly kind: 'interior'
      /** One more than there are keys: rows with a key up to keys[i] are below children[i], all others below the last. */
      readonly children: readonly number[]
      /** Ascending; NaN where a number cannot hold one. */
      readonly keys: readonly number[]
    }

export type PageType = 'table leaf' | 'table interior' | 'index' | 'chain' | 'strange'

const TYPES: Readonly<Record<number, PageType>> = {
  2: 'index',
  5: 'table interior',
  10: 'index',
  13: 'table leaf',
}
/** Where the b-tree of page 1 begins: the header of the database comes first. */
export const DATABASE_HEADER_BYTES = 100
/** From this size on the first byte of an overflow page can be that of a b-tree page. */
export const AMBIGUOUS_PAGES = 1 << 24

/**
 * What a page other than page 1 can be, by its first byte. In databases of less than `AMBIGUOUS_PAGES` pages and without
 * auto-vacuum, overflow and free-list trunk pages begin with a page number below 2^24, so with a zero byte: `chain`.
 */
export function pageType(bytes: Uint8Array): PageType {
  const first = bytes[0]
  return first === 0 ? 'chain' : (TYPES[first ?? -1] ?? 'strange')
}

/**
 * A b-tree page of a table (https://sqlite.org/fileformat2.html, "B-tree Pages"), or null where the bytes are none: another
 * type, or a pointer out of bounds. Never throws, never reads beyond the bytes. `usable` is the page size without the
 * reserved bytes at its end.
 */
export function parseTablePage(bytes: Uint8Array, pageNumber: number, usable: number): TablePage | null {
  const at = pageNumber === 1 ? DATABASE_HEADER_BYTES : 0
  const type = bytes[at]
  if (type !== 5 && type !== 13) return null
  const pointers = cellPointers(bytes, at, type === 5 ? 12 : 8, usable)
  if (pointers === null) return null
  return type === 13 ? parseLeaf(bytes, pointers, usable) : parseInterior(bytes, at, pointers)
}

/** First overflow pages of the cells of an index page; null where the bytes are none. */
export function indexOverflows(bytes: Uint8Array, usable: number): number[] | null {
  const type = bytes[0]
  if (type !== 2 && type !== 10) return null
  const pointers = cellPointers(bytes, 0, type === 2 ? 12 : 8, usable)
  if (pointers === null) return null
  const overflows: number[] = []
  for (const pointer of pointers) {
    const start = type === 2 ? pointer + 4 : pointer
    const size = readVarint(bytes, start)
    if (size === null || !(size.value >= 0)) return null
    const cell = payloadAt(bytes, start + size.length, size.value, maxIndexLocal(usable), usable)
    if (cell === null) return null
    if (cell.overflow !== 0) overflows.push(cell.overflow)
  }
  return overflows
}

function cellPointers(bytes: Uint8Array, at: number, headerBytes: number, usable: number): number[] | null {
  if (usable > bytes.byteLength || usable < 480 || at + headerBytes > usable) return null
  const count = uint16(bytes, at + 3)
  const first = at + headerBytes
  if (first + 2 * count > usable) return null
  const pointers: number[] = []
  for (let index = 0; index < count; index += 1) {
    const pointer = uint16(bytes, first + 2 * index)
    if (pointer < first + 2 * count || pointer + 4 > usable) return null
    pointers.push(pointer)
  }
  return pointers
}

function parseLeaf(bytes: Uint8Array, pointers: readonly number[], usable: number): TablePage | null {
  const cells: LeafCell[] = []
  for (const pointer of pointers) {
    const size = readVarint(bytes, pointer)
    if (size === null || !(size.value >= 0)) return null
    const rowid = readVarint(bytes, pointer + size.length)
    if (rowid === null) return null
    const start = pointer + size.length + rowid.length
    const payload = payloadAt(bytes, start, size.value, usable - 35, usable)
    if (payload === null) return null
    const { local, overflow } = payload
    cells.push({ rowid: rowid.value, local: bytes.subarray(start, start + local), overflow })
  }
  return { kind: 'leaf', cells }
}

function parseInterior(bytes: Uint8Array, at: number, pointers: readonly number[]): TablePage | null {
  const children: number[] = []
  const keys: number[] = []
  for (const pointer of pointers) {
    const key = readVarint(bytes, pointer + 4)
    if (key === null) return null
    children.push(uint32(bytes, pointer))
    keys.push(key.value)
  }
  children.push(uint32(bytes, at + 8))
  return { kind: 'interior', children, keys }
}

/** How much of a payload is on the page and where the rest begins ("Cell Payload Overflow Pages"). */
function payloadAt(
  bytes: Uint8Array,
  start: number,
  size: number,
  maxLocal: number,
  usable: number,
): { local: number; overflow: number } | null {
  if (size <= maxLocal) return start + size <= usable ? { local: size, overflow: 0 } : null
  const minLocal = Math.floor(((usable - 12) * 32) / 255) - 23
  const wanted = minLocal + ((size - minLocal) % (usable - 4))
  const local = wanted <= maxLocal ? wanted : minLocal
  if (start + local + 4 > usable) return null
  const overflow = uint32(bytes, start + local)
  return overflow === 0 ? null : { local, overflow }
}

function maxIndexLocal(usable: number): number {
  return Math.floor(((usable - 12) * 64) / 255) - 23
}

function uint16(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0)
}

/** Big-endian, unsigned; zeros beyond the end. */
export function uint32(bytes: Uint8Array, offset: number): number {
  return uint16(bytes, offset) * 0x1_0000 + uint16(bytes, offset + 2)
}
