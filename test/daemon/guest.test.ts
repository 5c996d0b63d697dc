import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import type { PassSummary } from '../../src/core/decision.ts'
import { openLedger } from '../../src/ledger/ledger.ts'
import { PassThread } from '../../src/pass-thread.ts'
import { descendants, descriptors, Library } from '../support/guest.ts'
import { bulkTrack } from '../support/navidrome-bulk.ts'

const MANY = 200_000
/** The owner waits so long for readers. What it waits for is one page being read; a busy machine adds its pauses to that. */
const PATIENCE_MS = 250
const LINUX = process.platform !== 'linux' && 'looks into /proc'

/** A large library, and the thread that compares it; its decisions are dropped, so that every row is new each time. */
async function large(t: TestContext, count: number): Promise<{ library: Library; thread: PassThread }> {
  const library = await Library.start(t, { tracks: 0 })
  await library.writer.bulkInsert({ count, indexes: false })
  library.ids.push(bulkTrack(1).id)
  const ledgerFile = join(library.data, 'ledger.db')
  const ledger = openLedger(ledgerFile, { retry: { delaysMs: [] } })
  const options = { kind: 'navidrome', database: library.database, pathMap: [], statFiles: true } as const
  const thread = new PassThread({ library: options, ledgerFile, pollMs: 1000 }, () => {})
  t.after(async () => {
    await thread.close()
    ledger.close()
  })
  return { library, thread }
}

/** Compares, and from its first decisions to its end has the owner write and empty its log; returns how often it was emptied. */
async function compareAgainstOwner(
  t: TestContext,
  { library, thread }: { library: Library; thread: PassThread },
  everything: boolean,
): Promise<{ summary: PassSummary; emptied: number }> {
  const begun = Promise.withResolvers<void>()
  let comparing = true
  const compared = thread
    .run(everything, () => begun.resolve())
    .finally(() => {
      comparing = false
    })
  await Promise.race([begun.promise, compared])
  let emptied = 0
  let collisions = 0
  while (comparing) {
    await library.play(1)
    if (await library.truncate(0)) {
      collisions += 1
      assert.equal(await library.truncate(PATIENCE_MS), false, `a reader was in the way after ${emptied}`)
    }
    assert.equal(statSync(`${library.database}-wal`).size, 0)
    emptied += 1
  }
  t.diagnostic(`emptied ${emptied} times, ${collisions} of them at the second try`)
  return { summary: (await compared).summary, emptied }
}

describe('a guest in the library’s database (I6)', () => {
  it('lets the owner empty its log again and again while a large library is compared', async (t) => {
    const { summary, emptied } = await compareAgainstOwner(t, await large(t, MANY), true)
    assert.equal(summary.scope, 'all')
    assert.equal(summary.rows, MANY)
    assert.ok(emptied >= 10, `only ${emptied} checkpoints fell into the comparison`)
  })

  it('lets the owner empty its log while rows that changed are compared', async (t) => {
    const given = await large(t, 20_000)
    // From a log with a commit in it, so that the next ones can be followed.
    await given.library.play(1)
    await given.thread.run(true, () => {})
    await given.library.writer.exec("update media_file set comment = 'x' where rowid % 10 = 0")
    const { summary, emptied } = await compareAgainstOwner(t, given, false)
    assert.equal(summary.scope, 'changed')
    assert.ok(summary.rows >= 2000, `${summary.rows} rows`)
    assert.ok(emptied >= 1)
  })

  it('would be noticed if it kept a read transaction', async (t) => {
    const library = await Library.start(t)
    const reader = new Database(library.database, { readonly: true })
    t.after(() => reader.close())
    reader.exec('begin')
    reader.prepare('select count(*) from media_file').get()
    await library.play(1)
    assert.equal(await library.truncate(PATIENCE_MS), true)
    reader.exec('commit')
    assert.equal(await library.truncate(0), false)
  })

  it('keeps no transaction between comparisons: the owner empties its log without waiting', async (t) => {
    const library = await Library.start(t)
    const daemon = await library.followed(t)
    assert.ok(await emptiesAtOnce(library))
    for (let round = 0; round < 5; round += 1) {
      await library.play(20)
      // An emptied log is a lost position: everything is compared, and then the rows that changed.
      for (const title of [`All ${round}`, `Rows ${round}`]) {
        await library.retitle(title)
        await daemon.logged(`"Artist - ${title}"`)
      }
      await library.play(1)
      assert.ok(await emptiesAtOnce(library), `round ${round}`)
    }
    for (const scope of ['all', 'changed']) {
      const made = daemon.lines.filter((line) => line.includes(`"scope":"${scope}"`))
      assert.ok(made.length >= 5, `${made.length} comparisons of scope ${scope}`)
    }
  })

  it('has one connection to the database, in one process, and never loses its locks on it', {
    skip: LINUX,
  }, async (t) => {
    const library = await Library.start(t)
    const daemon = await library.followed(t)
    const pid = daemon.process.pid ?? 0
    const connection = (): string[] =>
      descriptors(pid, library.folder)
        .filter(({ path }) => !path.endsWith('-wal'))
        .map(({ path, locks }) => `${path} ${locks.filter((lock) => LASTING.test(lock)).length}`)
    // SQLite's shared lock on the main file and on the -shm: opening and closing either through `fs` would drop it.
    const expected = [`${library.database} 1`, `${library.database}-shm 1`]
    assert.deepEqual(connection(), expected)
    for (let round = 0; round < 3; round += 1) {
      await library.add(`Added ${round}`)
      await daemon.logged(`"Artist - Added ${round}"`)
      await emptiesAtOnce(library)
      await library.retitle(`After checkpoint ${round}`)
      await daemon.logged(`"Artist - After checkpoint ${round}"`)
      assert.deepEqual(connection(), expected)
    }
    const children = descendants(pid)
    assert.ok(children.length >= 1, 'the daemon has no child processes')
    for (const child of children) assert.deepEqual(descriptors(child, library.folder), [])
  })
})

/** Locks of a connection that last: on the main file SQLite's shared range, on the -shm the byte that says it is in use. */
const LASTING = /READ .* (1073741826 1073742335|128 128)$/

/**
 * Empties the log without waiting for readers. A poll of the daemon may be reading at that very moment, for microseconds; of so
 * many tries in a row, an open transaction would fail all.
 */
async function emptiesAtOnce(library: Library): Promise<boolean> {
  for (let tries = 0; tries < 50; tries += 1) {
    if (await library.truncate(0)) continue
    return statSync(`${library.database}-wal`).size === 0
  }
  return false
}
