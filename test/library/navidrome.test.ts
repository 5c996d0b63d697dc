import assert from 'node:assert/strict'
import { chmodSync, rmSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { PermanentError, TransientError } from '../../src/core/errors.ts'
import { type LibrarySource, type NavidromeOptions, openLibrary } from '../../src/library/source.ts'
import { type NavidromeVersion, type NavidromeWriter, startNavidromeWriter } from '../support/navidrome.ts'
import { addFiles, allRows, asAnyUser, temporaryFolder } from './temporary.ts'

interface Setting {
  readonly folder: string
  readonly music: string
  readonly server: NavidromeWriter
  open(options?: Partial<NavidromeOptions>): LibrarySource
}

/** A server with one library at `/srv/music`, which is `music` here. */
async function startServer(t: TestContext, version: NavidromeVersion = '0.64'): Promise<Setting> {
  const folder = temporaryFolder(t)
  const music = join(folder, 'music')
  const database = join(folder, 'navidrome.db')
  const server = await startNavidromeWriter(database, version)
  const opened: LibrarySource[] = []
  t.after(async () => {
    for (const library of opened) library.close()
    await server.close()
  })
  await server.addLibrary('/srv/music')
  const open = (options: Partial<NavidromeOptions> = {}): LibrarySource => {
    const pathMap = [{ from: '/srv/music', to: music }]
    const library = openLibrary({ kind: 'navidrome', database, pathMap, statFiles: true, ...options })
    opened.push(library)
    return library
  }
  return { folder, music, server, open }
}

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
          path: join(music, 'A/one.flac'),
          available: true,
          file: { sizeBytes: 10, mtimeNs: 2_000_000_000_000n },
          attributes: { artist: 'A', title: 'One', album: 'B', durationSeconds: 61.25 },
        },
        {
          libraryId: 'two',
          path: join(music, 'A/two.flac'),
          available: false,
          file: null,
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

describe('odd rows of a Navidrome library', () => {
  it('come with texts instead of whatever stands there', async (t) => {
    const { server, open } = await startServer(t)
    await server.insert([{ id: 'a', path: 'a.flac', title: `t\u{1}\n${'x'.repeat(600)}` }])
    await server.update('a', { artist: '7', duration: 'long' })
    await server.exec("update media_file set album = cast('Björk' as blob)")
    const [row] = allRows(open())
    assert.deepEqual(row?.attributes, {
      artist: '7',
      title: `t${'x'.repeat(511)}`,
      album: 'Björk',
      durationSeconds: null,
    })
  })

  it('may lack artist, title, album and duration where a schema allows it', async (t) => {
    const { server, open } = await startServer(t)
    await server.insert([{ path: 'a.flac' }])
    await server.exec(`pragma writable_schema = on;
      update sqlite_schema set sql = replace(sql, ' not null', '') where name = 'media_file'; pragma writable_schema = off`)
    await server.closeDatabase()
    await server.open(server.database, 'existing')
    await server.exec('update media_file set artist = null, title = null, album = null, duration = null')
    assert.deepEqual(allRows(open())[0]?.attributes, {
      artist: '',
      title: '',
      album: '',
      durationSeconds: null,
    })
  })

  it('whose path leads out of the library are yielded without their file, and reported', async (t) => {
    const { folder, music, server, open } = await startServer(t)
    addFiles(folder, 'secret.flac', 'music/a.flac')
    await server.insert([
      { path: '../secret.flac' },
      { path: join(folder, 'secret.flac') },
      { path: 'a.flac' },
    ])
    const library = open()
    assert.deepEqual(
      allRows(library).map((row) => row.file?.sizeBytes ?? null),
      [null, null, 12],
    )
    assert.deepEqual(
      library.unreadable().map(({ path }) => path),
      [`${music}/../secret.flac`, join(folder, 'secret.flac')],
    )
  })

  it('with a path that is no file name are left out and reported', async (t) => {
    const { music, server, open } = await startServer(t)
    addFiles(music, 'b.flac')
    await server.insert([
      { path: 'a\0.flac' },
      { path: 'b.flac' },
      { path: '' },
      { id: 'blob', path: 'c.flac' },
    ])
    await server.exec("update media_file set path = x'6100' where id = 'blob'")
    const library = open()
    assert.deepEqual(
      allRows(library).map((row) => row.path),
      [join(music, 'b.flac')],
    )
    assert.equal(library.unreadable().length, 3)
    assert.equal(library.unreadable()[0]?.path, `${music}/a\u{fffd}.flac`)
  })

  it('of a library that was removed are left out', async (t) => {
    const { server, open } = await startServer(t)
    const second = await server.addLibrary('/srv/second')
    await server.insert([{ path: 'a.flac' }, { path: 'b.flac', libraryId: second }])
    const library = open({ statFiles: false })
    assert.equal(allRows(library).length, 2)
    await server.exec('pragma foreign_keys = off')
    await server.exec(`delete from library where id = ${second}`)
    assert.equal(allRows(library).length, 1)
  })

  it('may hold absolute paths and know no missing tracks: the schema before 0.55', async (t) => {
    const { music, server, open } = await startServer(t, '0.55')
    addFiles(music, 'a.flac')
    await server.insert([{ id: 'a', path: '/srv/music/a.flac' }])
    await server.exec(`drop index media_file_missing; alter table media_file drop column missing;
      alter table library drop column last_scan_started_at`)
    const library = open()
    const [row] = allRows(library)
    assert.equal(row?.path, join(music, 'a.flac'))
    assert.equal(row?.file?.sizeBytes, 6)
    assert.equal(row?.available, true)
    assert.equal(library.isAvailable('a'), true)
    assert.equal(library.scanning(), false)
  })

  it('whose collation is known to the server alone can be read', async (t) => {
    const { server, open } = await startServer(t)
    await server.insert([{ id: 'a', path: 'a.flac' }])
    await server.exec(`pragma writable_schema = on;
      update sqlite_schema set sql = replace(sql, 'collate nocase', 'collate NATSORT'); pragma writable_schema = off`)
    assert.equal(allRows(open({ statFiles: false })).length, 1)
  })
})

describe('the roots of a Navidrome library', () => {
  it('are reported when they are not here, with a hint to map them, and every row is yielded', async (t) => {
    const { server, open } = await startServer(t)
    await server.addLibrary('./music', 'relative')
    await server.insert([{ path: 'a.flac' }, { path: 'b.flac', libraryId: 2 }])
    const library = open({ pathMap: [] })
    assert.deepEqual(
      allRows(library).map((row) => row.file),
      [null, null],
    )
    assert.deepEqual(library.unreadable(), [
      { path: '/srv/music', cause: 'the root is absent here: mount it, or set library.path_map' },
      {
        path: './music',
        cause: 'the root is relative to a folder only the server knows: mount it, or set library.path_map',
      },
    ])
  })

  it('are reported when not one of their files is here', async (t) => {
    const { music, server, open } = await startServer(t)
    addFiles(music, 'other.flac')
    await server.insert([{ path: 'a.flac' }, { path: 'b.flac' }])
    const library = open()
    allRows(library)
    assert.match(library.unreadable()[0]?.cause ?? '', /^none of its 2 files is here/)
    addFiles(music, 'a.flac')
    allRows(library)
    assert.deepEqual(library.unreadable(), [])
  })

  it('are not reported when all of their tracks are missing for the server too', async (t) => {
    const { music, server, open } = await startServer(t)
    addFiles(music, 'other.flac')
    await server.insert([{ path: 'a.flac', missing: true }])
    const library = open()
    allRows(library)
    assert.deepEqual(library.unreadable(), [])
  })

  it('may hold a folder that cannot be entered, which is reported once', async (t) => {
    const { music, server, folder } = await startServer(t)
    addFiles(music, 'open/a.flac', 'closed/b.flac', 'closed/c.flac')
    await server.insert(['open/a.flac', 'closed/b.flac', 'closed/c.flac'].map((path) => ({ path })))
    await server.closeDatabase()
    for (const name of ['navidrome.db', 'music/open', 'music/open/a.flac'])
      chmodSync(join(folder, name), 0o755)
    chmodSync(join(music, 'closed'), 0o000)
    const found = asAnyUser(
      `import { copyFileSync, mkdtempSync } from 'node:fs'
       const copy = mkdtempSync('/tmp/soundledger-copy-') + '/navidrome.db'
       copyFileSync(${JSON.stringify(server.database)}, copy)
       const pathMap = [{ from: '/srv/music', to: ${JSON.stringify(music)} }]
       const library = openLibrary({ kind: 'navidrome', database: copy, pathMap, statFiles: true })
       const rows = [...library.snapshot()].flat(); library.close()
       import { rmSync } from 'node:fs'; import { dirname } from 'node:path'; rmSync(dirname(copy), { recursive: true })`,
      '{ files: rows.map((row) => row.file?.sizeBytes ?? null), unreadable: library.unreadable() }',
    )
    chmodSync(join(music, 'closed'), 0o755)
    assert.deepEqual(found, {
      files: [11, null, null],
      unreadable: [{ path: join(music, 'closed'), cause: 'permission denied (EACCES)' }],
    })
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

  it('cannot be used after it was closed', async (t) => {
    const { open } = await startServer(t)
    const library = open()
    library.close()
    assert.throws(() => library.version(), PermanentError)
  })
})
