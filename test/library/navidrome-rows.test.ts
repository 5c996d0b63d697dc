import assert from 'node:assert/strict'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { startServer } from './navidrome-setting.ts'
import { addFiles, allRows, asAnyUser } from './temporary.ts'

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
