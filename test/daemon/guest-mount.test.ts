import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { describe, it } from 'node:test'
import { soundledger } from '../support/cli.ts'
import { asUser, behindMount, Library, NOBODY, noMount, noUsers, OWNER } from '../support/guest.ts'

const SAME_USER = 'the same user'
const OTHER_USER = 'another user'

function guestOf({ folder }: Library, user: string): Record<string, string> {
  return { ...behindMount(folder), ...(user === OTHER_USER ? asUser(NOBODY) : {}) }
}

/** Whether a process sees a folder as a mount of its own that cannot be written. */
function seesReadOnly(pid: number, folder: string): boolean {
  const mounts = readFileSync(`/proc/${pid}/mountinfo`, 'utf8').split('\n')
  return mounts.some((line) => line.includes(` ${folder} ro,`))
}

describe('a database folder that is mounted read-only', { skip: noMount() }, () => {
  for (const user of [SAME_USER, OTHER_USER]) {
    const skip = user === OTHER_USER && noUsers()
    const owner = { owner: user === OTHER_USER ? OWNER : 0 }

    it(`is followed by ${user} while the owner writes, empties its log and starts again`, {
      skip,
    }, async (t) => {
      const library = await Library.start(t, owner)
      const before = library.files()
      const daemon = await library.followed(t, guestOf(library, user))
      assert.ok(seesReadOnly(daemon.process.pid ?? 0, library.folder))
      assert.ok(!seesReadOnly(library.writer.pid, library.folder))
      await library.retitle('Through the mount')
      await daemon.logged('"Artist - Through the mount"')
      assert.equal(await library.truncate(250), false)
      await library.add('After a checkpoint')
      await daemon.logged('"Artist - After a checkpoint"')
      await library.writer.close()
      await library.restart()
      await library.retitle('After a restart')
      await daemon.logged('"Artist - After a restart"')
      assert.deepEqual(library.files(), before)
      assert.equal((await daemon.stop()).code, 0)
      assert.deepEqual(library.files(), before)
      assert.deepEqual(await library.integrity(), { integrity_check: 'ok' })
      const { stdout } = await soundledger(['status', '--json', '--data', library.data])
      assert.equal(JSON.parse(stdout).lifetime.embedded, 3)
    })

    it(`is not read by ${user} when the server is stopped: the remedy is to start it`, {
      skip,
    }, async (t) => {
      const library = await Library.start(t, owner)
      await library.writer.close()
      const words = ['watch', '--once', '--data', library.data, '--library', library.database]
      const { code, stderr } = await soundledger(words, { environment: guestOf(library, user) })
      assert.equal(code, 1)
      assert.match(stderr, /cannot open it or its -wal and -shm files.*start the server/)
      assert.deepEqual(Object.keys(library.files()), [basename(library.database)])
    })
  }
})
