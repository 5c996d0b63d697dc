import { readInteger, readVarint } from './varint.ts'

/** `unread` where the value is not wholly on the page. */
export type Value =
  | { readonly kind: 'null' }
  | { readonly kind: 'unread' }
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'text'; readonly bytes: Uint8Array; readonly length: number }
  | { readonly kind: 'blob'; readonly bytes: Uint8Array; readonly length: number }

const INTEGER_BYTES = [0, 1, 2, 3, 4, 6, 8]
const UNREAD: Value = { kind: 'unread' }

/**
 * The first values of a record (https://sqlite.org/fileformat2.html, "Record Format") of which `local` is the beginning, and
 * how many columns it has: null where the header is not wholly in `local`. Of a text or blob that goes on elsewhere the
 * beginning. Null where the bytes are no record.
 */
export function readRecord(
  local: Uint8Array,
  most: number,
): { readonly values: readonly Value[]; readonly columns: number | null } | null {
  const header = readVarint(local, 0)
  if (header === null || !(header.value >= header.length)) return null
  const types: number[] = []
  let at = header.length
  while (at < header.value && at < local.byteLength) {
    const type = readVarint(local, at)
    if (type === null || !(type.value >= 0)) break
    types.push(type.value)
    at += type.length
  }
  const whole = at === header.value
  if (!whole && header.value <= local.byteLength) return null
  let body = header.value
  const values: Value[] = []
  for (const type of types.slice(0, most)) {
    values.push(valueAt(local, body, type))
    body += valueBytes(type)
  }
  return { values, columns: whole ? types.length : null }
}

function valueBytes(type: number): number {
  if (type >= 12) return Math.floor((type - 12) / 2)
  return type === 7 ? 8 : (INTEGER_BYTES[type] ?? 0)
}

function valueAt(local: Uint8Array, at: number, type: number): Value {
  const length = valueBytes(type)
  if (type === 0) return { kind: 'null' }
  if (type === 8 || type === 9) return { kind: 'number', value: type - 8 }
  if (type >= 12) {
    const bytes = local.subarray(Math.min(at, local.byteLength), Math.min(at + length, local.byteLength))
    return { kind: type % 2 === 0 ? 'blob' : 'text', bytes, length }
  }
  if (type > 9 || at + length > local.byteLength) return UNREAD
  if (type === 7)
    return { kind: 'number', value: new DataView(local.buffer, local.byteOffset + at, 8).getFloat64(0) }
  return { kind: 'number', value: readInteger(local, at, length) }
}
