import assert from 'node:assert/strict'
import { mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { writeAudio } from '../support/audio.ts'
import { converge, Soundledger, soundledger, temporaryFolder } from '../support/cli.ts'
import { type NavidromeVersion, type NavidromeWriter, startNavidromeWriter } from '../support/navidrome.ts'
import { readStored } from '../support/stored.ts'

const NOTHING = {
  fingerprinted: 0,
  decoded: 0,
  embedded: 0,
  reused: 0,
  attributesUpdated: 0,
  removed: 0,
  failed: 0,
}

interface Server {
  readonly music: string
  readonly data: string
  readonly database: string
  readonly writer: NavidromeWriter
  readonly ids: string[]
}

/** A server's database with four tracks whose files are real; the server sees them below `serverRoot`. */
async function server(
  t: TestContext,
  version: NavidromeVersion = '0.64',
  serverRoot?: string,
): Promise<Server> {
  const root = temporaryFolder(t, 'navidrome')
  const music = join(root, 'music')
  mkdirSync(join(root, 'db'))
  mkdirSync(music)
  const database = join(root, 'db', 'navidrome.db')
  const writer = await startNavidromeWriter(database, version)
  t.after(() => writer.close())
  const libraryId = await writer.addLibrary(serverRoot ?? music)
  const tracks = [0, 1, 2, 3].map((n) => {
    const path = writeAudio(music, `${n}.flac`, 'flac', n, 2, {
      artist: 'In the file',
      title: `In the file ${n}`,
    })
    return {
      path: `${n}.flac`,
      artist: 'Artist',
      title: `Title ${n}`,
      duration: 2,
      size: statSync(path).size,
      libraryId,
    }
  })
  const ids = await writer.insert(tracks)
  return { music, data: join(root, 'data'), database, writer, ids }
}

const watching = ({ database }: Server) => ['--library', database]

describe('a Navidrome library', () => {
  for (const version of ['0.55', '0.61', '0.64'] as const) {
    it(`of version ${version} is embedded under its own ids and names`, async (t) => {
      const library = await server(t, version)
      const { tracks, run } = await converge(watching(library), library.data)
      assert.equal(tracks.present, 4)
      assert.equal(run.embedded, 4)
      const { rows } = await readStored(library.data)
      assert.deepEqual([...rows.values()].map(({ trackId }) => trackId).sort(), [...library.ids].sort())
      assert.deepEqual(
        [...rows.values()].map(({ name }) => name).sort(),
        [0, 1, 2, 3].map((n) => `Artist - Title ${n}`),
      )
    })
  }

  it('finds its files through the path mapping', async (t) => {
    const library = await server(t, '0.64', '/music')
    const environment = {
      SOUNDLEDGER_LIBRARY_PATH_MAP: JSON.stringify([{ from: '/music', to: library.music }]),
    }
    const { run } = await converge(watching(library), library.data, { environment })
    assert.equal(run.embedded, 4)
  })

  it('says what to do when no file is where the database says', async (t) => {
    const library = await server(t, '0.64', '/not/here')
    const { tracks } = await converge(watching(library), library.data)
    assert.equal(tracks.failed, 4)
    const { stdout } = await soundledger(['status', '--json', '--data', library.data])
    assert.match(JSON.parse(stdout).failures[0].cause, /not\/here|no such file|ENOENT/i)
  })

  it('retag in the database: the name changes, nothing is read or computed', async (t) => {
    const library = await server(t)
    await converge(watching(library), library.data)
    await library.writer.update(library.ids[1] ?? '', { title: 'Better “Title” / live' })
    assert.deepEqual((await converge(watching(library), library.data)).run, {
      ...NOTHING,
      attributesUpdated: 1,
    })
    const { stdout } = await soundledger(['similar', library.ids[1] ?? '', '--data', library.data])
    assert.match(stdout, /nearest to Artist - Better “Title” _ live/)
  })

  it('id rewrite and full scan: nothing is read or computed, every row carries its new id', async (t) => {
    const library = await server(t)
    await converge(watching(library), library.data)
    const pairs = await library.writer.rewriteAllIds()
    assert.deepEqual((await converge(watching(library), library.data)).run, {
      ...NOTHING,
      attributesUpdated: 4,
    })
    const { rows } = await readStored(library.data)
    assert.deepEqual(
      [...rows.values()].map(({ trackId }) => trackId).sort(),
      pairs.map(([, id]) => id).sort(),
    )
    await library.writer.fullScanRewrite()
    assert.deepEqual((await converge(watching(library), library.data)).run, NOTHING)
  })

  it('a file replaced behind the server’s back, with an older mtime, is embedded again', async (t) => {
    const library = await server(t)
    await converge(watching(library), library.data)
    writeAudio(library.music, '2.flac', 'flac', 50, 2)
    assert.deepEqual((await converge(watching(library), library.data)).run, {
      ...NOTHING,
      fingerprinted: 1,
      decoded: 1,
      embedded: 1,
    })
  })

  it('what the server calls missing is hidden and kept', async (t) => {
    const library = await server(t)
    await converge(watching(library), library.data)
    await library.writer.markMissing([library.ids[0] ?? ''])
    const { tracks } = await converge(watching(library), library.data)
    assert.deepEqual(tracks, { total: 4, present: 3, missing: 1, failed: 0, held: 0 })
    await library.writer.markMissing([library.ids[0] ?? ''], false)
    assert.equal((await converge(watching(library), library.data)).run.embedded, 0)
  })

  it('is followed while the daemon runs: a commit wakes it, a play costs no embedding', async (t) => {
    const library = await server(t)
    const daemon = new Soundledger(['watch', '--data', library.data, ...watching(library)])
    await daemon.logged('converged')
    const seen = daemon.lines.length
    await library.writer.play(library.ids[0] ?? '')
    writeAudio(library.music, 'new.flac', 'flac', 60, 2)
    await library.writer.insert([{ path: 'new.flac', artist: 'Late', title: 'Arrival', duration: 2 }])
    await daemon.logged('Late - Arrival', seen)
    assert.equal((await daemon.stop()).code, 0)
    const { stdout } = await soundledger(['status', '--json', '--data', library.data])
    assert.equal(JSON.parse(stdout).lifetime.embedded, 5)
  })

  it('an absent, corrupt or foreign database is refused by name, and nothing is taken for missing', async (t) => {
    const library = await server(t)
    await converge(watching(library), library.data)
    await library.writer.close()
    for (const suffix of ['-wal', '-shm']) rmSync(`${library.database}${suffix}`, { force: true })
    const aside = `${library.database}.aside`
    renameSync(library.database, aside)

    const refused = async (cause: RegExp): Promise<void> => {
      const words = ['watch', '--once', '--json', '--data', library.data, ...watching(library)]
      const { code, stdout, stderr } = await soundledger(words)
      assert.equal(code, 1, stderr)
      assert.equal(stdout, '')
      assert.ok(stderr.includes(library.database))
      assert.match(stderr, cause)
      const status = await soundledger(['status', '--json', '--data', library.data])
      assert.deepEqual(JSON.parse(status.stdout).tracks, {
        total: 4,
        present: 4,
        missing: 0,
        failed: 0,
        held: 0,
      })
    }
    await refused(/no such file|does not exist|there is no|absent/i)
    writeFileSync(library.database, 'not a database at all, but long enough to be read as one\n'.repeat(200))
    await refused(/not a database|corrupt|NOTADB/i)
    rmSync(library.database)
    const foreign = await startNavidromeWriter(library.database, '0.64')
    await foreign.exec('drop table media_file')
    await foreign.close()
    await refused(/media_file/)
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${library.database}${suffix}`, { force: true })
    renameSync(aside, library.database)
    assert.deepEqual((await converge(watching(library), library.data)).run, NOTHING)
  })

  it('waits for a database that is locked', async (t) => {
    const library = await server(t)
    await library.writer.journalMode('delete')
    await library.writer.begin('exclusive')
    const daemon = new Soundledger(['watch', '--data', library.data, ...watching(library)])
    await daemon.logged('library not read')
    await library.writer.commit()
    await daemon.logged('converged')
    assert.equal((await daemon.stop()).code, 0)
    assert.equal((await readStored(library.data)).rows.size, 4)
  })
})
