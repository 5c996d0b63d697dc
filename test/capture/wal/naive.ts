/** A second reading of the WAL format, written for clarity alone, to compare with. */

export interface NaiveFrame {
  readonly page: number
  readonly databasePages: number
  readonly content: Buffer
  readonly start: number
  readonly end: number
}

export interface NaiveCommit {
  readonly frames: readonly NaiveFrame[]
  readonly databasePages: number
  readonly end: number
}

const WORD = 2n ** 32n

/** The checksum pair over some bytes with unbounded integers. */
export function naiveChecksum(
  bytes: Buffer,
  littleEndian: boolean,
  from: readonly [bigint, bigint],
): [bigint, bigint] {
  let [one, two] = from
  for (let at = 0; at < bytes.length; at += 8) {
    const x = littleEndian ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at)
    const y = littleEndian ? bytes.readUInt32LE(at + 4) : bytes.readUInt32BE(at + 4)
    one = (one + BigInt(x) + two) % WORD
    two = (two + BigInt(y) + one) % WORD
  }
  return [one, two]
}

/** All frames that are valid from the header on, committed or not; none when the header is not valid. */
export function naiveFrames(wal: Buffer): NaiveFrame[] {
  const frames: NaiveFrame[] = []
  if (wal.length < 32) return frames
  const littleEndian = wal.readUInt32BE(0) === 0x377f0682
  const pageSize = wal.readUInt32BE(8)
  let sum = naiveChecksum(wal.subarray(0, 24), littleEndian, [0n, 0n])
  if (!stores(wal, 24, sum)) return frames
  for (let start = 32; start + 24 + pageSize <= wal.length; start += 24 + pageSize) {
    const content = wal.subarray(start + 24, start + 24 + pageSize)
    sum = naiveChecksum(
      content,
      littleEndian,
      naiveChecksum(wal.subarray(start, start + 8), littleEndian, sum),
    )
    const salted = wal.subarray(start + 8, start + 16).equals(wal.subarray(16, 24))
    if (wal.readUInt32BE(start) === 0 || !salted || !stores(wal, start + 16, sum)) break
    const end = start + 24 + pageSize
    frames.push({
      page: wal.readUInt32BE(start),
      databasePages: wal.readUInt32BE(start + 4),
      content,
      start,
      end,
    })
  }
  return frames
}

/** The same frames by transaction, without those of an unfinished one. */
export function naiveCommits(wal: Buffer): NaiveCommit[] {
  const commits: NaiveCommit[] = []
  let frames: NaiveFrame[] = []
  for (const frame of naiveFrames(wal)) {
    frames.push(frame)
    if (frame.databasePages === 0) continue
    commits.push({ frames, databasePages: frame.databasePages, end: frame.end })
    frames = []
  }
  return commits
}

/** The newest content of each page that these commits wrote. */
export function naivePages(commits: readonly NaiveCommit[]): Map<number, Buffer> {
  return new Map(commits.flatMap(({ frames }) => frames.map(({ page, content }) => [page, content] as const)))
}

/** The same WAL with the magic number, and so all checksums, of the given byte order; frames past the chain stay. */
export function rechecksummed(wal: Buffer, littleEndian: boolean): Buffer {
  const frames = naiveFrames(wal)
  const copy = Buffer.from(wal)
  copy.writeUInt32BE(littleEndian ? 0x377f0682 : 0x377f0683, 0)
  let sum = naiveChecksum(copy.subarray(0, 24), littleEndian, [0n, 0n])
  store(copy, 24, sum)
  for (const { start, end } of frames) {
    sum = naiveChecksum(copy.subarray(start, start + 8), littleEndian, sum)
    sum = naiveChecksum(copy.subarray(start + 24, end), littleEndian, sum)
    store(copy, start + 16, sum)
  }
  return copy
}

function stores(wal: Buffer, at: number, [one, two]: readonly [bigint, bigint]): boolean {
  return BigInt(wal.readUInt32BE(at)) === one && BigInt(wal.readUInt32BE(at + 4)) === two
}

function store(wal: Buffer, at: number, [one, two]: readonly [bigint, bigint]): void {
  wal.writeUInt32BE(Number(one), at)
  wal.writeUInt32BE(Number(two), at + 4)
}

/** The frames of one more transaction, to be written at `end` of the valid frames of a WAL. */
export function nextTransaction(
  wal: Buffer,
  end: number,
  pages: readonly (readonly [number, Buffer])[],
): Buffer {
  const littleEndian = wal.readUInt32BE(0) === 0x377f0682
  const before = end === 32 ? 24 : end - wal.readUInt32BE(8) - 8
  let sum: [bigint, bigint] = [BigInt(wal.readUInt32BE(before)), BigInt(wal.readUInt32BE(before + 4))]
  const frames = pages.map(([page, content], index) => {
    const frame = Buffer.alloc(24 + content.length)
    frame.writeUInt32BE(page, 0)
    frame.writeUInt32BE(index === pages.length - 1 ? page : 0, 4)
    wal.copy(frame, 8, 16, 24)
    content.copy(frame, 24)
    sum = naiveChecksum(content, littleEndian, naiveChecksum(frame.subarray(0, 8), littleEndian, sum))
    store(frame, 16, sum)
    return frame
  })
  return Buffer.concat(frames)
}
