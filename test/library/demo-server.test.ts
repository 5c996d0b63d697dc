import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import type { SnapshotRow } from '../../src/core/track.ts'
import { type LibrarySource, openLibrary } from '../../src/library/source.ts'
import type { ServerReport, ServerRequest } from '../../tools/demo/navidrome/server.ts'
import { allRows, temporaryFolder } from './temporary.ts'

interface Demo {
  readonly music: string
  readonly database: string
  readonly server: ChildProcess
  /** Asks and waits for the answer. */
  ask(request: ServerRequest['type'], answer: ServerReport['type']): Promise<ServerReport>
  library(): LibrarySource
}

/** A second of silence with tags, so that a moved file can be told. */
function wav(title: string): Buffer {
  const samples = Buffer.alloc(16_000)
  const name = Buffer.from(title.length % 2 === 0 ? title : `${title}\0`)
  const info = Buffer.concat([Buffer.from('INFOINAM'), uint32(name.length), name])
  const format = Buffer.from('01000100401f0000803e000002001000', 'hex')
  const chunk = (id: string, data: Buffer): Buffer =>
    Buffer.concat([Buffer.from(id), uint32(data.length), data])
  const body = Buffer.concat([
    Buffer.from('WAVE'),
    chunk('fmt ', format),
    chunk('LIST', info),
    chunk('data', samples),
  ])
  return chunk('RIFF', body)
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function nextReport(server: ChildProcess, type: ServerReport['type']): Promise<ServerReport> {
  const { promise, resolve, reject } = Promise.withResolvers<ServerReport>()
  const onMessage = (report: ServerReport): void => {
    if (report.type !== type && report.type !== 'failed') return
    server.off('message', onMessage)
    if (report.type === 'failed') reject(new Error(report.message))
    else resolve(report)
  }
  server.on('message', onMessage)
  server.once('exit', () => reject(new Error('the server ended')))
  return promise
}

async function startDemo(t: TestContext): Promise<Demo> {
  const folder = temporaryFolder(t)
  const music = join(folder, 'music')
  const database = join(folder, 'navidrome.db')
  mkdirSync(join(music, 'album'), { recursive: true })
  for (const title of ['one', 'two']) writeFileSync(join(music, 'album', `${title}.wav`), wav(title))
  writeFileSync(join(music, 'broken.mp3'), 'no audio')
  const args = ['--database', database, '--music', music, '--scan-seconds', '3600', '--play-seconds', '3600']
  const server = fork(new URL('../../tools/demo/navidrome/server.ts', import.meta.url), args)
  t.after(async () => {
    if (server.exitCode !== null || server.signalCode !== null) return
    server.kill('SIGKILL')
    await once(server, 'exit')
  })
  await nextReport(server, 'ready')
  return {
    music,
    database,
    server,
    ask(request, answer) {
      const report = nextReport(server, answer)
      server.send({ type: request })
      return report
    },
    library() {
      const library = openLibrary({ kind: 'navidrome', database, pathMap: [], statFiles: true })
      t.after(() => library.close())
      return library
    },
  }
}

function byPath(rows: readonly SnapshotRow[], music: string): Map<string, SnapshotRow> {
  return new Map(rows.map((row) => [row.path.slice(music.length + 1), row]))
}

describe("the demo's server", () => {
  it('has a row for every file that is called audio, also where it is none', async (t) => {
    const demo = await startDemo(t)
    const library = demo.library()
    const rows = byPath(allRows(library), demo.music)
    assert.deepEqual([...rows.keys()].sort(), ['album/one.wav', 'album/two.wav', 'broken.mp3'])
    assert.equal(rows.get('album/one.wav')?.attributes?.title, 'one')
    assert.equal(rows.get('album/one.wav')?.attributes?.durationSeconds, 1)
    assert.equal(rows.get('broken.mp3')?.attributes?.durationSeconds, null)
    assert(
      [...rows.values()].every(
        (row) => row.available && row.file !== null && /^[0-9A-Za-z]{22}$/.test(row.libraryId ?? ''),
      ),
    )
    assert.deepEqual(library.unreadable(), [])
    assert.equal(library.scanning(), false)
  })

  it('keeps the id of a moved and of a changed file, and calls a deleted one missing', async (t) => {
    const demo = await startDemo(t)
    const library = demo.library()
    const before = byPath(allRows(library), demo.music)
    renameSync(join(demo.music, 'album/one.wav'), join(demo.music, 'moved.wav'))
    writeFileSync(join(demo.music, 'album/two.wav'), wav('three'))
    utimesSync(join(demo.music, 'album/two.wav'), Date.now() / 1000, Date.now() / 1000 + 10)
    rmSync(join(demo.music, 'broken.mp3'))
    assert.deepEqual(await demo.ask('rescan', 'scanned'), {
      type: 'scanned',
      added: 0,
      changed: 1,
      missing: 1,
      moved: 1,
    })
    const after = byPath(allRows(library), demo.music)
    assert.equal(after.get('moved.wav')?.libraryId, before.get('album/one.wav')?.libraryId)
    assert.equal(after.get('album/two.wav')?.libraryId, before.get('album/two.wav')?.libraryId)
    assert.equal(after.get('album/two.wav')?.attributes?.title, 'three')
    assert.equal(after.get('broken.mp3')?.available, false)
    assert.equal(after.size, 3)
  })

  it('writes plays that change no track', async (t) => {
    const demo = await startDemo(t)
    const library = demo.library()
    const rows = allRows(library)
    const version = library.version()
    await demo.ask('play', 'played')
    assert.notEqual(library.version(), version)
    assert.deepEqual(allRows(library), rows)
  })

  it('goes on where it stopped, under the same ids', async (t) => {
    const demo = await startDemo(t)
    const ids = allRows(demo.library()).map((row) => row.libraryId)
    const end = once(demo.server, 'exit')
    demo.server.kill('SIGTERM')
    assert.deepEqual(await end, [0, null])
    const again = fork(new URL('../../tools/demo/navidrome/server.ts', import.meta.url), [
      ...['--database', demo.database, '--music', demo.music],
    ])
    await nextReport(again, 'ready')
    assert.deepEqual(
      allRows(demo.library()).map((row) => row.libraryId),
      ids,
    )
    const secondEnd = once(again, 'exit')
    again.disconnect()
    assert.deepEqual(await secondEnd, [0, null])
  })

  it('leaves no sidecars when it ends and nobody else reads', async (t) => {
    const demo = await startDemo(t)
    const end = once(demo.server, 'exit')
    demo.server.disconnect()
    await end
    assert.equal(existsSync(`${demo.database}-wal`), false)
  })
})
