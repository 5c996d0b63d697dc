import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { committedSince } from '../../../src/capture/wal/committed-since.ts'
import { readWal } from '../../../src/capture/wal/reader.ts'
import { naiveCommits, naivePages } from './naive.ts'
import {
  asLost,
  asPages,
  assertSameImage,
  beginSpill,
  bytesOf,
  image,
  insert,
  over,
  patched,
  positionOf,
  rolledBackSpill,
  written,
} from './written.ts'

describe('pages committed since a position', () => {
  it('are none, at the same position, when nothing was written', (t) => {
    const { wal } = written(t)
    const position = positionOf(readWal(wal, null))
    const read = asPages(readWal(wal, position))
    assert.equal(read.commits, 0)
    assert.equal(read.pages.size, 0)
    assert.equal(read.databasePages, null)
    assert.deepEqual(read.position, position)
  })

  it('are counted by commit, and the newest content of each is kept', (t) => {
    const { wal, writer } = written(t)
    const before = image(writer)
    const position = positionOf(readWal(wal, null))
    for (let commit = 0; commit < 5; commit += 1) insert(writer, 1)
    insert(writer, 200)
    const read = asPages(readWal(wal, position))
    assert.equal(read.commits, 6)
    assert.equal(read.pageSize, 1024)
    assert.equal(read.databasePages, image(writer).length / 1024)
    assertSameImage(patched(before, read), image(writer), 1024)
    assert.deepEqual(new Map(read.pages), asBytes(naivePages(naiveCommits(bytesOf(wal)).slice(2))))
  })

  for (let pageSize = 512; pageSize <= 65_536; pageSize *= 2) {
    it(`are those SQLite reads, with pages of ${pageSize} bytes`, (t) => {
      const { wal, writer } = written(t, pageSize)
      insert(writer, 3)
      const before = image(writer)
      const position = positionOf(readWal(wal, null))
      insert(writer, 40, 3000)
      writer.exec('delete from t where id % 3 = 0')
      const read = asPages(readWal(wal, position))
      assert.equal(read.pageSize, pageSize)
      assert.equal(read.commits, 2)
      assertSameImage(patched(before, read), image(writer), pageSize)
    })
  }

  it('are the same read after every commit as read at once', (t) => {
    const { wal, writer } = written(t)
    const start = positionOf(readWal(wal, null))
    const pages = new Map<number, Uint8Array>()
    let position = start
    let commits = 0
    for (const rows of [1, 30, 1, 1, 250, 2]) {
      insert(writer, rows)
      const read = asPages(readWal(wal, position))
      for (const [page, content] of read.pages) pages.set(page, content)
      commits += read.commits
      position = read.position
    }
    const once = asPages(readWal(wal, start))
    assert.equal(once.commits, commits)
    assert.deepEqual(once.position, position)
    assert.deepEqual(new Map(once.pages), pages)
  })

  it('go on from a position that was written down as JSON', (t) => {
    const { wal, writer } = written(t)
    const position = positionOf(readWal(wal, null))
    const restored = JSON.parse(JSON.stringify(position))
    assert.deepEqual(restored, position)
    const { inode, ...numbers } = position
    assert.equal(typeof inode, 'string')
    for (const [name, value] of Object.entries(numbers)) {
      assert.ok(Number.isSafeInteger(value) && value >= 0, `${name} is ${value}`)
    }
    insert(writer, 10)
    assert.deepEqual(readWal(wal, restored), readWal(wal, position))
  })

  it('are copies that share no memory with what was read', (t) => {
    const { wal, writer } = written(t)
    const position = positionOf(readWal(wal, null))
    insert(writer, 20)
    const bytes = bytesOf(wal)
    const read = asPages(committedSince(over(bytes, position.inode), position))
    const kept = asBytes(read.pages)
    bytes.fill(0)
    assert.deepEqual(asBytes(read.pages), kept)
    for (const content of read.pages.values()) assert.equal(content.buffer.byteLength, 1024)
  })

  it('hold a page past the end of a database that shrank', (t) => {
    const { wal, writer } = written(t)
    insert(writer, 100)
    const before = image(writer)
    const position = positionOf(readWal(wal, null))
    insert(writer, 100)
    writer.exec('delete from t')
    writer.exec('vacuum')
    const read = asPages(readWal(wal, position))
    assert.ok(Math.max(...read.pages.keys()) > (read.databasePages ?? 0))
    assertSameImage(patched(before, read), image(writer), 1024)
  })
})

describe('a transaction that has not ended', () => {
  it('is not reported, nor advanced past, though its frames are in the WAL', (t) => {
    const { wal, writer } = written(t)
    const position = positionOf(readWal(wal, null))
    const sizeBefore = bytesOf(wal).length
    beginSpill(writer)
    assert.ok(bytesOf(wal).length > sizeBefore, 'it spilled')
    assert.deepEqual(asPages(readWal(wal, position)).position, position)
    assert.equal(asPages(readWal(wal, position)).commits, 0)
    assert.deepEqual(positionOf(readWal(wal, null)), position)
    writer.exec('commit')
    assert.equal(asPages(readWal(wal, position)).commits, 1)
  })

  it('is reported whole once committed, though its frames were written twice meanwhile', (t) => {
    const { wal, writer } = written(t)
    insert(writer, 60, 700)
    const before = image(writer)
    const position = positionOf(readWal(wal, null))
    beginSpill(writer)
    for (const round of [1, 2]) {
      writer.exec(`update t set x = zeroblob(700 - ${round})`)
      assert.equal(asPages(readWal(wal, position)).commits, 0)
    }
    writer.exec('commit')
    const read = asPages(readWal(wal, position))
    assert.equal(read.commits, 1)
    assertSameImage(patched(before, read), image(writer), 1024)
  })

  it('leaves nothing behind when rolled back, and later commits overwrite it unharmed', (t) => {
    const { wal, writer } = written(t)
    insert(writer, 5)
    const before = image(writer)
    const position = positionOf(readWal(wal, null))
    rolledBackSpill(writer)
    assert.ok(bytesOf(wal).length > position.offset, 'its frames are there')
    const between = asPages(readWal(wal, position))
    assert.deepEqual([between.commits, between.position], [0, position])
    insert(writer, 1)
    const read = asPages(readWal(wal, position))
    assert.equal(read.commits, 1)
    assert.ok(read.position.offset < bytesOf(wal).length, 'the rest of it still is')
    assertSameImage(patched(before, read), image(writer), 1024)
  })
})

describe('more pages than may be kept', () => {
  it('are lost, with a position to go on from', (t) => {
    const { wal, writer } = written(t)
    const position = positionOf(readWal(wal, null))
    insert(writer, 100)
    insert(writer, 1)
    const read = asLost(readWal(wal, position, { maxPages: 5 }))
    assert.match(read.reason, /more than 5 pages/)
    assert.deepEqual(read.position, asPages(readWal(wal, position)).position)
    insert(writer, 1)
    assert.equal(asPages(readWal(wal, read.position, { maxPages: 5 })).commits, 1)
  })

  it('are counted once each, however often they are written', (t) => {
    const { wal, writer } = written(t)
    insert(writer, 1)
    const position = positionOf(readWal(wal, null))
    for (let commit = 0; commit < 20; commit += 1) writer.exec('update t set x = randomblob(50)')
    const read = asPages(readWal(wal, position, { maxPages: 1 }))
    assert.deepEqual([read.commits, read.pages.size], [20, 1])
  })

  it('do no harm in a transaction that is never committed', (t) => {
    const { wal, writer } = written(t)
    const position = positionOf(readWal(wal, null))
    insert(writer, 1)
    rolledBackSpill(writer)
    assert.equal(asPages(readWal(wal, position, { maxPages: 5 })).commits, 1)
  })
})

function asBytes(pages: ReadonlyMap<number, Uint8Array>): Map<number, Uint8Array> {
  return new Map([...pages].map(([page, content]) => [page, Uint8Array.from(content)]))
}
