import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import fc from 'fast-check'
import { committedSince } from '../../../src/capture/wal/committed-since.ts'
import { readWal } from '../../../src/capture/wal/reader.ts'
import type { WalPosition } from '../../../src/capture/wal/wal.ts'
import { type NaiveCommit, naiveCommits, naivePages } from './naive.ts'
import { asPages, bytesOf, insert, over, positionOf, reset, rolledBackSpill, written } from './written.ts'

const PAGE = 512
const FRAME = 24 + PAGE

type Mutation = (bytes: Buffer) => Buffer

describe('a WAL mutated at random', () => {
  it('yields exactly the commits that are whole from the position on, or none where there is doubt', (t) => {
    const { bytes, positions, commits } = originalWal(t)
    fc.assert(
      fc.property(
        fc.array(mutations(bytes), { maxLength: 3 }),
        fc.nat(positions.length - 1),
        fc.constantFrom(0, 3 * FRAME, Number.POSITIVE_INFINITY),
        (steps, index, recheckBytes) => {
          const position = positions[index]
          assert.ok(position !== undefined)
          const mutated = steps.reduce((before, step) => step(before), bytes)
          const read = committedSince(over(mutated), position, { recheckBytes })
          const trusted = isUnchangedBefore(bytes, mutated, position.offset, recheckBytes)
          assert.equal(read.kind, trusted ? 'pages' : 'lost')
          const known = trusted ? commits.filter(({ end }) => end > position.offset) : naiveCommits(mutated)
          const whole = trusted ? unchanged(known, bytes, mutated, position.offset) : known
          const end = whole.at(-1)?.end ?? (trusted ? position.offset : 32)
          if (read.position !== null) assert.equal(read.position.offset, end)
          if (read.kind === 'lost') return
          assert.equal(read.commits, whole.length)
          assert.deepEqual(buffers(read.pages), naivePages(whole))
        },
      ),
      { numRuns: 1500 },
    )
  })

  it('never moves a position past frames without a commit', (t) => {
    const { bytes, positions, commits } = originalWal(t)
    const ends = new Set([32, ...commits.map(({ end }) => end)])
    assert.ok(bytes.length > Math.max(...ends), 'there is an uncommitted tail')
    fc.assert(
      fc.property(fc.nat(bytes.length), fc.nat(positions.length), (length, index) => {
        const read = committedSince(over(bytes.subarray(0, length)), positions[index] ?? null)
        if (read.position === null) return length < 32
        return ends.has(read.position.offset) && read.position.offset <= length
      }),
    )
  })

  it('ends the reading of bytes that are no WAL at all', () => {
    const position = { inode: 'a', sequence: 0, salt1: 0, salt2: 0, offset: 32, checksum1: 0, checksum2: 0 }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4096, size: 'max' }), fc.boolean(), (bytes, first) => {
        const read = committedSince(over(bytes), first ? null : position)
        return read.kind === 'lost' && read.position === null
      }),
    )
  })
})

/** A WAL with commits of all sizes, older frames after a reset, and the frames of a rolled-back transaction at its end. */
function originalWal(t: TestContext) {
  const { wal, writer } = written(t, PAGE)
  insert(writer, 60, 600)
  reset(writer)
  const positions: WalPosition[] = []
  for (const rows of [1, 3, 1, 8, 2, 1]) {
    insert(writer, rows, 200)
    positions.push(positionOf(readWal(wal, null)))
  }
  rolledBackSpill(writer, 20)
  const bytes = bytesOf(wal)
  const rest = positions.map((position) => ({ ...position, inode: 'a' }))
  assert.equal(asPages(committedSince(over(bytes), rest[0] ?? null)).commits, 5)
  return { bytes, positions: rest, commits: naiveCommits(bytes) }
}

function mutations(bytes: Buffer): fc.Arbitrary<Mutation> {
  const anywhere = fc.nat(bytes.length - 1)
  const frame = fc.nat(Math.floor((bytes.length - 32) / FRAME) - 1).map((index) => 32 + index * FRAME)
  return fc.oneof(
    fc.tuple(anywhere, fc.nat(7)).map(([at, bit]) => flip(at, bit)),
    fc.tuple(frame, fc.nat(23), fc.nat(7)).map(([at, byte, bit]) => flip(at + byte, bit)),
    anywhere.map((length) => (before: Buffer) => before.subarray(0, length)),
    fc.tuple(frame, frame, fc.integer({ min: 1, max: 5 })).map(([from, to, count]) => copy(from, to, count)),
    fc.tuple(anywhere, anywhere, fc.nat(2000)).map(([from, to, length]) => splice(from, to, length)),
    fc
      .tuple(anywhere, fc.uint8Array({ maxLength: 1500, size: 'max' }))
      .map(([at, tail]) => randomTail(at, tail)),
    fc.tuple(frame, fc.constantFrom(8, 12), fc.nat()).map(([at, salt, value]) => putWord(at + salt, value)),
    fc.tuple(fc.constantFrom(0, 8, 12, 16, 20, 24, 28), fc.nat()).map(([at, value]) => putWord(at, value)),
  )
}

function flip(at: number, bit: number): Mutation {
  return (before) => {
    const bytes = Buffer.from(before)
    if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << bit)
    return bytes
  }
}

/** Writes frames again at the place of others. */
function copy(from: number, to: number, count: number): Mutation {
  return (before) => {
    const bytes = Buffer.from(before)
    before.copy(bytes, Math.min(to, bytes.length), Math.min(from, bytes.length), from + count * FRAME)
    return bytes
  }
}

/** Puts bytes in between, so that all after them move. */
function splice(from: number, to: number, length: number): Mutation {
  return (before) =>
    Buffer.concat([before.subarray(0, to), before.subarray(from, from + length), before.subarray(to)])
}

function randomTail(at: number, tail: Uint8Array): Mutation {
  return (before) => Buffer.concat([before.subarray(0, at), tail])
}

function putWord(at: number, value: number): Mutation {
  return (before) => {
    const bytes = Buffer.from(before)
    if (at + 4 <= bytes.length) bytes.writeUInt32BE(value, at)
    return bytes
  }
}

/** Whether the header and the frames that are to be verified again, with the checksum they start from, are as they were. */
function isUnchangedBefore(original: Buffer, mutated: Buffer, offset: number, recheckBytes: number): boolean {
  const frames = Math.max(1, Math.floor(recheckBytes / FRAME))
  const from = offset - frames * FRAME
  const seeded = from <= 32 || isSame(original, mutated, from - PAGE - 8, from - PAGE)
  return isSame(original, mutated, 0, 32) && seeded && isSame(original, mutated, Math.max(32, from), offset)
}

function isSame(original: Buffer, mutated: Buffer, from: number, to: number): boolean {
  return mutated.length >= to && original.subarray(from, to).equals(mutated.subarray(from, to))
}

/** The commits whose frames are as they were, up to the first that is not. */
function unchanged(
  commits: readonly NaiveCommit[],
  original: Buffer,
  mutated: Buffer,
  from: number,
): NaiveCommit[] {
  return commits.filter(({ end }) => isSame(original, mutated, from, end))
}

function buffers(pages: ReadonlyMap<number, Uint8Array>): Map<number, Buffer> {
  return new Map([...pages].map(([page, content]) => [page, Buffer.from(content)]))
}
