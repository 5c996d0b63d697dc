import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { FSWatcher } from 'chokidar'
import { type FolderCause, FolderSession, type SessionOptions } from '../../src/capture/folder-session.ts'
import { Happenings, temporaryFolder, write } from './folder-given.ts'

const TIMEOUT = { timeout: 30_000 }

describe('a session that watches folders', TIMEOUT, () => {
  for (const [code, limit] of [
    ['ENOSPC', 'fs.inotify.max_user_watches'],
    ['EMFILE', 'fs.inotify.max_user_instances'],
  ] as const) {
    it(`after ${code} lets all watches go, polls, says once which limit to raise, and tries again later`, async (t) => {
      const { music, watchers, wakes, warnings } = await session(t, { pollMs: 20, limitedMs: 300 })
      const polled = wakes.next((cause) => cause === 'folder poll')
      const again = wakes.next((cause) => cause === 'folder watch started')
      for (let folder = 0; folder < 3; folder += 1) fail(watchers[0], code)
      await polled
      assert.equal(watchers[0]?.closed, true)
      assert.equal(watchers.length, 1)
      assert.equal(warnings.all.length, 1)
      assert.ok(warnings.all[0]?.includes(code) && warnings.all[0].includes(limit), warnings.all[0])
      await again
      const woken = wakes.next((cause) => cause === 'folder')
      write(music, 'new.flac')
      await woken
      fail(watchers[1], code)
      await wakes.next((cause) => cause === 'folder poll')
      assert.equal(warnings.all.length, 1)
    })
  }

  it('begins anew after a fault of the disk or the watcher', async (t) => {
    const { watchers, wakes, warnings } = await session(t, {})
    const again = wakes.next((cause) => cause === 'folder watch started')
    fail(watchers[0], 'EIO')
    await again
    assert.equal(watchers[0]?.closed, true)
    assert.equal(watchers.length, 2)
    assert.deepEqual(warnings.all, ['EIO'])
  })

  it('does not begin anew for a folder it may not read, nor when a fault comes with a limit', async (t) => {
    const { watchers, wakes } = await session(t, { pollMs: 20, limitedMs: 60_000 })
    fail(watchers[0], 'EACCES')
    fail(watchers[0], 'EIO')
    fail(watchers[0], 'ENOSPC')
    for (let polls = 0; polls < 10; polls += 1) await wakes.next((cause) => cause === 'folder poll')
    assert.equal(watchers.length, 1)
  })

  it('says nothing after it was closed, also when that comes before it has begun', async (t) => {
    const { open, wakes, close } = await session(t, {})
    await Promise.all([close(), close()])
    const known = wakes.all.length
    const second = open()
    await second.close()
    assert.equal(wakes.all.length, known)
  })
})

/** A session in this process that has begun, with the watchers it made. */
async function session(t: TestContext, options: Partial<SessionOptions>) {
  const music = temporaryFolder(t)
  const wakes = new Happenings<FolderCause>()
  const warnings = new Happenings<string>()
  const watchers: FSWatcher[] = []
  const open = (): FolderSession =>
    new FolderSession({
      roots: [music],
      followSymlinks: true,
      settleMs: 20,
      maxWaitMs: 1000,
      pollMs: 60_000,
      probeMs: 60_000,
      restartMs: 10,
      limitedMs: 60_000,
      burstEvents: 4000,
      onMoved: wakes.add,
      onWarning: warnings.add,
      createWatcher: (settings) => {
        const watcher = new FSWatcher(settings)
        watchers.push(watcher)
        return watcher
      },
      ...options,
    })
  const started = wakes.next((cause) => cause === 'folder watch started')
  const opened = open()
  t.after(() => opened.close())
  await started
  return { music, wakes, warnings, watchers, open, close: () => opened.close() }
}

function fail(watcher: FSWatcher | undefined, code: string): void {
  if (watcher?.closed) return
  watcher?.emit('error', Object.assign(new Error(code), { code }))
}
