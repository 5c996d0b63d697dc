import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import { parseTablePage } from '../../../src/capture/pages/btree.ts'
import { readRecord, type Value } from '../../../src/capture/pages/record.ts'

type Cell = string | number | Buffer | null

/** The record of the only row of a table, as it stands on its page. */
function recordOf(values: readonly Cell[]): Uint8Array {
  const database = new Database(':memory:')
  database.exec(`create table t (${values.map((_, index) => `c${index}`).join(', ')})`)
  database.prepare(`insert into t values (${values.map(() => '?').join(', ')})`).run(...values)
  const bytes = database.serialize()
  const parsed = parseTablePage(bytes.subarray(4096, 8192), 2, 4096)
  const local = parsed?.kind === 'leaf' ? parsed.cells[0]?.local : undefined
  assert.ok(local)
  return local
}

function plain(value: Value): unknown {
  if (value.kind === 'null') return null
  if (value.kind === 'number') return value.value
  if (value.kind === 'unread') return 'unread'
  return value.kind === 'text' ? Buffer.from(value.bytes).toString() : Buffer.from(value.bytes)
}

const cell = fc.oneof(
  fc.constant(null),
  fc.string({ unit: 'binary', maxLength: 30 }).filter((text) => text.isWellFormed()),
  fc.double({ noNaN: true }),
  fc.maxSafeInteger(),
  fc.integer({ min: -40_000, max: 40_000 }),
  fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
)

/** SQLite keeps the sign of zero in some columns and not in others. */
function unsigned(value: unknown): unknown {
  return Object.is(value, -0) ? 0 : value
}

describe('records', () => {
  it('hold the values that were written', () => {
    fc.assert(
      fc.property(fc.array(cell, { minLength: 1, maxLength: 12 }), (values) => {
        const record = readRecord(recordOf(values), values.length)
        assert.equal(record?.columns, values.length)
        assert.deepEqual(record?.values.map(plain).map(unsigned), values.map(unsigned))
      }),
      { numRuns: 300 },
    )
  })

  it('that go on elsewhere show the beginning of a text and its length', () => {
    const record = readRecord(recordOf(['head', 'x'.repeat(20_000), 7]), 3)
    const [head, long, behind] = record?.values ?? []
    assert.deepEqual(head?.kind === 'text' ? [head.length, Buffer.from(head.bytes).toString()] : [], [
      4,
      'head',
    ])
    assert.ok(long?.kind === 'text' && long.length === 20_000 && long.bytes.byteLength < 4096)
    assert.deepEqual(behind, { kind: 'unread' })
  })

  it('of random bytes never throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(8), (bytes, most) => void readRecord(bytes, most)),
      {
        numRuns: 3000,
      },
    )
  })
})
