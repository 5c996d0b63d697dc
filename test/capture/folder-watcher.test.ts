import assert from 'node:assert/strict'
import {
  appendFileSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { temporaryFolder, watching, write } from './folder-given.ts'

const TIMEOUT = { timeout: 60_000 }

/** What may happen below `music`, where `album/track.flac` is. */
const CHANGES: Readonly<Record<string, (music: string, outside: string) => void>> = {
  'a file is added': (music) => write(music, 'album/new.flac'),
  'a file is linked in': (music) => linkSync(join(music, 'album/track.flac'), join(music, 'album/two.flac')),
  'a file is written to in place': (music) => appendFileSync(join(music, 'album/track.flac'), 'more'),
  'a file gets another time': (music) => utimesSync(join(music, 'album/track.flac'), 1, 1),
  'a file is deleted': (music) => rmSync(join(music, 'album/track.flac')),
  'a file is renamed': (music) => renameSync(join(music, 'album/track.flac'), join(music, 'album/b.flac')),
  'a file is replaced by rename from a hidden one': (music) => {
    renameSync(write(music, 'album/.track.flac.tmp', 'retagged'), join(music, 'album/track.flac'))
  },
  'a file is moved in': (music, outside) => {
    renameSync(write(outside, 'moved.flac'), join(music, 'album/moved.flac'))
  },
  'a file is moved out': (music, outside) => {
    renameSync(join(music, 'album/track.flac'), join(outside, 'track.flac'))
  },
  'a folder with files is added': (music) => write(music, 'artist/other album/cd 1/track.flac'),
  'a folder is moved in': (music, outside) => {
    write(outside, 'moved/cd 1/track.flac')
    renameSync(join(outside, 'moved'), join(music, 'moved'))
  },
  'a folder is renamed': (music) => renameSync(join(music, 'album'), join(music, 'renamed')),
  'a folder is deleted': (music) => rmSync(join(music, 'album'), { recursive: true }),
  'the root is deleted': (music) => rmSync(music, { recursive: true }),
}

describe('a folder that is watched', TIMEOUT, () => {
  for (const [what, change] of Object.entries(CHANGES)) {
    it(`wakes up when ${what}`, async (t) => {
      const root = temporaryFolder(t)
      write(root, 'music/album/track.flac')
      mkdirSync(join(root, 'outside'))
      const { wakes } = await watching(t, [join(root, 'music')])
      const woken = wakes.next()
      change(join(root, 'music'), join(root, 'outside'))
      await woken
    })
  }

  it('goes on in folders that came later, and in folders under their new name', async (t) => {
    const music = temporaryFolder(t)
    write(music, 'album/track.flac')
    const { wakes } = await watching(t, [music])
    // Hears the same later: when it wakes up, the first one has said all it has to say about what happened before.
    const slow = await watching(t, [music], { settleSeconds: 1 })
    let quiet = slow.wakes.next()
    renameSync(join(music, 'album'), join(music, 'renamed'))
    write(music, 'artist/new album/track.flac')
    await quiet
    for (const name of ['renamed/track.flac', 'artist/new album/track.flac']) {
      const known = wakes.all.length
      quiet = slow.wakes.next()
      appendFileSync(join(music, name), 'more')
      await quiet
      assert.ok(wakes.all.length > known, name)
    }
  })

  it('wakes up while a file keeps growing, and once more when it has come to rest', async (t) => {
    const music = temporaryFolder(t)
    const path = write(music, 'copied.flac')
    const { wakes } = await watching(t, [music], { settleSeconds: 0.3, maxWaitSeconds: 0.6 })
    const growing = wakes.next()
    const copying = setInterval(() => appendFileSync(path, 'more'), 20)
    await growing
    clearInterval(copying)
    const settled = wakes.next()
    appendFileSync(path, 'the end')
    await settled
  })

  it('may have a hidden name itself, while hidden folders in it are not looked at', async (t) => {
    const music = temporaryFolder(t)
    write(music, '.hidden/.trash/old.flac')
    const outer = await watching(t, [music])
    const inner = await watching(t, [join(music, '.hidden')], { settleSeconds: 1 })
    const woken = inner.wakes.next()
    write(music, '.hidden/.trash/older.flac')
    write(music, '.hidden/track.flac')
    await woken
    assert.deepEqual(outer.wakes.all, ['folder watch started'])
  })

  it('wakes up for several roots, also when one lies in another or is not there', async (t) => {
    const root = temporaryFolder(t)
    const roots = ['a', 'a/inner', 'b', 'missing'].map((name) => join(root, name))
    write(root, 'a/inner/track.flac')
    write(root, 'b/track.flac')
    const { wakes, errors } = await watching(t, roots)
    for (const name of ['a/inner/track.flac', 'b/track.flac']) {
      const woken = wakes.next()
      write(root, name, 'changed')
      await woken
    }
    assert.deepEqual(errors.all, [])
  })

  it('is not entered for ever through links that form loops', async (t) => {
    const root = temporaryFolder(t)
    const music = join(root, 'music')
    write(music, 'album/track.flac')
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'])
      mkdirSync(join(root, 'outside', name), { recursive: true })
    for (const from of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) {
      for (const to of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) {
        symlinkSync(join(root, 'outside', to), join(root, 'outside', from, `to ${to}`))
      }
    }
    symlinkSync(music, join(music, 'album/self'))
    symlinkSync(root, join(music, 'album/above'))
    symlinkSync('circle', join(music, 'circle'))
    symlinkSync('nowhere', join(music, 'dangling'))
    symlinkSync(join(root, 'outside'), join(music, 'outside'))
    const { wakes, errors } = await watching(t, [music])
    for (const name of ['music/album/track.flac', 'outside/h/track.flac']) {
      const woken = wakes.next()
      write(root, name, 'changed')
      await woken
    }
    assert.deepEqual(errors.all, [])
  })

  it('wakes up when the file behind a link changes, wherever it lies', async (t) => {
    const root = temporaryFolder(t)
    mkdirSync(join(root, 'music'))
    const target = write(root, 'elsewhere/track.flac')
    symlinkSync(target, join(root, 'music/track.flac'))
    const { wakes } = await watching(t, [join(root, 'music')], { followSymlinks: false })
    const woken = wakes.next()
    writeFileSync(target, 'changed')
    await woken
  })
})
