import assert from 'node:assert/strict'
import { mkdirSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { writeAudio } from '../support/audio.ts'
import { Soundledger, soundledger, temporaryFolder } from '../support/cli.ts'
import { type NavidromeWriter, startNavidromeWriter } from '../support/navidrome.ts'
import { readStored } from '../support/stored.ts'

/** A daemon that follows a server's database with three tracks, and has converged. */
class Followed {
  readonly music: string
  readonly data: string
  readonly database: string
  ids: string[] = []
  writer: NavidromeWriter
  readonly daemon: Soundledger
  #added = 10

  static async start(
    t: TestContext,
    journal: 'wal' | 'delete' | 'truncate' = 'wal',
    linked = false,
  ): Promise<Followed> {
    const root = temporaryFolder(t, 'capture')
    mkdirSync(join(root, 'db'))
    mkdirSync(join(root, 'music'))
    const writer = await startNavidromeWriter(join(root, 'db', 'navidrome.db'))
    await writer.exec(`pragma journal_mode = ${journal}`)
    if (linked) symlinkSync(writer.database, join(root, 'link.db'))
    const followed = new Followed(root, writer, linked ? join(root, 'link.db') : writer.database)
    t.after(async () => {
      await followed.daemon.stop()
      await followed.writer.close()
    })
    await writer.addLibrary(followed.music)
    for (let n = 0; n < 3; n += 1) followed.ids.push(await followed.add(`First ${n}`))
    await followed.daemon.logged('converged')
    return followed
  }

  private constructor(root: string, writer: NavidromeWriter, watched: string) {
    this.music = join(root, 'music')
    this.data = join(root, 'data')
    this.database = join(root, 'db', 'navidrome.db')
    this.writer = writer
    const environment = { SOUNDLEDGER_LOG_LEVEL: 'debug', SOUNDLEDGER_LIBRARY_WATCH_FOLDERS: 'false' }
    this.daemon = new Soundledger(['watch', '--data', this.data, '--library', watched], { environment })
  }

  /** A new track of the server; returns its id. */
  async add(title: string): Promise<string> {
    this.#added += 1
    const path = `${this.#added}.flac`
    const file = writeAudio(this.music, path, 'flac', this.#added, 1)
    const track = { path, artist: 'Artist', title, duration: 1, size: statSync(file).size }
    const [id = ''] = await this.writer.insert([track])
    return id
  }

  /** Log lines that follow what `change` does, up to the first one with `text`. */
  async after(change: () => Promise<unknown>, text: string): Promise<string[]> {
    const before = this.daemon.lines.length
    await change()
    await this.daemon.logged(text, before)
    return this.daemon.lines.slice(before)
  }

  async retitle(id: string, title: string): Promise<string[]> {
    return this.after(() => this.writer.update(id, { title }), `"Artist - ${title}"`)
  }
}

const parsed = (lines: readonly string[]) =>
  lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line))
const comparisons = (lines: readonly string[]) =>
  parsed(lines).filter(({ msg }) => msg.startsWith('library compared'))
const errors = (lines: readonly string[]) => parsed(lines).filter(({ level }) => level >= 50)

describe('change capture', () => {
  it('plays are told from changes: sixty of them cost a handful of comparisons at most', async (t) => {
    const followed = await Followed.start(t)
    const before = followed.daemon.lines.length
    for (let n = 0; n < 30; n += 1) await followed.writer.play(followed.ids[n % 3] ?? '')
    await followed.after(
      () => followed.writer.update(followed.ids[0] ?? '', { title: 'One' }),
      'library compared',
    )
    for (let n = 0; n < 30; n += 1) await followed.writer.play(followed.ids[n % 3] ?? '')
    await followed.after(
      () => followed.writer.update(followed.ids[0] ?? '', { title: 'Two' }),
      'library compared',
    )
    const made = comparisons(followed.daemon.lines.slice(before))
    assert.equal(made.filter(({ decisions }) => decisions.retagged === 1).length, 2)
    // Pages never seen before, and those of the row just changed, are looked at once more: never one comparison a play.
    assert.ok(made.length <= 5, JSON.stringify(made))
    const { stdout } = await soundledger(['status', '--json', '--data', followed.data])
    const { capture } = JSON.parse(stdout)
    assert.ok(capture.commits > 0 && capture.hinted >= 2, JSON.stringify(capture))
  })

  it('a database behind a symbolic link is followed by its log too', async (t) => {
    const followed = await Followed.start(t, 'wal', true)
    const lines = await followed.after(
      () => followed.writer.update(followed.ids[0] ?? '', { title: 'Linked' }),
      'library compared',
    )
    assert.equal(comparisons(lines)[0].scope, 'changed')
  })

  it('inserts, updates and deletes are found by comparing a few rows', async (t) => {
    const followed = await Followed.start(t)
    const lines = [
      ...(await followed.after(() => followed.add('Brand new'), '"embedded"')),
      ...(await followed.retitle(followed.ids[1] ?? '', 'Retagged')),
      ...(await followed.after(() => followed.writer.remove([followed.ids[2] ?? '']), 'gone from library')),
    ]
    const made = comparisons(lines)
    assert.ok(
      made.every(({ scope, consistent }) => scope === 'changed' && consistent),
      JSON.stringify(made),
    )
    const names = [...(await readStored(followed.data)).rows.values()].filter(({ available }) => available)
    assert.deepEqual(names.map(({ name }) => name).sort(), [
      'Artist - Brand new',
      'Artist - First 0',
      'Artist - Retagged',
    ])
  })

  it('what a scan calls missing waits for the end of the scan', async (t) => {
    const followed = await Followed.start(t)
    const [id = ''] = followed.ids
    const during = await followed.after(async () => {
      await followed.writer.beginScan()
      await followed.writer.markMissing([id])
      await followed.add('Found by the scan')
    }, 'Found by the scan')
    assert.ok(!during.some((line) => line.includes('library says missing')))
    const after = await followed.after(() => followed.writer.endScan(), 'library says missing')
    assert.deepEqual(errors(after), [])
  })

  for (const journal of ['delete', 'truncate'] as const) {
    it(`works with the ${journal} journal: every change is found by comparing everything`, async (t) => {
      const followed = await Followed.start(t, journal)
      const lines = [
        ...(await followed.retitle(followed.ids[0] ?? '', 'Without a log')),
        ...(await followed.after(() => followed.writer.remove([followed.ids[1] ?? '']), 'gone from library')),
        ...(await followed.after(() => followed.add('Last of all'), 'Last of all')),
      ]
      assert.ok(comparisons(lines).every(({ scope }) => scope === 'all'))
      assert.deepEqual(errors(lines), [])
    })
  }

  const upheavals: Array<[what: string, change: (followed: Followed) => Promise<unknown>]> = [
    ['VACUUM', ({ writer }) => writer.vacuum()],
    ['a TRUNCATE checkpoint', ({ writer }) => writer.checkpoint('truncate')],
    ['a RESTART checkpoint', ({ writer }) => writer.checkpoint('restart')],
    [
      'a change of the schema',
      ({ writer }) =>
        writer.exec('alter table media_file add column mood text; create index x on media_file(title)'),
    ],
    ['replacement by rename', ({ writer }) => writer.replaceByRename()],
    [
      'restoring a backup',
      async ({ writer, database }) => {
        await writer.backup(`${database}.backup`)
        await writer.restore(`${database}.backup`)
      },
    ],
    [
      'a restart of the server',
      async (followed) => {
        await followed.writer.close()
        followed.writer = await startNavidromeWriter(followed.database, 'existing')
      },
    ],
    [
      'a crash of the server',
      async (followed) => {
        await followed.writer.kill()
        followed.writer = await startNavidromeWriter(followed.database, 'existing')
      },
    ],
  ]
  for (const [what, change] of upheavals) {
    it(`goes on after ${what}: later changes are found, nothing is computed again`, async (t) => {
      const followed = await Followed.start(t)
      await change(followed)
      await followed.retitle(followed.ids[0] ?? '', 'Afterwards')
      await followed.after(() => followed.writer.remove([followed.ids[1] ?? '']), 'gone from library')
      await followed.after(() => followed.add('Last of all'), 'Last of all')
      const { stdout } = await soundledger(['status', '--json', '--data', followed.data])
      const { tracks, lifetime } = JSON.parse(stdout)
      assert.deepEqual(tracks, { total: 4, present: 3, missing: 1, failed: 0, held: 0 })
      assert.equal(lifetime.embedded, 4)
    })
  }

  it('a database that is removed and made again is followed again, and nothing was taken for deleted meanwhile', async (t) => {
    const followed = await Followed.start(t)
    const before = followed.daemon.lines.length
    await followed.writer.close()
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${followed.database}${suffix}`, { force: true })
    await followed.daemon.logged('library not read', before)
    const { stdout } = await soundledger(['status', '--json', '--data', followed.data])
    assert.equal(JSON.parse(stdout).tracks.present, 3)
    followed.writer = await startNavidromeWriter(followed.database)
    await followed.writer.addLibrary(followed.music)
    const lines = await followed.after(async () => {
      const tracks = [11, 12, 13].map((n) => ({
        path: `${n}.flac`,
        artist: 'Artist',
        title: `Again ${n}`,
        duration: 1,
      }))
      await followed.writer.insert(tracks)
    }, 'Artist - Again 13')
    assert.ok(!lines.some((line) => line.includes('"embedded"')))
    const { rows } = await readStored(followed.data)
    assert.equal([...rows.values()].filter(({ available }) => available).length, 3)
  })

  it('a database that is locked for 20 s is waited for', async (t) => {
    const followed = await Followed.start(t, 'delete')
    const before = followed.daemon.lines.length
    await followed.writer.begin('exclusive')
    await followed.writer.update(followed.ids[0] ?? '', { title: 'Behind the lock' })
    const released = new Promise((resolve) => setTimeout(resolve, 20_000))
    await released
    await followed.writer.commit()
    await followed.daemon.logged('Artist - Behind the lock', before)
  })
})
