/** A variable-length integer as it stands in a page. */
export interface Varint {
  /** NaN where it is beyond the integers a number holds exactly. */
  readonly value: number
  /** Bytes it takes, 1 to 9. */
  readonly length: number
}

const TWO_32 = 0x1_0000_0000

/**
 * The big-endian variable-length integer at `offset`, signed when it takes nine bytes
 * (https://sqlite.org/fileformat2.html, "B-tree Pages"); null where the bytes end before it does.
 */
export function readVarint(bytes: Uint8Array, offset: number): Varint | null {
  const first = bytes[offset]
  if (first === undefined) return null
  if (first < 0x80) return { value: first, length: 1 }
  let value = first & 0x7f
  for (let length = 2; length <= 8; length += 1) {
    const byte = bytes[offset + length - 1]
    if (byte === undefined) return null
    value = value * 128 + (byte & 0x7f)
    if (byte < 0x80) return { value: value <= Number.MAX_SAFE_INTEGER ? value : Number.NaN, length }
  }
  return readNine(bytes, offset)
}

/** Nine bytes: seven bits of each of the first eight, and the whole last one. */
function readNine(bytes: Uint8Array, offset: number): Varint | null {
  if (offset + 9 > bytes.byteLength) return null
  let value = 0n
  for (let index = 0; index < 8; index += 1)
    value = (value << 7n) | BigInt((bytes[offset + index] ?? 0) & 0x7f)
  const exact = Number(BigInt.asIntN(64, (value << 8n) | BigInt(bytes[offset + 8] ?? 0)))
  return { value: Number.isSafeInteger(exact) ? exact : Number.NaN, length: 9 }
}

/** A signed big-endian integer of 1, 2, 3, 4, 6 or 8 bytes; of 8 bytes only as exact as a number is. */
export function readInteger(bytes: Uint8Array, offset: number, length: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  switch (length) {
    case 1:
      return view.getInt8(offset)
    case 2:
      return view.getInt16(offset)
    case 3:
      return view.getInt8(offset) * 0x1_0000 + view.getUint16(offset + 1)
    case 4:
      return view.getInt32(offset)
    case 6:
      return view.getInt16(offset) * TWO_32 + view.getUint32(offset + 2)
    default:
      return Number(view.getBigInt64(offset))
  }
}
