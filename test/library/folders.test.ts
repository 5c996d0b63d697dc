import assert from 'node:assert/strict'
import {
  chmodSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { TransientError } from '../../src/core/errors.ts'
import { type FolderOptions, type LibrarySource, openLibrary } from '../../src/library/source.ts'
import { addFiles, allRows, asAnyUser, pathsBelow, temporaryFolder } from './temporary.ts'

function folders(roots: readonly string[], options: Partial<FolderOptions> = {}): LibrarySource {
  return openLibrary({ kind: 'folders', roots, ...options })
}

function music(t: TestContext, ...names: string[]): string {
  const folder = temporaryFolder(t)
  addFiles(folder, ...names)
  return folder
}

describe('folders as a library', () => {
  it('yields every audio file with size and nanosecond mtime, and nothing else', (t) => {
    const folder = music(t, 'a/one.mp3', 'a/b/TWO.FlAc', 'cover.jpg', 'notes.txt', 'mp3', 'three.opus')
    const rows = allRows(folders([folder]))
    assert.deepEqual(
      rows.map((row) => row.path.slice(folder.length + 1)),
      ['three.opus', 'a/one.mp3', 'a/b/TWO.FlAc'],
    )
    const stats = statSync(join(folder, 'three.opus'), { bigint: true })
    assert.deepEqual(rows[0], {
      libraryId: null,
      libraryRowid: null,
      path: join(folder, 'three.opus'),
      available: true,
      file: { sizeBytes: 10, mtimeNs: stats.mtimeNs },
      settled: true,
      attributes: null,
    })
  })

  it('yields the same order whatever order the files were written in', (t) => {
    const first = music(t, 'b/2.mp3', 'a/1.mp3', 'c.mp3', 'a.mp3')
    const second = music(t, 'a.mp3', 'a/1.mp3', 'c.mp3', 'b/2.mp3')
    assert.deepEqual(pathsBelow(first, folders([first])), pathsBelow(second, folders([second])))
  })

  it('yields no page longer than asked for, and no empty one', (t) => {
    const folder = music(t, ...Array.from({ length: 7 }, (_, n) => `${n}.mp3`))
    const sizes = [...folders([folder]).snapshot({ pageSize: 3 })].map((page) => page.length)
    assert.deepEqual(sizes, [3, 3, 1])
  })

  it('skips hidden files and the bins and indexes of storage systems', (t) => {
    const skipped = [
      '.hidden.mp3',
      '.x/a.mp3',
      '@eaDir/a.mp3',
      '#recycle/a.mp3',
      '.Trash-1000/a.mp3',
      'lost+found/a.mp3',
    ]
    const folder = music(t, ...skipped, 'kept.mp3')
    assert.deepEqual(pathsBelow(folder, folders([folder])), ['kept.mp3'])
  })

  it('takes other extensions where they are given', (t) => {
    const folder = music(t, 'a.mp3', 'b.xyz')
    assert.deepEqual(pathsBelow(folder, folders([folder], { extensions: ['.XYZ'] })), ['b.xyz'])
  })

  it('yields each file once under roots that overlap, repeat or differ by ".." or a link', (t) => {
    const folder = music(t, 'a/one.mp3', 'two.mp3')
    const link = join(temporaryFolder(t), 'link')
    symlinkSync(folder, link)
    const library = folders([folder, join(folder, 'a'), `${folder}/a/..`, `${folder}/`, link])
    assert.deepEqual(pathsBelow(folder, library), ['two.mp3', 'a/one.mp3'])
    assert.deepEqual(library.unreadable(), [])
  })

  it('has no version, no ids and never scans', (t) => {
    const library = folders([music(t, 'a.mp3')])
    assert.equal(library.version(), '')
    assert.equal(library.isAvailable('a'), false)
    assert.equal(library.scanning(), false)
    library.close()
    library.close()
  })

  it('leaves out a file that vanishes while the walk goes on', (t) => {
    const folder = music(t, 'a.mp3', 'b.mp3', 'sub/c.mp3')
    const pages = folders([folder]).snapshot({ pageSize: 1 })[Symbol.iterator]()
    assert.equal(pages.next().value?.[0]?.path, join(folder, 'a.mp3'))
    unlinkSync(join(folder, 'b.mp3'))
    rmSync(join(folder, 'sub'), { recursive: true })
    assert.equal(pages.next().done, true)
  })
})

describe('symbolic links in folders', () => {
  it('are followed to files and folders, also out of the root', (t) => {
    const elsewhere = music(t, 'far.mp3', 'album/near.mp3')
    const folder = music(t, 'a.mp3')
    symlinkSync(join(elsewhere, 'far.mp3'), join(folder, 'linked.mp3'))
    symlinkSync(join(elsewhere, 'album'), join(folder, 'linked'))
    assert.deepEqual(pathsBelow(folder, folders([folder])), ['a.mp3', 'linked/near.mp3', 'linked.mp3'])
    assert.deepEqual(pathsBelow(folder, folders([folder], { followSymlinks: false })), [
      'a.mp3',
      'linked.mp3',
    ])
  })

  it('may form loops', (t) => {
    const folder = music(t, 'a/one.mp3')
    symlinkSync(folder, join(folder, 'a', 'up'))
    symlinkSync('self', join(folder, 'self'))
    const library = folders([folder])
    assert.deepEqual(pathsBelow(folder, library), ['a/one.mp3'])
    assert.deepEqual(
      library.unreadable().map(({ path }) => path),
      [join(folder, 'self')],
    )
  })

  it('never change the path of a file that has a real one', (t) => {
    const folder = music(t, 'z/one.mp3', 'z/two.mp3')
    symlinkSync(join(folder, 'z'), join(folder, 'a'))
    symlinkSync(join(folder, 'z', 'one.mp3'), join(folder, 'again.mp3'))
    assert.deepEqual(pathsBelow(folder, folders([folder])), ['z/one.mp3', 'z/two.mp3'])
  })

  it('are reported where they lead nowhere, for the disk behind them may be missing', (t) => {
    const folder = music(t, 'a.mp3')
    symlinkSync('/nowhere/at/all', join(folder, 'disk'))
    const library = folders([folder])
    assert.deepEqual(pathsBelow(folder, library), ['a.mp3'])
    assert.equal(library.unreadable()[0]?.path, join(folder, 'disk'))
  })
})

describe('what cannot be read in folders', () => {
  it('is a transient failure when no root is there, naming each root, its state and the remedy', (t) => {
    const folder = music(t, 'file')
    const roots = [join(folder, 'absent'), join(folder, 'file')]
    assert.throws(
      () => folders(roots),
      (error: unknown) => {
        assert(error instanceof TransientError)
        assert.match(
          error.describe(),
          /absent: does not exist, .*file: is not a folder; expected .*mount the disk/,
        )
        return true
      },
    )
  })

  it('is reported for one root while the others are read', (t) => {
    const folder = music(t, 'here/a.mp3', 'empty/cover.jpg')
    const library = folders([join(folder, 'gone'), join(folder, 'here'), join(folder, 'empty')])
    assert.deepEqual(pathsBelow(folder, library), ['here/a.mp3'])
    assert.deepEqual(library.unreadable(), [
      { path: join(folder, 'gone'), cause: 'the root does not exist' },
      { path: join(folder, 'empty'), cause: 'the root holds no audio file: is the disk mounted?' },
    ])
  })

  it('is forgotten once a later snapshot can read it', (t) => {
    const folder = music(t, 'a/a.mp3')
    const library = folders([join(folder, 'a'), join(folder, 'b')])
    allRows(library)
    assert.equal(library.unreadable().length, 1)
    addFiles(folder, 'b/b.mp3')
    assert.equal(allRows(library).length, 2)
    assert.deepEqual(library.unreadable(), [])
  })

  it('is a folder without permission, and the walk goes on', (t) => {
    const folder = music(t, 'closed/a.mp3', 'open/b.mp3', 'blind/c.mp3')
    chmodSync(join(folder, 'closed'), 0o000)
    chmodSync(join(folder, 'blind'), 0o444)
    const found = asAnyUser(
      `const library = openLibrary({ kind: 'folders', roots: [${JSON.stringify(folder)}] })
       const rows = [...library.snapshot()].flat()`,
      '{ paths: rows.map((row) => row.path), unreadable: library.unreadable() }',
    )
    for (const name of ['closed', 'blind']) chmodSync(join(folder, name), 0o755)
    assert.deepEqual(found, {
      paths: [join(folder, 'open/b.mp3')],
      unreadable: [
        { path: join(folder, 'blind/c.mp3'), cause: 'permission denied (EACCES)' },
        { path: join(folder, 'closed'), cause: 'permission denied (EACCES)' },
      ],
    })
  })

  it('is a name that is not UTF-8, of a file or a folder', (t) => {
    const folder = music(t, 'a.mp3')
    const bad = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0x62, 0xff, 0x64])])
    try {
      writeFileSync(Buffer.concat([bad, Buffer.from('.mp3')]), 'x')
      mkdirSync(bad)
    } catch {
      t.skip('this file system takes only valid UTF-8')
      return
    }
    const library = folders([folder])
    assert.deepEqual(pathsBelow(folder, library), ['a.mp3'])
    assert.deepEqual(
      library
        .unreadable()
        .map(({ path }) => path)
        .sort(),
      [join(folder, 'b\u{fffd}d'), join(folder, 'b\u{fffd}d.mp3')],
    )
    assert.match(library.unreadable()[0]?.cause ?? '', /not valid UTF-8/)
  })

  it('is listed a hundred times at most, then counted', (t) => {
    const folder = music(t, 'a.mp3')
    for (let n = 0; n < 120; n += 1) {
      const name = Buffer.concat([Buffer.from(`${folder}/${n}-`), Buffer.from([0xff]), Buffer.from('.mp3')])
      writeFileSync(name, 'x')
    }
    const library = folders([folder])
    allRows(library)
    const entries = library.unreadable()
    assert.equal(entries.length, 101)
    assert.match(entries.at(-1)?.cause ?? '', /the last of 120/)
  })

  it('is no reason to report a root whose files another root has yielded', (t) => {
    const folder = music(t, 'a/b/one.mp3')
    const library = folders([join(folder, 'a', 'b'), join(folder, 'a')])
    assert.equal(allRows(library).length, 1)
    assert.deepEqual(library.unreadable(), [])
    renameSync(join(folder, 'a/b/one.mp3'), join(folder, 'a/two.mp3'))
    assert.equal(allRows(library).length, 1)
    assert.deepEqual(
      library.unreadable().map(({ path }) => path),
      [join(folder, 'a', 'b')],
    )
  })
})
