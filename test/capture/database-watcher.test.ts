import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import { watchDatabase } from '../../src/capture/database-watcher.ts'
import { Happenings, temporaryFolder, write } from './folder-given.ts'

const TIMEOUT = { timeout: 30_000 }
const SQLITE = createRequire(import.meta.url).resolve('better-sqlite3')

describe('a database that is watched', TIMEOUT, () => {
  it('wakes up at every commit, of the first one that creates the WAL and of the next', async (t) => {
    const { path, changed } = given(t)
    const database = open(t, path)
    for (let n = 0; n < 3; n += 1) {
      await changed(() => database.prepare('insert into track values (?)').run(n))
    }
  })

  it('wakes up when the last one closes it and the WAL disappears', async (t) => {
    const { path, changed } = given(t)
    const database = open(t, path)
    await changed(() => database.exec('insert into track values (1)'))
    await changed(() => database.close())
  })

  it('wakes up at a commit with a rollback journal', async (t) => {
    const { path, changed } = given(t)
    const database = open(t, path, 'delete')
    await changed(() => database.exec('insert into track values (1)'))
  })

  it('wakes up when it is replaced by rename, and at commits to the new one', async (t) => {
    const { path, changed } = given(t)
    copyFileSync(path, `${path}.new`)
    await changed(() => renameSync(`${path}.new`, path))
    const database = open(t, path)
    await changed(() => database.exec('insert into track values (1)'))
  })

  it('wakes up when it is removed and created again', async (t) => {
    const { path, changed } = given(t)
    await changed(() => rmSync(path))
    await changed(() => create(path))
  })

  it('wakes up when its folder comes, goes and comes again', async (t) => {
    const folder = join(temporaryFolder(t), 'a/data')
    const { changed } = watched(t, join(folder, 'navidrome.db'))
    for (let round = 0; round < 2; round += 1) {
      await changed(() => write(folder, 'navidrome.db'))
      await changed(() => writeFileSync(join(folder, 'navidrome.db-wal'), 'frames'))
      await changed(() => rmSync(folder, { recursive: true }))
    }
  })

  it('wakes up at commits to the file behind a symbolic link, in another folder', async (t) => {
    const folder = temporaryFolder(t)
    mkdirSync(join(folder, 'real'))
    const path = create(join(folder, 'real/real.db'))
    symlinkSync(path, join(folder, 'link.db'))
    const { changed } = watched(t, join(folder, 'link.db'))
    const database = open(t, path)
    await changed(() => database.exec('insert into track values (1)'))
  })

  it('does not wake up for other files of its folder, nor for what readers write to -shm', async (t) => {
    const { path, wakes, changed } = given(t)
    await changed(() => writeFileSync(`${path}-wal`, ''))
    const known = wakes.all.length
    const other = watched(t, join(path, '../other.db'))
    await other.changed(() => {
      for (const name of ['navidrome.db-shm', 'navidrome.db.log', 'cover.jpg', 'other.db']) {
        writeFileSync(join(path, '..', name), 'x')
      }
    })
    assert.equal(wakes.all.length, known)
  })

  it('keeps the locks that this process holds on it', async (t) => {
    const { path, changed } = given(t)
    const database = open(t, path, 'delete')
    database.exec('begin exclusive')
    for (let n = 0; n < 5; n += 1) {
      await changed(() => writeFileSync(`${path}-wal`, `${n}`))
    }
    rmSync(`${path}-wal`)
    assert.match(writeElsewhere(path), /SQLITE_BUSY/)
    database.exec('commit')
    assert.equal(writeElsewhere(path), 'written')
  })

  it('has storms of events passed on as few calls, and the last event not forgotten', async (t) => {
    const { path, wakes, changed } = given(t)
    const known = wakes.all.length
    let lastHeard = false
    let written = 0
    const heard = wakes.next(() => {
      lastHeard = written === 2000
      return lastHeard
    })
    await changed(() => {
      for (; written < 2000; written += 1) writeFileSync(`${path}-wal`, `${written}`)
    })
    await heard
    assert.ok(lastHeard)
    assert.ok(wakes.all.length - known < 200, `${wakes.all.length - known} calls for 4000 events`)
  })

  it('says nothing after it was closed, twice', async (t) => {
    const { path, wakes, close } = given(t)
    await Promise.all([close(), close()])
    const known = wakes.all.length
    const other = watched(t, path)
    await other.changed(() => writeFileSync(`${path}-wal`, 'x'))
    assert.equal(wakes.all.length, known)
  })
})

function given(t: TestContext) {
  const path = create(join(temporaryFolder(t), 'navidrome.db'))
  return { path, ...watched(t, path) }
}

function watched(t: TestContext, path: string) {
  const wakes = new Happenings<undefined>()
  const watcher = watchDatabase(path, {
    onMoved: () => wakes.add(undefined),
    onError: (message) => assert.fail(message),
  })
  t.after(() => watcher.close())
  return {
    wakes,
    close: () => watcher.close(),
    /** Does this and waits until it is noticed. */
    async changed(change: () => void): Promise<void> {
      await watcher.ready
      const woken = wakes.next()
      change()
      await woken
    },
  }
}

function create(path: string): string {
  const database = new Database(path)
  database.exec('create table track (id)')
  database.close()
  return path
}

function open(t: TestContext, path: string, journal = 'wal'): Database.Database {
  const database = new Database(path)
  t.after(() => database.close())
  database.pragma(`journal_mode = ${journal}`)
  return database
}

/** Another process writes to the database: "written", or the code of the error. */
function writeElsewhere(path: string): string {
  const code = `
    const database = require(${JSON.stringify(SQLITE)})(${JSON.stringify(path)}, { timeout: 0 })
    try { database.exec('insert into track values (7)'); console.log('written') }
    catch (error) { console.log(error.code) }`
  return spawnSync(process.execPath, ['--eval', code], { encoding: 'utf8' }).stdout.trim()
}
