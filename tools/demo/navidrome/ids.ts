import { createHash, randomBytes } from 'node:crypto'

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** 128 random bits as 22 base-62 digits, as the server names new tracks. */
export function randomId(): string {
  return base62(randomBytes(16))
}

/** The same id for the same texts, as the server names artists, albums, folders and persistent ids. */
export function hashId(...texts: readonly string[]): string {
  return base62(createHash('md5').update(texts.join('\\')).digest())
}

function base62(bytes: Buffer): string {
  let value = BigInt(`0x${bytes.toString('hex')}`)
  let text = ''
  while (text.length < 22) {
    text = (DIGITS[Number(value % 62n)] ?? '0') + text
    value /= 62n
  }
  return text
}

/** A time as Go writes it: nanoseconds without trailing zeros, with an offset. */
export function goTime(epochNs: bigint): string {
  const seconds = new Date(Number(epochNs / 1_000_000n)).toISOString().slice(0, 19).replace('T', ' ')
  const fraction = (epochNs % 1_000_000_000n).toString().padStart(9, '0').replace(/0+$/, '')
  return `${seconds}${fraction === '' ? '' : `.${fraction}`}+00:00`
}

export function goNow(): string {
  return goTime(BigInt(Date.now()) * 1_000_000n)
}
