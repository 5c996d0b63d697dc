import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { committedSince } from '../../../src/capture/wal/committed-since.ts'
import { readWal } from '../../../src/capture/wal/reader.ts'
import { nextTransaction } from './naive.ts'
import type { Sqlite } from './written.ts'
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
const OPTIONS = { recheckBytes: 2 * FRAME }

describe('while a file is being read', () => {
  it('a reset at any moment hides nothing from a read that goes across it', (t) => {
    for (let moment = 1; moment <= 12; moment += 1) {
      assert.equal(disturbed(t, moment, [unseenThenReset, (writer) => insert(writer, 4, 900)]), 'pages')
    }
  })

  it('a reset at any moment that overwrites what was not read yet is noticed', (t) => {
    const answers = new Set<string>()
    for (let moment = 1; moment <= 12; moment += 1) {
      const overwrite = (writer: Sqlite) => insert(writer, 60, 900)
      const unseen = (writer: Sqlite) => insert(writer, 2, 900)
      answers.add(disturbed(t, moment, [unseenThenReset, overwrite], [unseen]))
    }
    assert.deepEqual([...answers].sort(), ['lost', 'pages'])
  })

  it('a new generation that overtakes the old one at any moment is noticed', (t) => {
    const answers = new Set<string>()
    for (let moment = 1; moment <= 12; moment += 1) {
      const overtake = (writer: Sqlite) => insert(writer, 22, 900)
      answers.add(disturbed(t, moment, [overtake], [unseenThenReset, (writer) => insert(writer, 1)]))
    }
    assert.deepEqual([...answers].sort(), ['lost', 'pages'])
  })

  it('resets without end are lost, and the reading ends', (t) => {
    const { wal, writer } = written(t)
    const position = positionOf(readWal(wal, null))
    const read = (offset: number, length: number) => {
      reset(writer)
      insert(writer, 1)
      return bytesOf(wal).subarray(offset, offset + length)
    }
    const answer = asLost(committedSince({ inode: position.inode, read }, position))
    assert.match(answer.reason, /over and over/)
    assert.equal(answer.position, null)
  })
})

describe('a process that commits and checkpoints without pause', () => {
  it('is followed: a mirror taken after each lost position and patched ends equal to the database', async (t) => {
    const { path, wal, open } = written(t)
    const witness = open()
    const child = fork(join(import.meta.dirname, 'checkpointing-writer.ts'), [path], { execArgv: [] })
    t.after(() => child.kill('SIGKILL'))
    let running = true
    child.once('exit', () => {
      running = false
    })
    let position = readWal(wal, null).position
    let mirror = image(witness)
    const look = () => {
      const read = readWal(wal, position, OPTIONS)
      position = read.position
      mirror = read.kind === 'pages' ? patched(mirror, read) : image(witness)
    }
    while (running) {
      look()
      await setImmediate()
    }
    look()
    assert.equal(child.exitCode, 0)
    assertSameImage(mirror, image(witness), 1024)
  })
})

describe('a writer that dies', () => {
  it('in a transaction that has spilled leaves nothing to report, and the next writer is followed', async (t) => {
    const { path, wal, open } = written(t)
    const witness = open()
    const before = image(witness)
    const position = positionOf(readWal(wal, null))
    const child = fork(join(import.meta.dirname, 'spilling-writer.ts'), [path], { execArgv: [] })
    t.after(() => child.kill('SIGKILL'))
    await once(child, 'message')
    child.kill('SIGKILL')
    await once(child, 'exit')
    assert.ok(bytesOf(wal).length > position.offset + 10 * FRAME, 'its frames are there')
    assert.deepEqual(asPages(readWal(wal, position)).position, position)
    insert(witness, 1)
    assertSameImage(patched(before, asPages(readWal(wal, position))), image(witness), 1024)
  })

  it('before it published a commit leaves one that SQLite overwrites, and that is noticed', (t) => {
    for (const pages of [1, 2, 5]) {
      const { wal, writer } = written(t)
      const position = positionOf(readWal(wal, null))
      writeUnpublished(wal, position.offset, pages)
      const unpublished = asPages(readWal(wal, position))
      assert.deepEqual([unpublished.commits, unpublished.pages.size], [1, pages])
      insert(writer, 1)
      assert.ok(bytesOf(wal).length >= unpublished.position.offset)
      assert.match(asLost(readWal(wal, unpublished.position)).reason, /overwritten/)
    }
  })

  it('before it published a commit of many pages is noticed later, when the end of it is overwritten', (t) => {
    const { wal, writer } = written(t)
    const position = positionOf(readWal(wal, null))
    writeUnpublished(wal, position.offset, 5)
    const unpublished = asPages(readWal(wal, position))
    insert(writer, 1)
    assert.equal(asPages(readWal(wal, unpublished.position, OPTIONS)).commits, 0)
    assert.equal(readWal(wal, unpublished.position, { recheckBytes: Number.POSITIVE_INFINITY }).kind, 'lost')
    insert(writer, 2, 1000)
    assert.equal(readWal(wal, unpublished.position, OPTIONS).kind, 'lost')
  })
})

/** Commits to the WAL file alone, as a writer has that was killed before it told the other connections. */
function writeUnpublished(wal: string, end: number, pages: number): void {
  const content = Array.from(
    { length: pages },
    (_, page) => [page + 2, Buffer.alloc(1024, page + 1)] as const,
  )
  const file = openSync(wal, 'r+')
  writeSync(file, nextTransaction(bytesOf(wal), end, content), 0, undefined, end)
  closeSync(file)
}

function unseenThenReset(writer: Sqlite): void {
  insert(writer, 3, 900)
  reset(writer)
}

/**
 * Reads from a position after which `earlier` happens before the reading and `meanwhile` at its `moment`-th access to the
 * file. Fails unless the answer fits a state the database had when the reading began or later, and reading on from it
 * fits its last.
 */
function disturbed(
  t: TestContext,
  moment: number,
  meanwhile: readonly ((writer: Sqlite) => void)[],
  earlier: readonly ((writer: Sqlite) => void)[] = [],
): string {
  const { wal, writer, before, position } = secondGeneration(t)
  const states = [before]
  const act = (steps: typeof meanwhile) => {
    for (const step of steps) {
      step(writer)
      states.push(image(writer))
    }
  }
  act(earlier)
  states.splice(0, states.length - 1)
  let accesses = 0
  // One buffer for all, as for a file: what was returned before is overwritten.
  const buffer = Buffer.alloc(1024 * 1024)
  const read = (offset: number, length: number) => {
    accesses += 1
    if (accesses === moment) act(meanwhile)
    const bytes = bytesOf(wal).subarray(offset, offset + length)
    bytes.copy(buffer.fill(0xee))
    return buffer.subarray(0, bytes.length)
  }
  const answer = committedSince({ inode: position.inode, read }, position, OPTIONS)
  if (answer.kind === 'lost') return answer.kind
  const then = patched(before, answer)
  assert.ok(
    states.some((state) => state.equals(then)),
    `a state of the database, moment ${moment}`,
  )
  const rest = readWal(wal, answer.position, OPTIONS)
  if (rest.kind === 'pages') assertSameImage(patched(then, rest), image(writer), 1024)
  return answer.kind
}
