import assert from 'node:assert/strict'
import { appendFile, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, extname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { parseFile } from 'music-metadata'
import { Decoder, Demuxer } from 'node-av/api'
import { AV_LOG_QUIET } from 'node-av/constants'
import { Log } from 'node-av/lib'
import { type DemoLibrary, makeDemoLibrary, makePiece, planDemo } from '../../tools/demo/library.ts'

let folder: string
let demo: DemoLibrary
/** Seconds of sound by path; absent where nothing can be decoded. */
const decoded = new Map<string, number>()
const progress: { done: number; total: number; what: string }[] = []

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'soundledger-demo-'))
  demo = await makeDemoLibrary(join(folder, 'demo'), {
    onProgress: (done, total, what) => progress.push({ done, total, what }),
  })
  for (const { path } of demo.tracks) {
    await decodedSeconds(path).then(
      (seconds) => decoded.set(path, seconds),
      () => {},
    )
  }
})

after(() => rm(folder, { recursive: true, force: true }))

function playable() {
  return demo.tracks.filter((track) => track.expected === 'embedded')
}

async function filesBelow(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

/** Seconds of sound that a decoder gets out of a file. */
async function decodedSeconds(path: string): Promise<number> {
  Log.setLevel(AV_LOG_QUIET)
  await using input = await Demuxer.open(path)
  const stream = input.audio()
  if (stream === undefined) throw new Error('no audio stream')
  using decoder = await Decoder.create(stream)
  let seconds = 0
  for await (using frame of decoder.frames(input.packets(stream.index))) {
    if (frame !== null) seconds += frame.nbSamples / frame.sampleRate
  }
  return seconds
}

/** Ogg numbers its streams by chance: page by page, takes out the serial number and the checksum over it. */
function withoutSerials(bytes: Buffer): Buffer {
  for (let page = bytes.indexOf('OggS'); page === 0 || page > 0; page = bytes.indexOf('OggS', page + 27)) {
    bytes.fill(0, page + 14, page + 18).fill(0, page + 22, page + 26)
  }
  return bytes
}

test('the music folder holds exactly the planned files', async () => {
  const planned = demo.tracks.map((track) => track.path)
  assert.deepEqual((await filesBelow(demo.musicFolder)).sort(), planned.sort())
})

test('at least 24 tracks can be decoded, and they last 20 to 60 seconds', async () => {
  assert.ok(playable().length >= 24)
  for (const { path } of playable()) {
    const { format } = await parseFile(path, { duration: true })
    assert.ok(format.duration !== undefined && format.duration >= 20 && format.duration <= 60, path)
    assert.ok(Math.abs((decoded.get(path) ?? 0) - format.duration) < 0.2, path)
  }
})

test('exactly the two damaged files cannot be decoded', async () => {
  const failed = demo.tracks.filter(({ path }) => !decoded.has(path)).map(({ title }) => title)
  const expected = demo.tracks.filter((track) => track.expected === 'failed').map((track) => track.title)
  assert.deepEqual(failed.sort(), expected.sort())
  assert.deepEqual(failed, ['Liner Notes', 'Lost Reel'])
})

test('each of the five formats is used by at least four playable tracks', () => {
  for (const format of ['flac', 'mp3', 'ogg', 'opus', 'm4a']) {
    const count = playable().filter(({ path }) => extname(path) === `.${format}`).length
    assert.ok(count >= 4, `${format}: ${count}`)
  }
})

test('every playable file carries the planned tags', async () => {
  for (const track of playable()) {
    const { common } = await parseFile(track.path)
    const found = {
      ...common,
      genre: common.genre?.join(),
      track: common.track.no,
      date: common.date ?? String(common.year),
    }
    for (const key of ['artist', 'album', 'title', 'genre', 'track', 'date'] as const) {
      assert.equal(found[key], track[key], `${key} of ${track.path}`)
    }
  }
})

test('one name is decomposed and has an emoji, one mixes right-to-left, CJK and quotes', () => {
  const names = playable().map(({ path }) => basename(path))
  const decomposed = names.find((name) => /\p{M}/u.test(name) && /\p{Emoji_Presentation}/u.test(name))
  assert.ok(decomposed !== undefined && decomposed !== decomposed.normalize('NFC'))
  assert.ok(
    names.some(
      (name) => /\p{Script=Hebrew}/u.test(name) && /\p{Script=Hiragana}/u.test(name) && /['“]/.test(name),
    ),
  )
})

test('three pieces have three versions each under the same artist', () => {
  const versions = Map.groupBy(
    demo.tracks.filter((track) => track.variantOf !== null),
    (track) => track.variantOf,
  )
  assert.deepEqual(
    [...versions.values()].map((tracks) => tracks.length),
    [3, 3, 3],
  )
  for (const [title, tracks] of versions) {
    const original = demo.tracks.find((track) => track.title === title)
    for (const track of tracks) assert.equal(track.artist, original?.artist)
  }
})

test('progress counts every file once', () => {
  assert.deepEqual(
    progress.map(({ done }) => done),
    demo.tracks.map((_, index) => index + 1),
  )
  assert.deepEqual(progress.map(({ what }) => what).sort(), demo.tracks.map(({ title }) => title).sort())
  assert.ok(progress.every(({ total }) => total === demo.tracks.length))
})

test('the marker tells which files are versions of which and which must fail', async () => {
  const { files } = JSON.parse(await readFile(join(demo.folder, 'demo.json'), 'utf8'))
  assert.equal(files.length, demo.tracks.length)
  for (const { path, variantOf, expected } of files) {
    const track = demo.tracks.find((each) => each.path === join(demo.folder, path))
    assert.deepEqual({ variantOf, expected }, { variantOf: track?.variantOf, expected: track?.expected })
  }
})

test('files made anew have the same bytes and dates, but for the serial numbers of Ogg', async () => {
  const again = join(folder, 'again')
  for (const piece of ['Kranbahn', 'Rooftop Static', 'Waltz for a Closed Shop']) makePiece(again, piece)
  const copies = planDemo(again)
  let compared = 0
  for (const [index, { path, piece }] of demo.tracks.entries()) {
    const copy = copies[index]
    if (!['Kranbahn', 'Rooftop Static', 'Waltz for a Closed Shop'].includes(piece)) continue
    assert.ok(copy !== undefined)
    const [one, other] = await Promise.all([readFile(path), readFile(copy.path)])
    assert.ok(withoutSerials(one).equals(withoutSerials(other)), path)
    assert.equal((await stat(path)).mtimeMs, (await stat(copy.path)).mtimeMs)
    compared++
  }
  assert.equal(compared, 11)
})

test('a complete demo is left as it is, changed files included', async () => {
  const [first] = demo.tracks
  assert.ok(first !== undefined)
  await appendFile(first.path, 'changed')
  const sizeBytes = (await stat(first.path)).size
  const again = await makeDemoLibrary(demo.folder, { onProgress: () => assert.fail('something was made') })
  assert.equal(again.created, false)
  assert.deepEqual(again.tracks, demo.tracks)
  assert.equal((await stat(first.path)).size, sizeBytes)
})

test('an aborted making leaves only whole files, and no marker', async () => {
  const aborted = join(folder, 'aborted')
  const controller = new AbortController()
  const making = makeDemoLibrary(aborted, {
    signal: controller.signal,
    onProgress: () => controller.abort(new Error('enough')),
  })
  await assert.rejects(making, { message: 'enough' })
  assert.deepEqual(await readdir(aborted), ['music'])
  for (const path of await filesBelow(join(aborted, 'music'))) {
    const original = path.replace(aborted, demo.folder)
    const changed = original === demo.tracks[0]?.path
    if (!changed) assert.equal((await stat(path)).size, (await stat(original)).size, path)
  }
})
