import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

const ID3V1_BYTES = 128
const ID3V1_EXTENDED_BYTES = 227
const APE_FOOTER_BYTES = 32
const LYRICS_FOOTER_BYTES = 15
const LYRICS1_BYTES_MAX = 5100
const ID3V2_FOOTER_BYTES = 10

/** Reads exactly `length` bytes that end at offset `end`, or null where the file is too short for that. */
type ReadBefore = (end: number, length: number) => Buffer | null

/**
 * Where the tags that follow the audio begin (ID3v1, extended ID3v1, APE, Lyrics3, ID3v2 at the end, in any order),
 * or null where the file ends with none.
 *
 * Demultiplexers of raw formats hand such tags out as audio, so the audio's end has to be known before.
 */
export function audioEnd(path: string): number | null {
  const descriptor = openSync(path, 'r')
  try {
    const size = fstatSync(descriptor).size
    const end = stripTags(size, (before, length) => {
      if (before < length) return null
      const buffer = Buffer.alloc(length)
      return readSync(descriptor, buffer, 0, length, before - length) === length ? buffer : null
    })
    return end === size ? null : end
  } finally {
    closeSync(descriptor)
  }
}

/** The same on any source of bytes. Never returns less than 1: a file of nothing but tags keeps its first byte. */
export function stripTags(size: number, read: ReadBefore): number {
  let end = size
  for (;;) {
    const length = id3v1(end, read) ?? ape(end, read) ?? lyrics3(end, read) ?? id3v2AtEnd(end, read) ?? 0
    if (length <= 0 || length >= end) return end
    end -= length
  }
}

function id3v1(end: number, read: ReadBefore): number | null {
  if (text(read(end, ID3V1_BYTES), 0, 3) !== 'TAG') return null
  const extended = text(read(end - ID3V1_BYTES, ID3V1_EXTENDED_BYTES), 0, 4) === 'TAG+'
  return ID3V1_BYTES + (extended ? ID3V1_EXTENDED_BYTES : 0)
}

/** APEv1 and APEv2: a footer of 32 bytes whose size counts items and footer but not the optional header. */
function ape(end: number, read: ReadBefore): number | null {
  const footer = read(end, APE_FOOTER_BYTES)
  if (footer === null || text(footer, 0, 8) !== 'APETAGEX') return null
  const size = footer.readUInt32LE(12)
  const hasHeader = footer.readUInt32LE(20) >>> 31 === 1
  return size < APE_FOOTER_BYTES ? null : size + (hasHeader ? APE_FOOTER_BYTES : 0)
}

function lyrics3(end: number, read: ReadBefore): number | null {
  const footer = read(end, LYRICS_FOOTER_BYTES)
  if (text(footer, 6, 9) === 'LYRICS200') {
    const size = Number(text(footer, 0, 6))
    return Number.isInteger(size) &&
      text(read(end - LYRICS_FOOTER_BYTES - size + 11, 11), 0, 11) === 'LYRICSBEGIN'
      ? size + LYRICS_FOOTER_BYTES
      : null
  }
  if (text(footer, 6, 9) !== 'LYRICSEND') return null
  const block = read(end, Math.min(end, LYRICS1_BYTES_MAX + 20))
  const begin = block?.lastIndexOf('LYRICSBEGIN', undefined, 'latin1') ?? -1
  return block === null || begin < 0 ? null : block.length - begin
}

/** ID3v2.4 behind the audio carries a footer "3DI" with a syncsafe size that counts neither header nor footer. */
function id3v2AtEnd(end: number, read: ReadBefore): number | null {
  const footer = read(end, ID3V2_FOOTER_BYTES)
  if (footer === null || text(footer, 0, 3) !== '3DI') return null
  const bytes = footer.subarray(6, 10)
  if (bytes.some((byte) => byte > 0x7f)) return null
  const size = bytes.reduce((sum, byte) => sum * 128 + byte, 0)
  return size + 2 * ID3V2_FOOTER_BYTES
}

function text(buffer: Buffer | null, start: number, length: number): string {
  return buffer === null ? '' : buffer.toString('latin1', start, start + length)
}
