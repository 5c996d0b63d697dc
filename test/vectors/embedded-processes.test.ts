import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import { PermanentError, TransientError } from '../../src/core/errors.ts'
import { openEmbeddedStore } from '../../src/vectors/embedded/store.ts'
import type { VectorStore } from '../../src/vectors/store.ts'
import { freshFile, opened } from './embedded-given.ts'
import { axis, failure, keyOf, pagesOf, spec, track } from './given.ts'

const tracksWritten = 200

function startWriter(t: TestContext, file: string, from: number): ChildProcess {
  const child = fork(join(import.meta.dirname, 'embedded-writer.ts'), [file, `${tracksWritten}`, `${from}`])
  t.after(() => child.kill('SIGKILL'))
  return child
}

/** The next round that the writer says it has committed. */
async function nextRound(child: ChildProcess): Promise<number> {
  const ended = new AbortController()
  child.once('exit', () => ended.abort(new Error('the writer ended by itself')))
  const [round] = await once(child, 'message', { signal: ended.signal })
  return Number(round)
}

/** Every track is of one and the same round, with the rows of that round and no others. Returns the round. */
async function wholeRound(store: VectorStore): Promise<number> {
  const all = (await pagesOf(store, spec.name, tracksWritten)).flat()
  const round = Number(all[0]?.fingerprint)
  const segments = (round % 3) + 1
  assert.equal(all.length, tracksWritten)
  assert.deepEqual(
    new Set(all.map((one) => `${one.fingerprint} ${one.segments}`)),
    new Set([`${round} ${segments}`]),
  )
  return round
}

describe('the embedded store beside other processes', () => {
  it('holds every track whole after its writer was killed at any moment', { timeout: 300_000 }, async (t) => {
    const file = await freshFile(t)
    let committed = -1
    for (let kill = 0; kill < 12; kill += 1) {
      const child = startWriter(t, file, committed + 1)
      // Two rounds are waited for, then the kill falls somewhere into the third, each time a little further in.
      for (let heard = 0; heard < 2; heard += 1) committed = await nextRound(child)
      child.on('message', (round) => {
        committed = Number(round)
      })
      for (let turn = 0; turn < kill * 40; turn += 1) await new Promise((resolve) => setImmediate(resolve))
      child.kill('SIGKILL')
      await once(child, 'exit')
      const store = await opened(t, { file })
      const round = await wholeRound(store)
      assert.ok(round >= committed, `round ${committed} was committed, round ${round} is there`)
      committed = round
      const segments = (round % 3) + 1
      assert.deepEqual(await store.count(spec.name), {
        rows: tracksWritten * segments,
        tracks: tracksWritten,
      })
      const hits = await store.search(spec.name, axis(round % 8), { k: 4096, includeUnavailable: true })
      assert.equal(hits.length, tracksWritten * segments)
      assert.ok(hits.every(({ score, available }) => score > 0.999 && available === (round % 2 === 0)))
      await store.close()
    }
  })

  it('shows a reading process old or new rows, never a mixture, while another writes', async (t) => {
    const file = await freshFile(t)
    const child = startWriter(t, file, 0)
    await nextRound(child)
    const reader = await opened(t, { file, readOnly: true })
    let last = -1
    for (const until of [3, 9, 15]) {
      while (last < until) {
        const round = await wholeRound(reader)
        assert.ok(round >= last)
        last = round
        const hits = await reader.search(spec.alias, axis(0), { k: 4096, includeUnavailable: true })
        assert.ok([1, 2, 3].includes(hits.length / tracksWritten), `${hits.length} rows`)
        assert.equal(new Set(hits.map(({ available, score }) => `${available} ${score}`)).size, 1)
      }
    }
  })

  it('is refused to a reader before it exists', async (t) => {
    const file = await freshFile(t)
    await assert.rejects(openEmbeddedStore({ file, readOnly: true }), failure(PermanentError, file, 'watch'))
    assert.deepEqual(await readdir(join(file, '..')), [])
  })

  it('never writes for a reader', async (t) => {
    const file = await freshFile(t)
    const writer = await opened(t, { file })
    await writer.ensure(spec)
    await writer.replace(spec.name, [track(1, [axis(0)])])
    const reader = await opened(t, { file, readOnly: true })
    await assert.rejects(reader.remove(spec.name, [keyOf(1)]), failure(PermanentError, 'SQLITE_READONLY'))
    await assert.rejects(reader.ensure({ ...spec, name: 'other' }), failure(PermanentError))
    assert.deepEqual(await reader.count(spec.alias), { rows: 1, tracks: 1 })
  })

  it('says TransientError when another process holds the file', { timeout: 60_000 }, async (t) => {
    const file = await freshFile(t)
    const store = await opened(t, { file })
    await store.ensure(spec)
    const other = new Database(file)
    other.exec('begin immediate')
    const held = store.replace(spec.name, [track(1, [axis(0)])])
    await assert.rejects(held, failure(TransientError, spec.name, 'SQLITE_BUSY'))
    other.exec('rollback')
    other.close()
    await store.replace(spec.name, [track(1, [axis(0)])])
    assert.deepEqual(await store.count(spec.name), { rows: 1, tracks: 1 })
  })
})
