import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { can, Happenings, temporaryFolder, watching, write } from './folder-given.ts'

const TIMEOUT = { timeout: 60_000 }
const NOBODY = 65_534
const isRoot = process.getuid?.() === 0
const WATCHER = new URL('../../src/capture/folder-watcher.ts', import.meta.url).href

describe('the process that watches folders', TIMEOUT, () => {
  it('is started again when it was killed, and the library is looked at twice', async (t) => {
    const music = temporaryFolder(t)
    const { wakes, errors, children } = await watching(t, [music])
    const lost = wakes.next((cause) => cause === 'folder watch lost')
    const again = wakes.next((cause) => cause === 'folder watch started')
    children[0]?.kill('SIGKILL')
    await lost
    await again
    assert.match(
      errors.all.join(),
      /^the process that watches folders was ended by SIGKILL; starting it again/,
    )
    const woken = wakes.next()
    write(music, 'new.flac')
    await woken
  })

  it('is replaced when it hangs', async (t) => {
    const music = temporaryFolder(t)
    const { wakes, errors, children } = await watching(t, [music], { silenceSeconds: 5 })
    const again = wakes.next((cause) => cause === 'folder watch started')
    children[0]?.kill('SIGSTOP')
    await again
    assert.match(errors.all.join(), /gave no sign of life for 5 s/)
  })

  it('is gone, and says nothing more, when the watcher has been closed, twice', async (t) => {
    const music = temporaryFolder(t)
    const { wakes, errors, children, close } = await watching(t, [music])
    write(music, 'new.flac')
    await Promise.all([close(), close()])
    const known = wakes.all.length
    assert.equal(children.length, 1)
    assert.equal(children[0]?.signalCode, 'SIGKILL')
    assert.equal(wakes.all.length, known)
    assert.deepEqual(errors.all, [])
  })

  it('dies with its parent', async (t) => {
    const outer = outsideWatcher(t, temporaryFolder(t), {})
    const { pid } = await outer.said.next(({ type }) => type === 'pid')
    outer.process.kill('SIGKILL')
    await once(outer.process, 'close')
    while (isAlive(Number(pid))) await sleep(20)
  })
})

describe('a root', TIMEOUT, () => {
  it('that is not there is watched once it comes, goes and comes again', async (t) => {
    const root = temporaryFolder(t)
    const music = join(root, 'a/music')
    const { wakes } = await watching(t, [music])
    for (const round of ['first', 'second']) {
      let again = wakes.next((cause) => cause === 'folder mounts')
      write(music, `${round}/track.flac`)
      await again
      const woken = wakes.next()
      write(music, `${round}/track.flac`, 'changed')
      await woken
      again = wakes.next((cause) => cause === 'folder mounts')
      rmSync(join(root, 'a'), { recursive: true })
      await again
    }
  })

  it('that is replaced by another folder is watched under its name', async (t) => {
    const root = temporaryFolder(t)
    mkdirSync(join(root, 'music'))
    write(root, 'other/track.flac')
    const { wakes } = await watching(t, [join(root, 'music')])
    const again = wakes.next((cause) => cause === 'folder mounts')
    renameSync(join(root, 'music'), join(root, 'old'))
    renameSync(join(root, 'other'), join(root, 'music'))
    await again
    const woken = wakes.next()
    write(root, 'music/track.flac', 'changed')
    await woken
  })

  for (const point of ['music', 'music/disk 2']) {
    it(`is watched again after a disk was mounted at ${point} and unmounted`, async (t) => {
      const root = temporaryFolder(t)
      const folder = join(root, point)
      write(root, `${point}/under.flac`)
      if (!can('mount', '-t', 'tmpfs', 'tmpfs', folder)) return t.skip('may not mount here')
      t.after(() => can('umount', '-l', folder))
      spawnSync('umount', [folder])
      const { wakes } = await watching(t, [join(root, 'music')])
      for (const words of [
        ['mount', '-t', 'tmpfs', 'tmpfs', folder],
        ['umount', folder],
      ]) {
        const again = wakes.next((cause) => cause === 'folder mounts')
        assert.ok(can(words[0] ?? '', ...words.slice(1)))
        await again
        const woken = wakes.next((cause) => cause === 'folder')
        write(folder, 'track.flac', words.join())
        await woken
      }
    })
  }

  it('has an unreadable folder: that is said once, the rest is watched, and it too when it may be read', async (t) => {
    if (!isRoot) return t.skip('needs to start a process of another user')
    const music = temporaryFolder(t)
    const locked = join(music, 'locked')
    write(music, 'locked/track.flac')
    mkdirSync(join(music, 'open'))
    for (const folder of [music, locked, join(music, 'open')]) chownSync(folder, NOBODY, NOBODY)
    chmodSync(locked, 0)
    const { said } = outsideWatcher(t, music, { uid: NOBODY, gid: NOBODY })
    await said.next(({ cause }) => cause === 'folder watch started')
    const woken = said.next(({ cause }) => cause === 'folder')
    write(music, 'open/track.flac')
    await woken
    const again = said.next(({ cause }) => cause === 'folder mounts')
    chmodSync(locked, 0o755)
    await again
    const unlocked = said.next(({ cause }) => cause === 'folder')
    write(locked, 'track.flac', 'changed')
    await unlocked
    const errors = said.all.filter(({ type }) => type === 'error').map(({ message }) => message)
    assert.equal(errors.length, 1, errors.join('\n'))
    assert.match(errors[0] ?? '', /EACCES.*locked/)
  })
})

describe('the limit of watched folders', TIMEOUT, () => {
  it('when the kernel enforces it, folders are polled and the warning names what to raise', async (t) => {
    const limited = ['-Ur', 'sh', '-c', 'echo 3 > /proc/sys/user/max_inotify_watches && exec "$@"', 'sh']
    if (!can('unshare', ...limited, 'true')) return t.skip('no user namespaces here')
    const music = temporaryFolder(t)
    for (let n = 0; n < 10; n += 1) mkdirSync(join(music, `album ${n}`))
    const { said } = outsideWatcher(t, music, { wrap: ['unshare', ...limited] })
    await said.next(({ cause }) => cause === 'folder poll')
    await said.next(({ cause }) => cause === 'folder poll')
    const errors = said.all.filter(({ type }) => type === 'error').map(({ message }) => message)
    assert.equal(errors.length, 1, errors.join('\n'))
    assert.match(errors[0] ?? '', /ENOSPC.*fs\.inotify\.max_user_watches/)
  })
})

interface Said {
  readonly type: 'moved' | 'error' | 'pid'
  readonly cause?: string
  readonly message?: string
  readonly pid?: number
}

/** `watchFolders` in another process, perhaps another user's or within other limits, which says what it hears. */
function outsideWatcher(
  t: TestContext,
  root: string,
  { uid, gid, wrap = [] }: { uid?: number; gid?: number; wrap?: readonly string[] },
): { process: ChildProcess; said: Happenings<Said> } {
  const code = `
    const { watchFolders } = await import(${JSON.stringify(WATCHER)})
    const say = (said) => process.stdout.write(JSON.stringify(said) + '\\n')
    watchFolders([${JSON.stringify(root)}], {
      followSymlinks: true,
      settleSeconds: 0.1, probeSeconds: 0.1, restartSeconds: 0.1, pollSeconds: 0.2,
      onMoved: (cause) => say({ type: 'moved', cause }),
      onError: (message) => say({ type: 'error', message }),
      onStart: ({ pid }) => say({ type: 'pid', pid }),
    })`
  const [command = '', ...words] = [...wrap, process.execPath, '--input-type=module', '--eval', code]
  const child = spawn(command, words, {
    cwd: '/',
    env: { ...process.env, NODE_TEST_CONTEXT: '' },
    stdio: ['ignore', 'pipe', 'inherit'],
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  })
  t.after(() => child.kill('SIGKILL'))
  const said = new Happenings<Said>()
  createInterface({ input: child.stdout }).on('line', (line) => said.add(JSON.parse(line)))
  return { process: child, said }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
