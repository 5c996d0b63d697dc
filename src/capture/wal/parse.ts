import type { ChecksumPair } from './checksum.ts'
import { addToChecksum } from './checksum.ts'

export const HEADER_BYTES = 32
export const FRAME_HEADER_BYTES = 24

const MAGIC_LITTLE_ENDIAN = 0x377f0682
const MAGIC_BIG_ENDIAN = 0x377f0683
const FORMAT_VERSION = 3_007_000
const LEAST_PAGE_BYTES = 512
const MOST_PAGE_BYTES = 65_536
const FIRST_CHUNK_BYTES = 64 * 1024
const CHUNK_BYTES = 1024 * 1024

/** Bytes of a WAL file from `offset`: fewer than `length` only at its end. They need to stay valid until the next call only. */
export type ReadBytes = (offset: number, length: number) => Uint8Array

/** What the frames of one generation (the time between two resets of a WAL file) have in common. */
export interface Generation {
  readonly pageSize: number
  /** Byte order of the words the checksums run over. */
  readonly littleEndian: boolean
  readonly salt1: number
  readonly salt2: number
}

/** The header of a WAL file; all numbers unsigned 32 bits, `pageSize` in bytes. */
export interface WalHeader extends Generation, ChecksumPair {
  readonly sequence: number
}

export type HeaderRead =
  | { readonly kind: 'header'; readonly header: WalHeader }
  | { readonly kind: 'bad'; readonly reason: string }

/** A place between two frames: the byte after the former, and the running checksum there. */
export interface ChainPoint extends ChecksumPair {
  readonly offset: number
}

/** A frame that its salts and the checksum chain vouch for. */
export interface Frame {
  readonly page: number
  /** Size of the database in pages if the frame ends a transaction, else 0. */
  readonly databasePages: number
  /** The page; a view of the chunk that was read, to be copied before the next frame is asked for. */
  readonly content: Uint8Array
  readonly end: ChainPoint
}

/**
 * The header in the first 32 bytes of a WAL file (https://sqlite.org/walformat.html, "WAL Header"), or why these bytes
 * are none: too few, unknown magic number or version, a page size that is no power of two from 512 to 65,536 (stored as it
 * is, also the largest), or a checksum that does not match. Never throws.
 */
export function parseHeader(bytes: Uint8Array): HeaderRead {
  if (bytes.byteLength < HEADER_BYTES) return bad(`${bytes.byteLength} bytes, a header has ${HEADER_BYTES}`)
  const view = viewOf(bytes)
  const magic = view.getUint32(0)
  if (magic !== MAGIC_LITTLE_ENDIAN && magic !== MAGIC_BIG_ENDIAN) {
    return bad(`magic number 0x${magic.toString(16)}, expected 0x377f0682 or 0x377f0683`)
  }
  const version = view.getUint32(4)
  if (version !== FORMAT_VERSION) return bad(`format version ${version}, expected ${FORMAT_VERSION}`)
  const pageSize = view.getUint32(8)
  if (pageSize < LEAST_PAGE_BYTES || pageSize > MOST_PAGE_BYTES || (pageSize & (pageSize - 1)) !== 0) {
    return bad(
      `page size ${pageSize}, expected a power of two from ${LEAST_PAGE_BYTES} to ${MOST_PAGE_BYTES}`,
    )
  }
  const littleEndian = magic === MAGIC_LITTLE_ENDIAN
  const stored = pairAt(view, 24)
  if (!samePair(stored, addToChecksum({ checksum1: 0, checksum2: 0 }, view, 0, 24, littleEndian))) {
    return bad('its checksum does not match')
  }
  const [sequence, salt1, salt2] = [view.getUint32(12), view.getUint32(16), view.getUint32(20)]
  return { kind: 'header', header: { pageSize, littleEndian, sequence, salt1, salt2, ...stored } }
}

/** Where the first frame under a header begins. */
export function startOf(header: WalHeader): ChainPoint {
  return { offset: HEADER_BYTES, checksum1: header.checksum1, checksum2: header.checksum2 }
}

/** Size of a frame in bytes. */
export function frameBytes(generation: Generation): number {
  return FRAME_HEADER_BYTES + generation.pageSize
}

/**
 * The frames from `from` on for as long as each carries the generation's salts, names a page, and continues the checksum
 * chain (https://sqlite.org/walformat.html, "WAL Frames"); it ends before the first that does not, at the end of the
 * file, and at `until`. A valid frame is not a committed one: whatever follows the last with `databasePages` above 0 may
 * be rolled back yet, and overwritten. Reads at most 1 MiB (or one frame) at a time; throws only what `read` throws.
 */
export function* validFrames(
  read: ReadBytes,
  generation: Generation,
  from: ChainPoint,
  until: number = Number.POSITIVE_INFINITY,
): Generator<Frame, void, undefined> {
  const size = frameBytes(generation)
  let point = from
  for (
    let chunk = FIRST_CHUNK_BYTES;
    point.offset + size <= until;
    chunk = Math.min(chunk * 2, CHUNK_BYTES)
  ) {
    const wanted = Math.min(Math.max(1, Math.floor(chunk / size)) * size, until - point.offset)
    const bytes = read(point.offset, wanted)
    const view = viewOf(bytes)
    for (let at = 0; at + size <= bytes.byteLength; at += size) {
      const frame = frameAt(view, at, generation, point)
      if (frame === null) return
      point = frame.end
      yield frame
    }
    if (bytes.byteLength < wanted) return
  }
}

/** The running checksum that a frame's own header claims to end with; only the chain tells whether it does. */
export function storedChecksum(frameHeader: Uint8Array): ChecksumPair {
  return pairAt(viewOf(frameHeader), 16)
}

/** Whether bytes begin like a frame of another generation than this one. */
export function isOfAnother(frame: Uint8Array, { salt1, salt2 }: Generation): boolean {
  const view = viewOf(frame)
  return view.getUint32(0) !== 0 && (view.getUint32(8) !== salt1 || view.getUint32(12) !== salt2)
}

export function samePair(one: ChecksumPair, other: ChecksumPair): boolean {
  return one.checksum1 === other.checksum1 && one.checksum2 === other.checksum2
}

function frameAt(view: DataView, at: number, generation: Generation, before: ChainPoint): Frame | null {
  const page = view.getUint32(at)
  if (page === 0) return null
  if (view.getUint32(at + 8) !== generation.salt1 || view.getUint32(at + 12) !== generation.salt2) return null
  const content = at + FRAME_HEADER_BYTES
  const end = content + generation.pageSize
  const head = addToChecksum(before, view, at, at + 8, generation.littleEndian)
  const sum = addToChecksum(head, view, content, end, generation.littleEndian)
  if (!samePair(sum, pairAt(view, at + 16))) return null
  return {
    page,
    databasePages: view.getUint32(at + 4),
    content: new Uint8Array(view.buffer, view.byteOffset + content, generation.pageSize),
    end: { offset: before.offset + frameBytes(generation), ...sum },
  }
}

function pairAt(view: DataView, at: number): ChecksumPair {
  return { checksum1: view.getUint32(at), checksum2: view.getUint32(at + 4) }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function bad(reason: string): HeaderRead {
  return { kind: 'bad', reason }
}
