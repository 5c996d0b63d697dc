import assert from 'node:assert/strict'
import { mkdtemp, open, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { Worker } from 'node:worker_threads'
import Database from 'better-sqlite3'
import { PermanentError, TransientError } from '../../src/core/errors.ts'
import { openEmbeddedStore, startWorker } from '../../src/vectors/embedded/store.ts'
import { storeContract } from './contract.ts'
import { freshFile, opened } from './embedded-given.ts'
import { failure, keyOf, pagesOf, spec, track, unit } from './given.ts'

storeContract('embedded', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'soundledger-vectors-'))
  const store = await openEmbeddedStore({ file: join(folder, 'vectors.db') })
  return {
    store,
    cleanup: async () => {
      await store.close()
      await rm(folder, { recursive: true })
    },
  }
})

describe('the file of the embedded store', () => {
  it('keeps collections, aliases and rows when it is closed and opened again', async (t) => {
    const file = await freshFile(t)
    const first = await opened(t, { file })
    await first.ensure(spec)
    await first.replace(spec.name, [track(1, [unit(1), unit(2)])])
    await first.close()
    const second = await opened(t, { file })
    assert.deepEqual(await second.count(spec.alias), { rows: 2, tracks: 1 })
    const [hit] = await second.search(spec.alias, unit(2), { k: 1 })
    assert.deepEqual([hit?.key, hit?.segment], [keyOf(1), 1])
  })

  it('is alone in its folder after close', async (t) => {
    const file = await freshFile(t)
    const store = await opened(t, { file })
    await store.ensure(spec)
    await store.close()
    assert.deepEqual(await readdir(join(file, '..')), ['vectors.db'])
  })

  it('does not grow when the same tracks are replaced again and again', async (t) => {
    const file = await freshFile(t)
    const store = await opened(t, { file })
    await store.ensure(spec)
    const batch = Array.from({ length: 1000 }, (_, number) => track(number, [unit(number)]))
    await store.replace(spec.name, batch)
    const before = pagesIn(file)
    for (let round = 0; round < 10; round += 1) await store.replace(spec.name, batch)
    assert.equal(pagesIn(file), before)
  })

  it('is refused, and left as it is, when a newer program wrote it', async (t) => {
    const file = await freshFile(t)
    const db = new Database(file)
    db.pragma('user_version = 99')
    db.close()
    const refusal = failure(PermanentError, file, '99', 'newer')
    await assert.rejects(openEmbeddedStore({ file }), refusal)
    await assert.rejects(openEmbeddedStore({ file, readOnly: true }), refusal)
    const after = new Database(file, { readonly: true })
    assert.equal(after.pragma('user_version', { simple: true }), 99)
    after.close()
  })

  it('is refused when another program made it', async (t) => {
    const file = await freshFile(t)
    const db = new Database(file)
    db.exec('create table media_file (id text)')
    db.close()
    await assert.rejects(openEmbeddedStore({ file }), failure(PermanentError, file, 'did not make'))
  })

  it('is refused when it is no database, or when its folder does not exist', async (t) => {
    const file = await freshFile(t)
    await writeFile(file, 'not a database '.repeat(1000))
    await assert.rejects(openEmbeddedStore({ file }), failure(PermanentError, file, 'SQLITE_NOTADB'))
    const nowhere = join(file, '..', 'absent', 'vectors.db')
    await assert.rejects(openEmbeddedStore({ file: nowhere }), failure(PermanentError, nowhere))
  })

  it('gives a PermanentError where it is corrupt', async (t) => {
    const file = await freshFile(t)
    const first = await opened(t, { file })
    await first.ensure(spec)
    await first.replace(
      spec.name,
      Array.from({ length: 500 }, (_, number) => track(number, [unit(number)])),
    )
    await first.close()
    const handle = await open(file, 'r+')
    const { size } = await handle.stat()
    await handle.write(Buffer.alloc(size - 16_384, 0xa5), 0, size - 16_384, 16_384)
    await handle.close()
    const corrupt = failure(PermanentError, 'SQLITE_CORRUPT')
    await assert.rejects(async () => {
      const store = await opened(t, { file })
      await store.search(spec.name, unit(1), { k: 1 })
    }, corrupt)
  })
})

function pagesIn(file: string): unknown {
  const db = new Database(file, { readonly: true })
  const pages = db.pragma('page_count', { simple: true })
  db.close()
  return pages
}

describe("the embedded store's thread", () => {
  it('may die: calls under way fail as transient, the next ones are served by another', async (t) => {
    const file = await freshFile(t)
    const workers: Worker[] = []
    const store = await opened(t, {
      file,
      startWorker: (options) => {
        const worker = startWorker(options)
        workers.push(worker)
        return worker
      },
    })
    await store.ensure(spec)
    const batch = (fingerprint: string) =>
      Array.from({ length: 2000 }, (_, number) => track(number, [unit(number)], { fingerprint }))
    await store.replace(spec.name, batch('old'))
    const calls = [store.replace(spec.name, batch('new')), store.count(spec.name), store.collections()]
    const lost = Promise.all(calls.map((call) => assert.rejects(call, failure(TransientError, file))))
    await workers[0]?.terminate()
    await lost
    const counts = await Promise.all([store.count(spec.name), store.count(spec.alias)])
    assert.deepEqual(counts, [
      { rows: 2000, tracks: 2000 },
      { rows: 2000, tracks: 2000 },
    ])
    assert.equal(workers.length, 2)
    const fingerprints = new Set(
      (await pagesOf(store, spec.name)).flat().map(({ fingerprint }) => fingerprint),
    )
    assert.equal(fingerprints.size, 1)
    await store.replace(spec.name, batch('newest'))
  })

  it('may fail to start again, and is tried at the next call', async (t) => {
    const file = await freshFile(t)
    const workers: Worker[] = []
    let asked = file
    const store = await opened(t, {
      file,
      startWorker: (options) => {
        const worker = startWorker({ ...options, file: asked })
        workers.push(worker)
        return worker
      },
    })
    await store.ensure(spec)
    asked = join(file, 'absent', 'vectors.db')
    await workers[0]?.terminate()
    await assert.rejects(store.count(spec.name), failure(PermanentError))
    asked = file
    assert.deepEqual(await store.count(spec.name), { rows: 0, tracks: 0 })
  })
})
