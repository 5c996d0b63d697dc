import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { describe, it, type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import { committedSince } from '../../../src/capture/wal/committed-since.ts'
import { parseHeader } from '../../../src/capture/wal/parse.ts'
import type { WalPosition } from '../../../src/capture/wal/wal.ts'
import { naiveCommits, naivePages, nextTransaction, rechecksummed } from './naive.ts'
import {
  asLost,
  asPages,
  assertSameImage,
  bytesOf,
  image,
  insert,
  over,
  positionOf,
  written,
} from './written.ts'

const EVERYTHING = { recheckBytes: Number.POSITIVE_INFINITY }

describe('a WAL that was cut off or changed', () => {
  it('gives all commits before the last, however much of the last is there', (t) => {
    const { bytes, start } = smallWal(t)
    const commits = naiveCommits(bytes).filter(({ end }) => end > start.offset)
    const last = commits.pop()
    assert.ok(last !== undefined && last.frames.length >= 2)
    const from = commits.at(-1)?.end ?? 0
    for (let length = from; length < last.end; length += 1) {
      const read = asPages(committedSince(over(bytes.subarray(0, length)), start))
      assert.deepEqual([read.commits, read.position.offset], [commits.length, from], `${length} bytes`)
      assert.deepEqual(contents(read.pages), naivePages(commits))
    }
    assert.equal(asPages(committedSince(over(bytes), start)).commits, commits.length + 1)
  })

  it('cut off before the position, at every length, is lost', (t) => {
    const { bytes, start } = smallWal(t)
    for (let length = 0; length < start.offset; length += 1) {
      const read = asLost(committedSince(over(bytes.subarray(0, length)), start))
      assert.ok((read.position?.offset ?? 0) <= length)
    }
  })

  it('gives no page that the checksums do not vouch for, whichever byte is changed', (t) => {
    const { bytes, start } = smallWal(t)
    const commits = naiveCommits(bytes)
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8))
      const whole = commits.filter(({ end }) => end <= at)
      const read = committedSince(over(changed), start, EVERYTHING)
      if (at < start.offset) {
        assert.equal(read.kind, 'lost', `byte ${at}`)
        assert.equal(read.position?.offset ?? 32, whole.at(-1)?.end ?? 32, `byte ${at}`)
      } else {
        const after = whole.filter(({ end }) => end > start.offset)
        assert.equal(asPages(read).commits, after.length, `byte ${at}`)
        assert.deepEqual(contents(asPages(read).pages), naivePages(after))
      }
    }
  })

  it('is lost when a byte of the frames rechecked was changed, and not before those', (t) => {
    const { bytes, start } = smallWal(t)
    const frame = 24 + 512
    const from = start.offset - 2 * frame
    for (const [at, kind] of [
      [from - 9, 'pages'],
      [from + 40, 'lost'],
      [start.offset - 1, 'lost'],
    ] as const) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ 1
      assert.equal(committedSince(over(changed), start, { recheckBytes: 2 * frame }).kind, kind)
    }
  })
})

describe('a frame without a page number', () => {
  it('ends what is valid, as it does for SQLite, though its checksum matches', (t) => {
    const { bytes, start } = smallWal(t)
    const end = asPages(committedSince(over(bytes), start)).position.offset
    const tail = nextTransaction(bytes, end, [
      [0, Buffer.alloc(512)],
      [2, Buffer.alloc(512)],
    ])
    const read = asPages(committedSince(over(Buffer.concat([bytes.subarray(0, end), tail])), start))
    assert.equal(read.position.offset, end)
    assert.ok(!read.pages.has(0))
  })
})

describe('both byte orders of the checksums', () => {
  it('are accepted by SQLite and read alike, up to the position', (t) => {
    for (let pageSize = 512; pageSize <= 65_536; pageSize *= 2) {
      const { path, wal, writer } = written(t, pageSize)
      const before = image(writer)
      insert(writer, 10)
      const [native, start] = [bytesOf(wal), positionOf(committedSince(over(bytesOf(wal)), null))]
      const little = native.readUInt32BE(0) === 0x377f0682
      const swapped = rechecksummed(native, !little)
      assert.notDeepEqual(swapped, native)
      assert.deepEqual(rechecksummed(swapped, little), native)
      writeFileSync(`${path}.copy`, before)
      writeFileSync(`${path}.copy-wal`, swapped)
      const copy = new Database(`${path}.copy`)
      t.after(() => copy.close())
      assertSameImage(image(copy), image(writer), pageSize)
      const end = positionOf(committedSince(over(swapped), null))
      assert.equal(end.offset, start.offset)
      const first = {
        ...end,
        offset: 32,
        checksum1: swapped.readUInt32BE(24),
        checksum2: swapped.readUInt32BE(28),
      }
      const read = asPages(committedSince(over(swapped), first, EVERYTHING))
      assert.deepEqual(contents(read.pages), naivePages(naiveCommits(native)))
      assert.deepEqual(read.position, end)
    }
  })

  it('are read from memory that is not aligned to words', (t) => {
    const { bytes, start } = smallWal(t)
    const expected = contents(asPages(committedSince(over(bytes), start)).pages)
    for (const shift of [1, 2, 3]) {
      const room = Buffer.concat([Buffer.alloc(shift), bytes])
      const read = asPages(committedSince(over(room.subarray(shift)), start))
      assert.deepEqual(contents(read.pages), expected)
    }
  })
})

describe('a header', () => {
  it('is refused with what was found and what was expected', (t) => {
    const header = smallWal(t).bytes.subarray(0, 32)
    assert.equal(parseHeader(header).kind, 'header')
    for (const [at, value, reason] of [
      [0, 0x377f0684, 'magic number 0x377f0684, expected 0x377f0682 or 0x377f0683'],
      [4, 3_007_001, 'format version 3007001, expected 3007000'],
      [8, 1, 'page size 1, expected a power of two from 512 to 65536'],
      [8, 1000, 'page size 1000, expected a power of two from 512 to 65536'],
      [8, 131_072, 'page size 131072, expected a power of two from 512 to 65536'],
      [12, 77, 'its checksum does not match'],
    ] as const) {
      const changed = Buffer.from(header)
      changed.writeUInt32BE(value, at)
      assert.deepEqual(parseHeader(changed), { kind: 'bad', reason })
    }
    assert.deepEqual(parseHeader(header.subarray(0, 31)), {
      kind: 'bad',
      reason: '31 bytes, a header has 32',
    })
  })
})

/** A WAL with pages of 512 bytes, a position inside it and some small commits on both sides. */
function smallWal(t: TestContext): { readonly bytes: Buffer; readonly start: WalPosition } {
  const { wal, writer } = written(t, 512)
  insert(writer, 1)
  insert(writer, 4, 400)
  const start = positionOf(committedSince(over(bytesOf(wal)), null))
  insert(writer, 1)
  insert(writer, 3, 300)
  return { bytes: bytesOf(wal), start }
}

function contents(pages: ReadonlyMap<number, Uint8Array>): Map<number, Buffer> {
  return new Map([...pages].map(([page, content]) => [page, Buffer.from(content)]))
}
