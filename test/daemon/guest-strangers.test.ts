import assert from 'node:assert/strict'
import { chmodSync } from 'node:fs'
import { basename } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { type Finished, Soundledger, soundledger } from '../support/cli.ts'
import { asUser, Library, NOBODY, noUsers, OWNER } from '../support/guest.ts'

const asStranger = asUser(NOBODY)
const REFUSED = /belongs to user 65533, soundledger runs as user 65534, and there is no -shm/
const REMEDY = /start the server first, run soundledger as user 65533, or mount the folder read-only/

/** What the owner's files let others do. */
const PERMISSIONS = {
  readable: { folder: 0o755, file: 0o644 },
  'readable and writable': { folder: 0o777, file: 0o666 },
} as const

function permit(library: Library, { folder, file }: { folder: number; file: number }): void {
  chmodSync(library.folder, folder)
  for (const name of Object.keys(library.files())) chmodSync(`${library.folder}/${name}`, file)
}

async function refusal(library: Library): Promise<Finished> {
  const words = ['watch', '--once', '--json', '--data', library.data, '--library', library.database]
  const finished = await soundledger(words, { environment: asStranger })
  assert.equal(finished.code, 1, finished.stderr)
  assert.equal(finished.stdout, '')
  assert.ok(finished.stderr.includes(library.database))
  return finished
}

/** The owner can do all it could before: nothing is read-only to it, and its last close cleans up. */
async function assertOwnerIsFree(library: Library): Promise<void> {
  await library.retitle('Written by the owner')
  assert.equal(await library.truncate(0), false)
  assert.deepEqual(await library.integrity(), { integrity_check: 'ok' })
  await library.writer.close()
  assert.deepEqual(Object.keys(library.files()), [basename(library.database)])
}

describe('a daemon that is another user than the owner of the library’s database', {
  skip: noUsers(),
}, () => {
  for (const [what, modes] of Object.entries(PERMISSIONS)) {
    it(`follows a running server whose files are ${what} to it, and leaves them as they are`, async (t) => {
      const library = await Library.start(t, { owner: OWNER })
      permit(library, modes)
      const before = library.files()
      assert.equal(Object.keys(before).length, 3)
      const daemon = await library.followed(t, asStranger)
      await library.retitle('Seen by a stranger')
      await daemon.logged('"Artist - Seen by a stranger"')
      assert.deepEqual(library.files(), before)
      assert.equal((await daemon.stop()).code, 0)
      assert.deepEqual(library.files(), before)
      await assertOwnerIsFree(library)
    })

    it(`comes and goes while a server whose files are ${what} to it is stopped, which then starts again`, async (t) => {
      const library = await Library.start(t, { owner: OWNER })
      permit(library, modes)
      const before = library.files()
      const daemon = await library.followed(t, asStranger)
      await library.retitle('The last before the end')
      await library.writer.close()
      await daemon.stop()
      assert.deepEqual(library.files(), before)
      // The log that was left behind is read by a daemon that finds no server.
      const another = await library.followed(t, asStranger)
      assert.deepEqual(library.files(), before)
      await library.restart()
      await library.retitle('The first thereafter')
      await another.logged('"Artist - The first thereafter"')
      await another.stop()
      assert.deepEqual(library.files(), before)
      await assertOwnerIsFree(library)
    })
  }

  it('is refused by a server that is stopped where it could create files, and creates none', async (t) => {
    const library = await stopped(t)
    permit(library, PERMISSIONS['readable and writable'])
    const before = library.files()
    const { stderr } = await refusal(library)
    assert.match(stderr, REFUSED)
    assert.match(stderr, REMEDY)
    assert.deepEqual(library.files(), before)
    await library.restart()
    await assertOwnerIsFree(library)
  })

  it('is told to start the server where it could create none', async (t) => {
    const library = await stopped(t)
    permit(library, PERMISSIONS.readable)
    const before = library.files()
    const { stderr } = await refusal(library)
    assert.match(stderr, /cannot open it or its -wal and -shm files.*start the server/)
    assert.deepEqual(library.files(), before)
    await library.restart()
    await assertOwnerIsFree(library)
  })

  it('waits for a server that is stopped when it knows the library, then follows it', async (t) => {
    const library = await Library.start(t, { owner: OWNER })
    permit(library, PERMISSIONS['readable and writable'])
    await (await library.followed(t, asStranger)).stop()
    await library.writer.close()
    const before = library.files()
    assert.deepEqual(Object.keys(before), [basename(library.database)])
    const words = ['watch', '--data', library.data, '--library', library.database]
    const daemon = new Soundledger(words, { environment: asStranger })
    t.after(() => daemon.stop())
    assert.match(await daemon.logged('library not read'), REFUSED)
    assert.deepEqual(library.files(), before)
    await library.restart()
    await library.retitle('Back again')
    await daemon.logged('library compared')
    await daemon.logged('converged')
    await daemon.stop()
    const { stdout } = await soundledger(['status', '--json', '--data', library.data])
    assert.equal(JSON.parse(stdout).lifetime.embedded, 2)
    await assertOwnerIsFree(library)
  })
})

async function stopped(t: TestContext): Promise<Library> {
  const library = await Library.start(t, { owner: OWNER })
  await library.writer.close()
  assert.deepEqual(Object.keys(library.files()), [basename(library.database)])
  return library
}
