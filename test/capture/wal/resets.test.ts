import assert from 'node:assert/strict'
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  readdirSync,
  renameSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { describe, it } from 'node:test'
import { readWal } from '../../../src/capture/wal/reader.ts'
import { naiveCommits } from './naive.ts'
import {
  asLost,
  asPages,
  assertSameImage,
  bytesOf,
  image,
  insert,
  patched,
  positionOf,
  reset,
  secondGeneration,
  written,
} from './written.ts'

const FRAME = 24 + 1024
/** Two frames are enough to be sure of, where a test needs generations to be short. */
const OPTIONS = { recheckBytes: 2 * FRAME }

describe('a checkpoint', () => {
  for (const mode of ['passive', 'full', 'restart']) {
    it(`that is ${mode} hides no commit before or after it, until the next write resets the WAL`, (t) => {
      const { wal, writer } = written(t)
      const before = image(writer)
      const position = positionOf(readWal(wal, null))
      insert(writer, 10)
      writer.pragma(`wal_checkpoint(${mode})`)
      const read = asPages(readWal(wal, position))
      assertSameImage(patched(before, read), image(writer), 1024)
      assert.equal(asPages(readWal(wal, read.position)).commits, 0)
      insert(writer, 1)
      assert.match(asLost(readWal(wal, read.position)).reason, /reset/)
    })
  }

  it('that is passive and kept from ending by a reader leaves the WAL as it was', (t) => {
    const { wal, writer, open } = written(t)
    const reader = open()
    const position = positionOf(readWal(wal, null))
    reader.exec('begin')
    reader.prepare('select count(*) from t').get()
    insert(writer, 10)
    writer.pragma('wal_checkpoint(passive)')
    insert(writer, 1)
    assert.equal(asPages(readWal(wal, position)).commits, 2)
    reader.exec('commit')
  })

  it('that truncates is lost without a position, and the write after it gives one', (t) => {
    const { wal, writer } = written(t)
    const position = positionOf(readWal(wal, null))
    writer.pragma('wal_checkpoint(truncate)')
    assert.deepEqual(readWal(wal, position), {
      kind: 'lost',
      reason: 'the WAL is empty: it was truncated, or never written',
      position: null,
    })
    insert(writer, 10)
    const read = asLost(readWal(wal, position))
    assert.equal(positionOf(read).offset, bytesOf(wal).length)
    insert(writer, 1)
    assert.equal(asPages(readWal(wal, read.position)).commits, 1)
  })

  it('of the last close deletes the WAL, which is lost, and so is one begun anew', (t) => {
    const { wal, writer, open } = written(t)
    const position = positionOf(readWal(wal, null))
    insert(writer, 1)
    writer.close()
    assert.deepEqual(readWal(wal, position), { kind: 'lost', reason: 'there is no WAL file', position: null })
    assert.deepEqual(readWal(wal, null), { kind: 'lost', reason: 'there is no WAL file', position: null })
    insert(open(), 1)
    assert.equal(positionOf(asLost(readWal(wal, position))).offset, bytesOf(wal).length)
  })
})

describe('across one reset', () => {
  it('nothing is missed where frames from before show that the old generation ended there', (t) => {
    const { wal, writer, before, position } = secondGeneration(t)
    insert(writer, 8, 900)
    reset(writer)
    insert(writer, 3)
    insert(writer, 2)
    const read = asPages(readWal(wal, position, OPTIONS))
    assert.equal(read.commits, 3)
    assertSameImage(patched(before, read), image(writer), 1024)
    insert(writer, 1)
    assert.equal(asPages(readWal(wal, read.position, OPTIONS)).commits, 1)
  })

  it('by another connection, whose sequence number is its own, nothing is missed either', (t) => {
    const { wal, writer, open, before, position } = secondGeneration(t)
    reset(writer)
    insert(open(), 2)
    const read = asPages(readWal(wal, position, OPTIONS))
    assert.notEqual(read.position.sequence, position.sequence + 1)
    assertSameImage(patched(before, read), image(writer), 1024)
  })

  it('it is lost where the new generation came as far as the position', (t) => {
    const { wal, writer, position } = secondGeneration(t)
    reset(writer)
    insert(writer, 30, 900)
    assert.ok(lastCommitEnd(wal) >= position.offset - FRAME)
    const read = asLost(readWal(wal, position, OPTIONS))
    assert.match(read.reason, /reset/)
    assert.equal(positionOf(read).offset, lastCommitEnd(wal))
  })

  it('it is lost where the file ends with the old generation, for more may have been cut off', (t) => {
    const { wal, writer } = written(t)
    insert(writer, 20, 900)
    const position = positionOf(readWal(wal, null))
    reset(writer)
    insert(writer, 1)
    assert.equal(bytesOf(wal).length, position.offset)
    assert.match(asLost(readWal(wal, position, OPTIONS)).reason, /may have been overwritten/)
    appendFileSync(wal, Buffer.alloc(FRAME))
    assert.equal(readWal(wal, position, OPTIONS).kind, 'lost', 'zeros prove nothing either')
  })

  it('it is lost where a size limit cut off commits that were not read', (t) => {
    const { wal, writer } = written(t)
    insert(writer, 20, 900)
    const position = positionOf(readWal(wal, null))
    insert(writer, 1)
    insert(writer, 20, 900)
    for (const limit of [position.offset + FRAME, position.offset + FRAME / 2, position.offset]) {
      writer.pragma(`journal_size_limit = ${limit}`)
      reset(writer)
      insert(writer, 1)
      assert.equal(bytesOf(wal).length, limit)
      assert.equal(readWal(wal, position, OPTIONS).kind, 'lost')
    }
  })

  it('it is lost where too few frames before the position are left to verify it by', (t) => {
    const { wal, writer, position } = secondGeneration(t)
    reset(writer)
    insert(writer, 1)
    assert.match(asLost(readWal(wal, position)).reason, /too few frames/)
  })

  it('more than one reset is lost', (t) => {
    const { wal, writer, position } = secondGeneration(t)
    for (const round of [1, 2]) {
      reset(writer)
      insert(writer, round)
    }
    assert.match(asLost(readWal(wal, position, OPTIONS)).reason, /more than once/)
  })
})

describe('a WAL that is not the one of the position', () => {
  it('is lost when it is another file with the same bytes', (t) => {
    const { wal } = written(t)
    const position = positionOf(readWal(wal, null))
    copyFileSync(wal, `${wal}.copy`)
    renameSync(`${wal}.copy`, wal)
    const read = asLost(readWal(wal, position))
    assert.match(read.reason, /another file/)
    assert.deepEqual({ ...positionOf(read), inode: '' }, { ...position, inode: '' })
  })

  it('is lost when any number of the generation differs', (t) => {
    const { wal } = written(t)
    const position = positionOf(readWal(wal, null))
    for (const name of ['sequence', 'salt1', 'salt2', 'checksum1', 'checksum2'] as const) {
      const other = { ...position, [name]: (position[name] + 2) >>> 0 }
      assert.deepEqual(asLost(readWal(wal, other)).position, position, name)
    }
  })

  it('leaves no file open, whatever the answer', { skip: !existsSync('/proc/self/fd') }, (t) => {
    const { wal } = written(t)
    const position = positionOf(readWal(wal, null))
    const openFiles = () => readdirSync('/proc/self/fd').length
    const before = openFiles()
    readWal(wal, position)
    readWal(wal, null)
    readWal(`${wal}.none`, null)
    assert.throws(() => readWal(dirname(wal), null))
    assert.equal(openFiles(), before)
  })

  it('is lost when it is shorter, and gives the last commit that is left', (t) => {
    const { wal, writer } = written(t)
    const shorter = positionOf(readWal(wal, null))
    insert(writer, 1)
    const position = positionOf(readWal(wal, null))
    truncateSync(wal, position.offset - 1)
    const read = asLost(readWal(wal, position))
    assert.match(read.reason, /shorter/)
    assert.deepEqual(read.position, shorter)
  })

  it('is lost when the offset is not between two frames of its page size', (t) => {
    const { wal } = written(t)
    const position = positionOf(readWal(wal, null))
    for (const offset of [position.offset - 8, 0, 0.5, Number.NaN, -FRAME + 32]) {
      assert.match(asLost(readWal(wal, { ...position, offset })).reason, /not between two frames/)
    }
  })

  it('is an error when it is a folder, and names it', (t) => {
    const { wal } = written(t)
    const folder = dirname(wal)
    assert.throws(() => readWal(folder, null), { name: 'PermanentError', subject: folder })
  })

  it('has no position when it is not a WAL', (t) => {
    const { wal } = written(t)
    writeFileSync(`${wal}.other`, 'no WAL at all, but more than thirty-two bytes of text')
    const read = asLost(readWal(`${wal}.other`, null))
    assert.match(read.reason, /magic number 0x6e6f2057/)
    assert.equal(read.position, null)
  })
})

function lastCommitEnd(wal: string): number {
  return naiveCommits(bytesOf(wal)).at(-1)?.end ?? 32
}
