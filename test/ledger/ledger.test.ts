import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import Database from 'better-sqlite3'
import type { Model } from '../../src/core/model.ts'
import { PRIORITY, type TrackJob } from '../../src/core/operation.ts'
import type { SnapshotRow } from '../../src/core/track.ts'
import { type Ledger, openLedger, readLedger } from '../../src/ledger/ledger.ts'

const TIMBRE: Model = {
  name: 'timbre',
  modelId: 'test/timbre',
  digest: 'aaaa0000',
  dim: 128,
  audio: { sampleRate: 22050, channels: 1, windowSeconds: 30, hopSeconds: 30 },
  licence: 'MIT',
  folder: '/models/timbre',
}
const NOW = 1_800_000_000_000
const breathe = async () => {}

let folder: string
let ledger: Ledger

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'soundledger-ledger-'))
  ledger = openLedger(join(folder, 'ledger.db'), { retry: { delaysMs: [1000, 2000] } })
  await ledger.models.enable([TIMBRE], NOW, breathe)
})
afterEach(() => {
  ledger.close()
  rmSync(folder, { recursive: true })
})

function row(n: number, over: Partial<SnapshotRow> = {}): SnapshotRow {
  return {
    libraryId: `id${n}`,
    libraryRowid: n,
    path: `/music/${n}.flac`,
    available: true,
    settled: true,
    file: { sizeBytes: 1000 + n, mtimeNs: 1_700_000_000_123_456_789n },
    attributes: { artist: 'Artist', title: `Title ${n}`, album: 'Album', durationSeconds: 60 },
    ...over,
  }
}

function add(...rows: SnapshotRow[]): void {
  ledger.changes.apply(
    rows.map((each) => ({ action: 'add', reason: 'new', row: each })),
    PRIORITY.backlog,
    NOW,
  )
}

function job(libraryId: string): TrackJob {
  const track = ledger.lookups.byLibraryId(libraryId)
  const found = track && ledger.backlog.job(track.id)
  assert.ok(found, `no job for ${libraryId}`)
  return found
}

function inspect(libraryId: string, fingerprint: string): void {
  const { sizeBytes, mtimeNs } = row(1).file ?? { sizeBytes: 0, mtimeNs: 0n }
  const inspection = {
    file: { sizeBytes, mtimeNs },
    fingerprint,
    durationSeconds: 60,
    codec: 'flac',
    attributes: null,
  }
  ledger.results.inspected(job(libraryId), inspection, NOW)
}

function embed(libraryId: string, fingerprint: string, digest = TIMBRE.digest): void {
  const operation = { trackId: job(libraryId).track.id, model: 'timbre', fingerprint, digest }
  ledger.results.intend([operation], NOW)
  ledger.results.written([{ ...operation, how: 'embedded' }], NOW)
}

describe('ledger', () => {
  it('keeps the nanoseconds of a file time', () => {
    add(row(1))
    assert.equal(job('id1').track.file?.mtimeNs, 1_700_000_000_123_456_789n)
  })

  it('has a new track due until it is inspected and embedded, and then not', () => {
    add(row(1))
    assert.equal(ledger.backlog.due(NOW, 10).length, 1)
    inspect('id1', 'f1')
    assert.equal(ledger.backlog.due(NOW, 10).length, 1)
    embed('id1', 'f1')
    assert.deepEqual(ledger.backlog.due(NOW + 1e9, 10), [])
    assert.deepEqual(ledger.report.operations(), { total: 1, done: 1, pending: 0, failed: 0 })
    assert.equal(ledger.report.lifetime().embedded, 1)
  })

  it('gives out urgent work first and, within one priority, the newest change', () => {
    add(row(1), row(2))
    ledger.changes.apply([{ action: 'add', reason: 'new', row: row(3) }], PRIORITY.change, NOW + 5)
    ledger.changes.apply([{ action: 'add', reason: 'new', row: row(4) }], PRIORITY.change, NOW + 6)
    const order = ledger.backlog.due(NOW + 10, 10).map(({ id }) => ledger.backlog.job(id)?.track.libraryId)
    assert.deepEqual(order.slice(0, 2), ['id4', 'id3'])
  })

  it('makes an operation due again when the fingerprint changes, and not when it stays', () => {
    add(row(1))
    inspect('id1', 'f1')
    embed('id1', 'f1')
    inspect('id1', 'f1')
    assert.equal(job('id1').operations[0]?.state, 'done')
    inspect('id1', 'f2')
    assert.equal(job('id1').operations[0]?.state, 'pending')
  })

  it('does not clear work that the reconciler added while a job ran', () => {
    add(row(1))
    const stale = job('id1')
    const update = {
      action: 'update',
      reason: 'file changed',
      reasons: ['file changed'],
      trackId: stale.track.id,
    } as const
    ledger.changes.apply([{ ...update, row: row(1), inspect: true, publish: false }], PRIORITY.backlog, NOW)
    const file = { sizeBytes: 1, mtimeNs: 1n }
    ledger.results.inspected(
      stale,
      { file, fingerprint: 'f1', durationSeconds: 1, codec: 'flac', attributes: null },
      NOW,
    )
    assert.equal(job('id1').inspect, true)
  })

  it('retries a failure as often as the policy says and then only when the file changes', () => {
    add(row(1))
    const { id: trackId } = job('id1').track
    const fail = () => ledger.results.failed([{ trackId, model: 'timbre', cause: 'no audio' }], NOW)
    fail()
    assert.deepEqual(ledger.backlog.due(NOW, 10), [])
    assert.ok((ledger.backlog.nextDueAt(NOW) ?? 0) > NOW)
    fail()
    fail()
    assert.equal(ledger.backlog.nextDueAt(NOW), null)
    assert.deepEqual(ledger.report.failures(10), [
      {
        track: 'id1',
        path: '/music/1.flac',
        model: 'timbre',
        cause: 'no audio',
        attempts: 3,
        nextAttemptAt: null,
      },
    ])
    assert.equal(ledger.report.tracks().failed, 1)
    const change = {
      action: 'update',
      reason: 'file changed',
      reasons: ['file changed'],
      trackId,
      row: row(1),
    } as const
    ledger.changes.apply([{ ...change, inspect: true, publish: false }], PRIORITY.backlog, NOW)
    assert.equal(job('id1').operations[0]?.attempts, 0)
    assert.equal(ledger.report.tracks().failed, 0)
    assert.equal(ledger.backlog.due(NOW, 10).length, 1)
  })

  it('gives a failed operation a fresh set of attempts when a person asks', () => {
    add(row(1))
    const { id: trackId } = job('id1').track
    for (let n = 0; n < 3; n += 1) ledger.results.failed([{ trackId, model: 'timbre', cause: 'x' }], NOW)
    assert.equal(ledger.retry(null, NOW), 1)
    assert.equal(ledger.backlog.due(NOW, 10).length, 1)
  })

  it('names the writes that a crash interrupted', () => {
    add(row(1))
    inspect('id1', 'f1')
    const { track } = job('id1')
    ledger.results.intend([{ trackId: track.id, model: 'timbre', fingerprint: 'f1', digest: 'd' }], NOW)
    assert.deepEqual(ledger.interruptedWrites(), [
      { trackId: track.id, key: track.key, model: 'timbre', fingerprint: 'f1', digest: 'd' },
    ])
    ledger.results.lost({ trackId: track.id, model: 'timbre' }, NOW)
    assert.equal(job('id1').operations[0]?.state, 'pending')
  })

  it('lets a missing track take the place of the new one it turned out to be', () => {
    add(row(1))
    inspect('id1', 'f1')
    embed('id1', 'f1')
    const old = job('id1').track
    ledger.changes.apply(
      [{ action: 'miss', reason: 'gone from library', trackId: old.id }],
      PRIORITY.change,
      NOW,
    )
    add(row(2, { path: '/music/moved.flac' }))
    ledger.results.adopt(job('id2').track, old, NOW)
    const moved = job('id2')
    assert.equal(moved.track.key, old.key)
    assert.equal(moved.track.path, '/music/moved.flac')
    assert.equal(moved.track.state, 'present')
    assert.equal(moved.publish, true)
    assert.equal(ledger.report.tracks().total, 1)
  })

  it('hands a library id over when another track had it', () => {
    add(row(1), row(2))
    const second = job('id2').track
    const update = {
      action: 'update',
      reason: 'library id changed',
      reasons: ['library id changed'],
    } as const
    ledger.changes.apply(
      [{ ...update, trackId: second.id, row: row(2, { libraryId: 'id1' }), inspect: false, publish: true }],
      PRIORITY.change,
      NOW,
    )
    assert.equal(ledger.lookups.byLibraryId('id1')?.id, second.id)
    assert.equal(ledger.report.tracks().total, 2)
  })

  it('removes only what has been missing for the whole grace period', () => {
    add(row(1), row(2))
    const first = job('id1').track
    ledger.changes.apply(
      [{ action: 'miss', reason: 'gone from library', trackId: first.id }],
      PRIORITY.change,
      NOW,
    )
    assert.equal(ledger.changes.expire(NOW - 1, false, NOW), 0)
    assert.equal(ledger.changes.expire(NOW, true, NOW), 0)
    assert.equal(ledger.changes.expire(NOW, false, NOW), 1)
    ledger.results.removed([job('id1')], NOW)
    assert.deepEqual(ledger.report.tracks(), { total: 1, present: 1, missing: 0, failed: 0, held: 0 })
    assert.equal(ledger.report.operations().total, 1)
  })

  it('makes everything due again when the digest of a model changes', async () => {
    add(row(1))
    inspect('id1', 'f1')
    embed('id1', 'f1')
    await ledger.models.enable([{ ...TIMBRE, digest: 'bbbb' }], NOW, breathe)
    assert.equal(ledger.backlog.due(NOW, 10).length, 1)
    assert.equal(ledger.report.operations().pending, 1)
  })

  it('refuses a ledger of a newer program and leaves it as it is', () => {
    ledger.close()
    const file = join(folder, 'ledger.db')
    const db = new Database(file)
    db.pragma('user_version = 99')
    db.close()
    assert.throws(() => openLedger(file, { retry: { delaysMs: [] } }), /version 99 is newer/)
    assert.throws(() => readLedger(file), /version 99 is newer/)
  })

  it('says that there is no ledger yet instead of making an empty one', () => {
    assert.throws(() => readLedger(join(folder, 'none.db')), /no ledger here yet/)
  })
})
