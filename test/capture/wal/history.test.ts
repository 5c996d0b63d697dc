import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import fc from 'fast-check'
import { readWal } from '../../../src/capture/wal/reader.ts'
import type { Sqlite } from './written.ts'
import { assertSameImage, image, insert, patched, rolledBackSpill, written } from './written.ts'

const PAGE = 512
const FRAME = 24 + PAGE

/** Something that happens to a database, or a look at its WAL. */
type Step = ((connection: Sqlite) => void) | 'read'

const ORDINARY_STEPS: readonly Step[] = [
  (connection) => insert(connection, 1),
  (connection) => insert(connection, 6, 300),
  (connection) => insert(connection, 25, 300),
  (connection) => connection.exec('delete from t where id % 2 = 0'),
  (connection) => connection.exec('update t set x = randomblob(90) where id % 7 = 0'),
  (connection) => rolledBackSpill(connection, 20),
  (connection) => connection.pragma('wal_checkpoint(passive)'),
  (connection) => connection.pragma('wal_checkpoint(restart)'),
  'read',
  'read',
  'read',
]

const CUTTING_STEPS: readonly Step[] = [
  (connection) => connection.exec('vacuum'),
  (connection) => connection.pragma('wal_checkpoint(truncate)'),
  (connection) => connection.pragma('journal_size_limit = 20000'),
]

describe('a mirror patched with the reported pages equals the database', () => {
  it('after any commits, rollbacks and checkpoints', (t) => {
    const crossed = follow(t, ORDINARY_STEPS)
    assert.ok(crossed > 0, 'some reads went across a reset')
  })

  it('after any commits and whatever cuts the WAL or the database', (t) => {
    follow(t, [...ORDINARY_STEPS, ...CUTTING_STEPS])
  })
})

/** Histories over two connections, with the mirror compared at every read; returns how many reads went across a reset. */
function follow(t: TestContext, steps: readonly Step[]): number {
  let crossed = 0
  const histories = fc.array(fc.constantFrom(...steps), { minLength: 5, maxLength: 40, size: 'max' })
  const holds = (history: readonly Step[]) => {
    const { wal, writer, open } = written(t, PAGE)
    const connections = [writer, open()]
    insert(writer, 60, 600)
    let position = readWal(wal, null).position
    let mirror = image(writer)
    for (const [index, step] of history.entries()) {
      if (step !== 'read') {
        step(connections[index % 2] ?? writer)
        continue
      }
      const read = readWal(wal, position, { recheckBytes: 3 * FRAME })
      if (read.kind === 'pages' && read.position.salt1 !== position?.salt1) crossed += 1
      mirror = read.kind === 'pages' ? patched(mirror, read) : image(writer)
      position = read.position
      assertSameImage(mirror, image(writer), PAGE)
    }
    for (const connection of connections) connection.close()
  }
  fc.assert(fc.property(histories, holds), { numRuns: 80 })
  if (process.env.SHOW) t.diagnostic(`${crossed}`)
  return crossed
}
