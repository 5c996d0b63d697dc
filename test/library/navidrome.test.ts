import assert from 'node:assert/strict'
import { rmSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { PermanentError, TransientError } from '../../src/core/errors.ts'
import { startNavidromeWriter } from '../support/navidrome.ts'
import { startServer } from './navidrome-setting.ts'
import { addFiles, allRows } from './temporary.ts'

for (const version of ['0.55', '0.61', '0.64'] as const) {
  describe(`the library of Navidrome ${version}`, () => {
    it('is rows with id, mapped path, attributes and the state of the file', async (t) => {
      const { music, server, open } = await startServer(t, version)
      addFiles(music, 'A/one.flac')
      utimesSync(join(music, 'A/one.flac'), 1000, 2000)
      await server.insert([
        { id: 'one', path: 'A/one.flac', title: 'One', artist: 'A', album: 'B', duration: 61.25 },
        { id: 'two', path: 'A/two.flac', missing: true, duration: 0 },
      ])
      const library = open()
      assert.deepEqual(allRows(library), [
        {
          libraryId: 'one',
          libraryRowid: 1,
          path: join(music, 'A/one.flac'),
          available: true,
          file: { sizeBytes: 10, mtimeNs: 2_000_000_000_000n },
          settled: true,
          attributes: { artist: 'A', title: 'One', album: 'B', durationSeconds: 61.25 },
        },
        {
          libraryId: 'two',
          libraryRowid: 2,
          path: join(music, 'A/two.flac'),
          available: false,
          file: null,
          settled: true,
          attributes: { artist: 'Artist', title: 'A/two.flac', album: 'Album', durationSeconds: null },
        },
      ])
      assert.deepEqual(library.unreadable(), [])
      assert.deepEqual(library.roots(), [music])
    })

    it('tells an id that is available from one that is missing, deleted or unknown', async (t) => {
      const { server, open } = await startServer(t, version)
      await server.insert(['a', 'b', 'c'].map((id) => ({ id, path: id })))
      await server.markMissing(['b'])
      await server.remove(['c'])
      const library = open()
      assert.deepEqual(
        ['a', 'b', 'c', 'd', '', "'"].map((id) => library.isAvailable(id)),
        [true, ...Array(5).fill(false)],
      )
    })

    it('is scanned from the beginning of a scan to its end, and not before the first', async (t) => {
      const { server, open } = await startServer(t, version)
      const library = open()
      assert.equal(library.scanning(), false)
      await server.beginScan(true)
      assert.equal(library.scanning(), true)
      await server.endScan()
      assert.equal(library.scanning(), false)
    })

    it('has a new version after every commit of the server, and the same while nothing happens', async (t) => {
      const { server, open } = await startServer(t, version)
      const [id = ''] = await server.insert([{ path: 'a.flac' }])
      const library = open()
      const seen = [library.version()]
      allRows(library)
      assert.equal(library.version(), seen[0])
      const changes = [
        () => server.update(id, { title: 'new' }),
        () => server.rewriteAllIds(),
        () => server.fullScanRewrite(),
        () => server.checkpoint('truncate'),
        () => server.vacuum(),
        () => server.remove([id]),
      ]
      for (const change of changes) {
        await change()
        seen.push(library.version())
      }
      // A checkpoint moves pages and changes nothing; all else does.
      assert.equal(new Set(seen).size, changes.length)
    })
  })
}

describe('a snapshot of a Navidrome library', () => {
  it('comes in pages of at most the given size that hold every row once', async (t) => {
    const { server, open } = await startServer(t)
    await server.bulkInsert({ count: 2500, rowBytes: 500 })
    await server.exec('delete from media_file where rowid % 3 = 0')
    const pages = [...open({ statFiles: false }).snapshot({ pageSize: 100 })]
    assert(pages.every((page) => page.length > 0 && page.length <= 100))
    assert.equal(new Set(pages.flat().map((row) => row.libraryId)).size, 1667)
    assert.equal(pages.flat().length, 1667)
  })

  it('holds no transaction between its pages: the server can checkpoint all of its log', async (t) => {
    const { server, open } = await startServer(t)
    await server.bulkInsert({ count: 300, rowBytes: 500 })
    const pages = open({ statFiles: false }).snapshot({ pageSize: 10 })[Symbol.iterator]()
    pages.next()
    await server.checkpoint('truncate')
    assert.equal(statSync(`${server.database}-wal`).size, 0)
    assert.equal(pages.next().value?.length, 10)
  })

  it('shows in the version that the library changed meanwhile', async (t) => {
    const { server, open } = await startServer(t)
    await server.bulkInsert({ count: 20, rowBytes: 500 })
    const library = open({ statFiles: false })
    const before = library.version()
    for (const _page of library.snapshot({ pageSize: 15 }))
      await server.update('s000000000000000000001', { title: 'x' })
    assert.notEqual(library.version(), before)
  })

  it('leaves files unread where it shall', async (t) => {
    const { music, server, open } = await startServer(t)
    addFiles(music, 'a.flac')
    await server.insert([{ path: 'a.flac' }])
    const library = open({ statFiles: false })
    assert.equal(allRows(library)[0]?.file, null)
    assert.deepEqual(library.unreadable(), [])
  })

  it('leaves no write, no lock and no file of its own behind', async (t) => {
    const { folder, server, open } = await startServer(t)
    const library = open()
    allRows(library)
    await server.exec("insert into property (id, value) values ('x', 'y')")
    library.close()
    library.close()
    await server.close()
    const left = ['navidrome.db-wal', 'navidrome.db-shm'].filter((name) =>
      statSync(join(folder, name), { throwIfNoEntry: false }),
    )
    assert.deepEqual(left, [])
  })
})

describe('a Navidrome database that is replaced', () => {
  it('by rename is opened anew by the next snapshot, and the version shows it', async (t) => {
    const { server, open } = await startServer(t)
    await server.insert([{ id: 'a', path: 'a.flac' }])
    const library = open({ statFiles: false })
    const before = library.version()
    await server.replaceByRename()
    await server.insert([{ id: 'b', path: 'b.flac' }])
    assert.deepEqual(
      allRows(library).map((row) => row.libraryId),
      ['a', 'b'],
    )
    assert.notEqual(library.version(), before)
  })

  it('in the middle of a snapshot ends it when something else noticed, for a new one to be taken', async (t) => {
    const { server, open } = await startServer(t)
    await server.bulkInsert({ count: 30, rowBytes: 500 })
    const library = open({ statFiles: false })
    const pages = library.snapshot({ pageSize: 10 })[Symbol.iterator]()
    pages.next()
    await server.replaceByRename()
    library.version()
    assert.throws(() => pages.next(), TransientError)
    assert.equal(allRows(library).length, 30)
  })

  it('through the backup API is read anew on the same connection', async (t) => {
    const { folder, server, open } = await startServer(t)
    await server.insert([{ id: 'a', path: 'a.flac' }])
    await server.backup(join(folder, 'backup.db'))
    await server.insert([{ id: 'b', path: 'b.flac' }])
    const library = open({ statFiles: false })
    const before = library.version()
    assert.equal(allRows(library).length, 2)
    await server.restore(join(folder, 'backup.db'))
    assert.deepEqual(
      allRows(library).map((row) => row.libraryId),
      ['a'],
    )
    assert.notEqual(library.version(), before)
  })

  it('by nothing is a transient failure until it is back', async (t) => {
    const { server, open } = await startServer(t)
    await server.insert([{ id: 'a', path: 'a.flac' }])
    const library = open({ statFiles: false })
    await server.close()
    for (const suffix of ['', '-wal', '-shm']) rmSync(server.database + suffix, { force: true })
    assert.throws(() => library.version(), TransientError)
    assert.throws(() => allRows(library), TransientError)
    const again = await startNavidromeWriter(server.database)
    t.after(() => again.close())
    assert.deepEqual(allRows(library), [])
  })

  it('stays readable after its server was killed', async (t) => {
    const { server, open } = await startServer(t)
    await server.insert([{ id: 'a', path: 'a.flac' }])
    await server.kill()
    assert.equal(allRows(open({ statFiles: false })).length, 1)
  })

  it('opened a second time never shows a version of the first', async (t) => {
    const { open } = await startServer(t)
    assert.notEqual(open().version(), open().version())
  })

  it('cannot be used after it was closed', async (t) => {
    const { open } = await startServer(t)
    const library = open()
    library.close()
    assert.throws(() => library.version(), PermanentError)
  })
})
