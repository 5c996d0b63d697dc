import { CommittedPages } from './committed-pages.ts'
import type { ChainPoint, Generation, ReadBytes, WalHeader } from './parse.ts'
import {
  FRAME_HEADER_BYTES,
  frameBytes,
  HEADER_BYTES,
  parseHeader,
  samePair,
  startOf,
  storedChecksum,
  validFrames,
} from './parse.ts'
import type { WalPosition, WalRead } from './wal.ts'

const DEFAULT_PAGES_BYTES = 64 * 1024 * 1024
const DEFAULT_RECHECK_BYTES = 256 * 1024
const ATTEMPTS = 3

/** A WAL file as it is now. */
export interface WalFile {
  /** Names the file, so that another one under the same path is told apart. */
  readonly inode: string
  readonly read: ReadBytes
}

export interface WalOptions {
  /** Most distinct pages to keep; beyond, the answer is `lost`. Default: as many as fill 64 MiB. */
  readonly maxPages?: number
  /**
   * How many bytes before the position are verified again, in whole frames, at least the last one. Default 256 KiB.
   * `Infinity` verifies from the header on: for positions from before a power failure.
   */
  readonly recheckBytes?: number
}

type Lost = Extract<WalRead, { kind: 'lost' }>

/**
 * What was committed since `position`, or that it cannot be told; see `readWal` for what is promised. Pure over the
 * file's bytes; the header is read before and after everything else, and when it changed in between, all is read again.
 */
export function committedSince(
  file: WalFile,
  position: WalPosition | null,
  options: WalOptions = {},
): WalRead {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const before = new Uint8Array(file.read(0, HEADER_BYTES))
    const answer = answerUnder(before, file, position, options)
    if (Buffer.compare(before, file.read(0, HEADER_BYTES)) === 0) return answer
  }
  return { kind: 'lost', reason: 'the WAL was reset over and over while it was read', position: null }
}

function answerUnder(
  headerBytes: Uint8Array,
  file: WalFile,
  position: WalPosition | null,
  options: WalOptions,
): WalRead {
  if (headerBytes.byteLength === 0) return nowhere('the WAL is empty: it was truncated, or never written')
  const parsed = parseHeader(headerBytes)
  if (parsed.kind === 'bad') return nowhere(`the WAL has no valid header: ${parsed.reason}`)
  const { header } = parsed
  if (position === null) return lost('no position yet', file, header)
  if (position.inode !== file.inode) return lost('the WAL is another file', file, header)
  if (isSameGeneration(header, position)) return continued(file, header, position, options)
  return lost('the WAL was reset: older frames may have been overwritten unseen', file, header)
}

/** The ordinary case: the position lies in the generation that is in the file. */
function continued(file: WalFile, header: WalHeader, position: WalPosition, options: WalOptions): WalRead {
  const doubt = doubtAbout(file.read, header, position, options)
  if (doubt !== null) return lost(doubt, file, header)
  const maxPages = options.maxPages ?? Math.floor(DEFAULT_PAGES_BYTES / header.pageSize)
  const found = new CommittedPages(maxPages)
  const end = found.takeAll(validFrames(file.read, header, position), position)
  const next = positionAt(end, file, header)
  if (found.overflowed) {
    return { kind: 'lost', reason: `more than ${maxPages} pages changed`, position: next }
  }
  const { pages, commits, databasePages } = found
  return { kind: 'pages', commits, pages, pageSize: header.pageSize, databasePages, position: next }
}

/**
 * Why the frames before the position are not those that were taken in, or null. A commit can be in the file and yet be
 * overwritten: its writer died before publishing it in the wal-index, or power failed before it was on disk. What is
 * overwritten begins with the first frame of a transaction, so verifying the chain through the last transaction finds it.
 */
function doubtAbout(
  read: ReadBytes,
  generation: Generation & { readonly checksum1: number; readonly checksum2: number },
  position: WalPosition,
  options: WalOptions,
): string | null {
  const size = frameBytes(generation)
  const frames = (position.offset - HEADER_BYTES) / size
  if (!Number.isInteger(frames) || frames < 0) return `offset ${position.offset} is not between two frames`
  const recheck = Math.max(1, Math.floor((options.recheckBytes ?? DEFAULT_RECHECK_BYTES) / size))
  let point: ChainPoint
  if (recheck >= frames) {
    point = { offset: HEADER_BYTES, checksum1: generation.checksum1, checksum2: generation.checksum2 }
  } else {
    const offset = position.offset - recheck * size
    const before = read(offset - size, FRAME_HEADER_BYTES)
    if (before.byteLength < FRAME_HEADER_BYTES) return 'the WAL is shorter than the position'
    point = { offset, ...storedChecksum(before) }
  }
  for (const frame of validFrames(read, generation, point, position.offset)) point = frame.end
  if (point.offset === position.offset && samePair(point, position)) return null
  if (read(position.offset - 1, 1).byteLength === 0) return 'the WAL is shorter than the position'
  return 'frames before the position were overwritten'
}

function lost(reason: string, file: WalFile, header: WalHeader): Lost {
  const start = startOf(header)
  const end = new CommittedPages(0).takeAll(validFrames(file.read, header, start), start)
  return { kind: 'lost', reason, position: positionAt(end, file, header) }
}

function nowhere(reason: string): Lost {
  return { kind: 'lost', reason, position: null }
}

function isSameGeneration(header: WalHeader, position: WalPosition): boolean {
  return (
    header.sequence === position.sequence &&
    header.salt1 === position.salt1 &&
    header.salt2 === position.salt2
  )
}

function positionAt(point: ChainPoint, file: WalFile, header: WalHeader): WalPosition {
  const { sequence, salt1, salt2 } = header
  const { offset, checksum1, checksum2 } = point
  return { inode: file.inode, sequence, salt1, salt2, offset, checksum1, checksum2 }
}
