import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmdirSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import type { Model } from '../../src/core/model.ts'
import { openLedger } from '../../src/ledger/ledger.ts'
import { PassThread } from '../../src/pass-thread.ts'
import { writeAudio } from '../support/audio.ts'
import { converge, Soundledger, soundledger, temporaryFolder } from '../support/cli.ts'
import { type NavidromeWriter, startNavidromeWriter } from '../support/navidrome.ts'

/** Rows whose comparison takes a second or more. */
const MANY = 200_000
const TABLES = ['media_file', 'library', 'folder', 'album', 'artist', 'property', 'user']

interface Guest {
  readonly root: string
  readonly music: string
  readonly data: string
  readonly database: string
  readonly writer: NavidromeWriter
}

async function guest(t: TestContext, tracks = 2): Promise<Guest> {
  const root = temporaryFolder(t, 'guest')
  const [music, data] = [join(root, 'music'), join(root, 'data')]
  mkdirSync(join(root, 'db'))
  mkdirSync(music)
  const database = join(root, 'db', 'navidrome.db')
  const writer = await startNavidromeWriter(database)
  t.after(() => writer.close())
  await writer.addLibrary(music)
  for (let n = 0; n < tracks; n += 1) {
    writeAudio(music, `${n}.flac`, 'flac', n, 1)
    await writer.insert([{ path: `${n}.flac`, artist: 'Artist', title: `Title ${n}`, duration: 1 }])
  }
  return { root, music, data, database, writer }
}

/** What SQLite says of a checkpoint: `busy` 1 means that a reader was in the way. */
async function checkpoint(writer: NavidromeWriter): Promise<{ busy: number; log: number }> {
  const [result] = await writer.all('pragma wal_checkpoint(truncate)')
  return result as { busy: number; log: number }
}

async function contentHash(writer: NavidromeWriter): Promise<string> {
  const hash = createHash('sha256')
  for (const table of TABLES)
    hash.update(JSON.stringify(await writer.all(`select * from ${table} order by rowid`)))
  return hash.digest('hex')
}

describe('a guest in the library’s database (I6)', () => {
  it('does not keep the owner from its checkpoints while it compares a large library', async (t) => {
    const { root, database, writer } = await guest(t, 0)
    await writer.bulkInsert({ count: MANY, indexes: false })
    const ledgerFile = join(root, 'ledger.db')
    const ledger = openLedger(ledgerFile, { retry: { delaysMs: [] } })
    await ledger.models.enable([] as Model[], 0, async () => {})
    const library = { kind: 'navidrome', database, pathMap: [], statFiles: false } as const
    const thread = new PassThread({ library, ledgerFile, pollMs: 1000 }, () => {})
    t.after(async () => {
      await thread.close()
      ledger.close()
    })
    const [{ id: played }] = (await writer.all('select id from media_file limit 1')) as [{ id: string }]
    let comparing = true
    const compared = thread
      .run(true, () => {})
      .finally(() => {
        comparing = false
      })
    let during = 0
    while (comparing) {
      await writer.play(played)
      // The owner waits for a reader as a server does, for its usual busy timeout.
      assert.equal((await checkpoint(writer)).busy, 0, `checkpoint ${during}`)
      assert.equal(statSync(`${database}-wal`).size, 0)
      if (comparing) during += 1
    }
    const { summary } = await compared
    assert.equal(summary.rows, MANY)
    assert.ok(during >= 3, `only ${during} checkpoints fell into the comparison`)
  })

  it('leaves no transaction open between comparisons, and one connection at most', async (t) => {
    const { database, data, writer } = await guest(t)
    const daemon = new Soundledger(['watch', '--data', data, '--library', database])
    t.after(() => daemon.stop())
    await daemon.logged('converged')
    await writer.exec('pragma busy_timeout = 0')
    const [{ id: played }] = (await writer.all('select id from media_file limit 1')) as [{ id: string }]
    for (let n = 0; n < 20; n += 1) await writer.play(played)
    assert.deepEqual((await checkpoint(writer)).busy, 0)
    assert.equal(statSync(`${database}-wal`).size, 0)
    const open = readdirSync(`/proc/${daemon.process.pid}/fd`).filter((fd) => {
      try {
        return readlinkSync(`/proc/${daemon.process.pid}/fd/${fd}`) === database
      } catch {
        // A descriptor that was closed while we looked.
        return false
      }
    })
    assert.equal(open.length, 1)
  })

  it('changes nothing in the database, and it is sound afterwards', async (t) => {
    const { database, data, writer, music } = await guest(t)
    const before = await contentHash(writer)
    await converge(['--library', database], data)
    writeAudio(music, '0.flac', 'flac', 77, 1)
    await converge(['--library', database], data)
    assert.equal(await contentHash(writer), before)
    assert.deepEqual(await writer.all('pragma integrity_check'), [{ integrity_check: 'ok' }])
    await writer.update((await writer.insert([{ path: 'more.flac' }]))[0] ?? '', { title: 'Still writable' })
  })

  it('leaves nothing beside the database of a server that is stopped', async (t) => {
    const { root, database, data, writer } = await guest(t)
    await writer.close()
    assert.deepEqual(readdirSync(join(root, 'db')), ['navidrome.db'])
    await converge(['--library', database], data)
    const left = readdirSync(join(root, 'db'))
    const again = await startNavidromeWriter(database, 'existing')
    t.after(() => again.close())
    await again.update((await again.insert([{ path: 'more.flac' }]))[0] ?? '', {
      title: 'Written by the owner',
    })
    await again.close()
    assert.deepEqual(readdirSync(join(root, 'db')), ['navidrome.db'], `left behind: ${left.join(', ')}`)
  })

  it('reads through a read-only mount while the owner writes, and follows it', {
    skip: cannotMount(),
  }, async (t) => {
    const { root, data, writer } = await guest(t)
    const mounted = join(root, 'mounted')
    mkdirSync(mounted)
    execFileSync('mount', ['--bind', join(root, 'db'), mounted])
    try {
      execFileSync('mount', ['-o', 'remount,ro,bind', mounted])
      const environment = { SOUNDLEDGER_LOG_LEVEL: 'debug' }
      const words = ['watch', '--data', data, '--library', join(mounted, 'navidrome.db')]
      const daemon = new Soundledger(words, { environment })
      try {
        await daemon.logged('converged')
        const [{ id }] = (await writer.all('select id from media_file limit 1')) as [{ id: string }]
        await writer.update(id, { title: 'Through the mount' })
        await daemon.logged('Artist - Through the mount')
      } finally {
        await daemon.stop()
      }
    } finally {
      execFileSync('umount', [mounted])
    }
    const { stdout } = await soundledger(['status', '--json', '--data', data])
    assert.equal(JSON.parse(stdout).lifetime.embedded, 2)
  })
})

/** Why a read-only mount cannot be made here, or false. */
function cannotMount(): string | false {
  if (process.getuid?.() !== 0) return 'needs root'
  const folder = mkdtempSync(join(tmpdir(), 'soundledger-mount-'))
  try {
    if (spawnSync('mount', ['--bind', folder, folder]).status !== 0) return 'mounts are not permitted here'
    spawnSync('umount', [folder])
    return false
  } finally {
    rmdirSync(folder)
  }
}
