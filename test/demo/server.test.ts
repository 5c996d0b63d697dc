import assert from 'node:assert/strict'
import { copyFile, mkdtemp, rm, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import Database from 'better-sqlite3'
import {
  type DemoServer,
  type DemoTrack,
  makePiece,
  planDemo,
  startDemoServer,
} from '../../tools/demo/library.ts'

let folder: string
let server: DemoServer
let made: DemoTrack[]

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'soundledger-demo-server-'))
  for (const piece of ['Mallet Parade', 'Rooftop Static', 'שיר']) {
    const title = planDemo(folder).find((track) => track.title.startsWith(piece))?.title
    assert.ok(title !== undefined)
    makePiece(folder, title)
  }
  made = planDemo(folder).filter(({ piece }) => /^(Mallet|Rooftop|שיר)/.test(piece))
  server = await startDemoServer(folder, { scanSeconds: 3600, playSeconds: 3600 })
})

after(async () => {
  await server.close()
  await rm(folder, { recursive: true, force: true })
})

function titles(): string[] {
  const database = new Database(server.databasePath, { readonly: true })
  try {
    return database.prepare('select title from media_file where missing = 0').pluck().all().map(String).sort()
  } finally {
    database.close()
  }
}

test('the database lists every playable track as soon as the server has started', () => {
  const found = titles()
  for (const { title, expected } of made) if (expected === 'embedded') assert.ok(found.includes(title), title)
})

test('the server is another process', () => {
  assert.notEqual(server.pid, process.pid)
  assert.ok(server.pid > 0)
})

test('a file added before a rescan is in the database after it', async () => {
  const [track] = made
  assert.ok(track !== undefined)
  const before = titles().length
  const copy = join(dirname(track.path), `99 copy.${track.format}`)
  await copyFile(track.path, copy)
  await utimes(copy, new Date(), new Date())
  await server.rescan()
  assert.equal(titles().length, before + 1)
})

test('a closed server can be closed again, and refuses to rescan', async () => {
  await server.close()
  await server.close()
  await assert.rejects(server.rescan(), /has ended/)
})
