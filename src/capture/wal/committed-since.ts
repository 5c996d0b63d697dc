import { CommittedPages } from './committed-pages.ts'
import type { ChainPoint, Generation, ReadBytes, WalHeader } from './parse.ts'
import { frameBytes, HEADER_BYTES, isOfAnother, parseHeader, startOf, validFrames } from './parse.ts'
import { doubtAbout } from './recheck.ts'
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
  return nowhere('the WAL was reset over and over while it was read')
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
  if (isSameGeneration(header, position)) return inGeneration(file, header, position, options)
  if (isNextGeneration(header, position)) return acrossReset(file, header, position, options)
  return lost('the WAL was reset more than once, or begun anew', file, header)
}

/** The ordinary case: the position lies in the generation that is in the file. */
function inGeneration(file: WalFile, header: WalHeader, position: WalPosition, options: WalOptions): WalRead {
  const recheckBytes = options.recheckBytes ?? DEFAULT_RECHECK_BYTES
  const doubt = doubtAbout(file.read, header, startOf(header), position, recheckBytes)
  if (doubt !== null) return lost(doubt, file, header)
  const found = new CommittedPages(pageLimit(header, options))
  const { commit } = found.takeAll(validFrames(file.read, header, position), position)
  return answer(found, commit, file, header, options)
}

/**
 * One reset since the position: its generation went on to where its chain ends, unless the new one has come that far. A
 * whole frame standing there that is not of the new generation proves that it has not, and that nothing was cut off: the
 * file is written front to back. So the old tail and the new frames together are all commits since the position.
 */
function acrossReset(file: WalFile, header: WalHeader, position: WalPosition, options: WalOptions): WalRead {
  const old: Generation = { ...header, salt1: position.salt1, salt2: position.salt2 }
  const recheckBytes = options.recheckBytes ?? DEFAULT_RECHECK_BYTES
  const doubt = doubtAbout(file.read, old, null, position, recheckBytes)
  if (doubt !== null) return lost(`the WAL was reset, and ${doubt}`, file, header)
  const found = new CommittedPages(pageLimit(header, options))
  const tail = found.takeAll(validFrames(file.read, old, position), position)
  const next = file.read(tail.last.offset, frameBytes(header))
  if (next.byteLength < frameBytes(header) || !isOfAnother(next, header)) {
    return lost('the WAL was reset, and frames after the position may have been overwritten', file, header)
  }
  const start = startOf(header)
  const { commit } = found.takeAll(validFrames(file.read, header, start), start)
  return answer(found, commit, file, header, options)
}

function answer(
  found: CommittedPages,
  end: ChainPoint,
  file: WalFile,
  header: WalHeader,
  options: WalOptions,
): WalRead {
  const position = positionAt(end, file, header)
  if (found.overflowed) {
    return { kind: 'lost', reason: `more than ${pageLimit(header, options)} pages changed`, position }
  }
  const { pages, commits, databasePages } = found
  return { kind: 'pages', commits, pages, pageSize: header.pageSize, databasePages, position }
}

function lost(reason: string, file: WalFile, header: WalHeader): Lost {
  const start = startOf(header)
  const { commit } = new CommittedPages(0).takeAll(validFrames(file.read, header, start), start)
  return { kind: 'lost', reason, position: positionAt(commit, file, header) }
}

function nowhere(reason: string): Lost {
  return { kind: 'lost', reason, position: null }
}

function pageLimit(header: WalHeader, options: WalOptions): number {
  return options.maxPages ?? Math.floor(DEFAULT_PAGES_BYTES / header.pageSize)
}

function isSameGeneration(header: WalHeader, position: WalPosition): boolean {
  const { sequence, salt1, salt2 } = header
  return sequence === position.sequence && salt1 === position.salt1 && salt2 === position.salt2
}

/** A reset adds one to the first salt; the sequence number is each connection's own count, and proves nothing. */
function isNextGeneration(header: WalHeader, position: WalPosition): boolean {
  return header.salt1 === (position.salt1 + 1) >>> 0
}

function positionAt(point: ChainPoint, file: WalFile, header: WalHeader): WalPosition {
  const { sequence, salt1, salt2 } = header
  const { offset, checksum1, checksum2 } = point
  return { inode: file.inode, sequence, salt1, salt2, offset, checksum1, checksum2 }
}
