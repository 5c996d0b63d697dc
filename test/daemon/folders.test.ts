import assert from 'node:assert/strict'
import {
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { setInterval } from 'node:timers/promises'
import { File as TaggedFile } from 'node-taglib-sharp'
import { type AudioFormat, writeAudio } from '../support/audio.ts'
import { converge, Soundledger, soundledger, temporaryFolder } from '../support/cli.ts'
import { cosine, readStored } from '../support/stored.ts'

const FORMATS: readonly AudioFormat[] = ['flac', 'mp3', 'ogg', 'opus', 'm4a']
const NOTHING = {
  fingerprinted: 0,
  decoded: 0,
  embedded: 0,
  reused: 0,
  attributesUpdated: 0,
  removed: 0,
  failed: 0,
}

/** A music folder with one short track of each format and an empty data directory. */
function library(t: TestContext): { music: string; data: string } {
  const root = temporaryFolder(t, 'folders')
  const music = join(root, 'music')
  mkdirSync(join(music, 'album'), { recursive: true })
  for (const [seed, format] of FORMATS.entries()) {
    const tags = { artist: 'Artist', title: `Title ${seed}` }
    writeAudio(join(music, 'album'), `${seed}.${format}`, format, seed, 3, tags)
  }
  return { music, data: join(root, 'data') }
}

function retag(path: string, title: string): void {
  const file = TaggedFile.createFromPath(path)
  file.tag.title = title
  file.tag.comment = 'x'.repeat(20_000)
  file.save()
  file.dispose()
}

describe('a folder of music', () => {
  it('is embedded once: a restart computes nothing (I3)', async (t) => {
    const { music, data } = library(t)
    const first = await converge([music], data)
    assert.deepEqual(first.tracks, { total: 5, present: 5, missing: 0, failed: 0, held: 0 })
    assert.deepEqual(first.operations, { total: 5, done: 5, pending: 0, failed: 0 })
    assert.deepEqual(first.run, { ...NOTHING, fingerprinted: 5, decoded: 5, embedded: 5 })
    assert.deepEqual((await converge([music], data)).run, NOTHING)
  })

  it('follows a retag of every format without embedding, and the new name is found', async (t) => {
    const { music, data } = library(t)
    await converge([music], data)
    for (const [seed, format] of FORMATS.entries()) {
      retag(join(music, 'album', `${seed}.${format}`), `Renamed ${seed}`)
    }
    const { run } = await converge([music], data)
    assert.deepEqual(run, { ...NOTHING, fingerprinted: 5, attributesUpdated: 5 })
    const { stdout, code, stderr } = await soundledger([
      'similar',
      'artist - renamed 3',
      '--json',
      '--data',
      data,
    ])
    assert.equal(code, 0, stderr)
    assert.ok(JSON.parse(stdout).some(({ name }: { name: string }) => name === 'Artist - Renamed 1'))
  })

  it('embeds again what was replaced, also by a file of the same size with an older mtime', async (t) => {
    const { music, data } = library(t)
    await converge([music], data)
    const path = join(music, 'album', '0.flac')
    const before = (await readStored(data)).at(path)
    const old = statSync(path)
    writeAudio(join(music, 'album'), '0.flac', 'flac', 77, 3, { artist: 'Artist', title: 'Title 0' })
    truncateSync(path, old.size)
    utimesSync(path, old.atime, new Date(old.mtimeMs - 86_400_000))
    const { run } = await converge([music], data)
    assert.deepEqual(run, { ...NOTHING, fingerprinted: 1, decoded: 1, embedded: 1 })
    const after = (await readStored(data)).at(path)
    assert.equal(after?.key, before?.key)
    assert.notEqual(after?.fingerprint, before?.fingerprint)
    assert.ok(cosine(before, after) < 0.999)
  })

  it('follows moves, renames and a renamed folder by fingerprint alone', async (t) => {
    const { music, data } = library(t)
    await converge([music], data)
    const before = await readStored(data)
    const keyOf = new Map([...before.paths].map(([key, path]) => [path.split('/').at(-1), key]))
    renameSync(join(music, 'album', '0.flac'), join(music, 'elsewhere.flac'))
    renameSync(join(music, 'album'), join(music, 'Ålbum “two”'))
    const { run, tracks } = await converge([music], data)
    assert.deepEqual({ ...run, attributesUpdated: 0 }, { ...NOTHING, fingerprinted: 5 })
    assert.deepEqual(tracks, { total: 5, present: 5, missing: 0, failed: 0, held: 0 })
    const after = await readStored(data)
    assert.equal(after.at(join(music, 'elsewhere.flac'))?.key, keyOf.get('0.flac'))
    assert.equal(after.at(join(music, 'Ålbum “two”', '1.mp3'))?.key, keyOf.get('1.mp3'))
    assert.ok([...after.rows.values()].every(({ available }) => available))
  })

  it('hides what is deleted, keeps its vectors, and shows them again when it returns', async (t) => {
    const { music, data } = library(t)
    await converge([music], data)
    const path = join(music, 'album', '1.mp3')
    const aside = join(data, 'aside.mp3')
    renameSync(path, aside)
    const gone = await converge([music], data)
    assert.deepEqual(gone.tracks, { total: 5, present: 4, missing: 1, failed: 0, held: 0 })
    assert.equal((await readStored(data)).at(path)?.available, false)
    const { stdout } = await soundledger(['similar', 'Artist - Title 0', '-n', '9', '--json', '--data', data])
    assert.equal(JSON.parse(stdout).length, 3)
    renameSync(aside, path)
    const back = await converge([music], data)
    assert.deepEqual(back.run, { ...NOTHING, attributesUpdated: 1 })
    assert.equal((await readStored(data)).at(path)?.available, true)
  })

  it('removes what has been missing for the grace period', async (t) => {
    const { music, data } = library(t)
    await converge([music], data)
    rmSync(join(music, 'album', '1.mp3'))
    const environment = { SOUNDLEDGER_REMOVAL_GRACE_DAYS: '0' }
    const { run, tracks } = await converge([music], data, { environment })
    assert.equal(run.removed, 1)
    assert.equal(tracks.total, 4)
    assert.equal((await readStored(data)).rows.size, 4)
  })

  it('copies the vectors of a copy instead of computing them', async (t) => {
    const { music, data } = library(t)
    await converge([music], data)
    copyFileSync(join(music, 'album', '2.ogg'), join(music, 'copy.ogg'))
    const { run } = await converge([music], data)
    assert.deepEqual(run, { ...NOTHING, fingerprinted: 1, reused: 1 })
    const stored = await readStored(data)
    assert.deepEqual(
      stored.at(join(music, 'copy.ogg'))?.segments,
      stored.at(join(music, 'album', '2.ogg'))?.segments,
    )
  })

  it('I7: what cannot be decoded is recorded with its cause and left alone until it changes', async (t) => {
    const { music, data } = library(t)
    writeFileSync(join(music, 'no audio.mp3'), 'these are words, not music\n'.repeat(100))
    writeFileSync(join(music, 'empty.flac'), '')
    const m4a = readFileSync(join(music, 'album', '4.m4a'))
    writeFileSync(join(music, 'truncated.m4a'), m4a.subarray(0, Math.floor(m4a.length / 3)))
    const first = await converge([music], data)
    assert.equal(first.tracks.failed, 3)
    assert.deepEqual(first.operations, { total: 8, done: 5, pending: 0, failed: 3 })
    const again = await converge([music], data)
    assert.deepEqual(again.run, NOTHING)
    const { stdout } = await soundledger(['status', '--json', '--data', data])
    const { failures } = JSON.parse(stdout)
    assert.deepEqual(failures.map(({ path }: { path: string }) => path).sort(), [
      join(music, 'empty.flac'),
      join(music, 'no audio.mp3'),
      join(music, 'truncated.m4a'),
    ])
    for (const failure of failures) {
      assert.equal(failure.model, 'timbre')
      assert.equal(failure.attempts, 1)
      assert.match(failure.cause, /\w+/)
      assert.ok(failure.nextAttemptAt > Date.now())
    }
    writeFileSync(join(music, 'truncated.m4a'), m4a)
    const mended = await converge([music], data)
    assert.equal(mended.run.reused, 1)
    assert.equal(mended.tracks.failed, 2)
    const { stdout: answer } = await soundledger(['retry', '--data', data])
    assert.match(answer, /^2 failed operations are due again/)
    assert.equal((await converge([music], data)).run.failed, 2)
  })

  it('takes nothing for deleted when its root is gone or empty', async (t) => {
    const { music, data } = library(t)
    await converge([music], data)
    renameSync(music, `${music}-unmounted`)
    mkdirSync(music)
    const { tracks } = await converge([music], data)
    assert.deepEqual(tracks, { total: 5, present: 5, missing: 0, failed: 0, held: 5 })
    const { stdout } = await soundledger(['status', '--data', data])
    assert.match(stdout, /held: 5 tracks: .*music/)
    rmSync(music, { recursive: true })
    renameSync(`${music}-unmounted`, music)
    assert.deepEqual((await converge([music], data)).tracks, {
      total: 5,
      present: 5,
      missing: 0,
      failed: 0,
      held: 0,
    })
  })

  it('notices a store that was emptied behind its back', async (t) => {
    const { music, data } = library(t)
    await converge([music], data)
    for (const suffix of ['', '-wal', '-shm']) rmSync(join(data, `vectors.db${suffix}`), { force: true })
    const { run } = await converge([music], data)
    assert.equal(run.embedded, 5)
    assert.equal((await readStored(data)).rows.size, 5)
  })

  it('reads a file that is being copied only when it has been still for a while', async (t) => {
    const { music, data } = library(t)
    const environment = { SOUNDLEDGER_LIBRARY_SETTLE_SECONDS: '2' }
    const daemon = new Soundledger(['watch', '--data', data, music], { environment })
    await daemon.logged('converged')
    const whole = readFileSync(join(music, 'album', '0.flac'))
    const copy = join(music, 'copy.flac')
    // A slow copy: it goes on for longer than any wake-up waits, and never pauses for as long as a file has to be still.
    let part = 0
    for await (const _ of setInterval(250)) {
      part += 1
      writeFileSync(copy, whole.subarray(0, Math.floor((whole.length * part) / 30)))
      if (part === 30) break
    }
    await daemon.logged('copy.flac')
    await daemon.stop()
    const { stdout } = await soundledger(['status', '--json', '--data', data])
    const { lifetime } = JSON.parse(stdout)
    assert.deepEqual(lifetime, { ...NOTHING, fingerprinted: 6, decoded: 5, embedded: 5, reused: 1 })
  })

  it('embeds a file that arrives while it watches, and exits 0 on Ctrl-C', async (t) => {
    const { music, data } = library(t)
    const daemon = new Soundledger(['watch', '--data', data, music])
    await daemon.logged('converged')
    const seen = daemon.lines.length
    writeAudio(music, 'new.flac', 'flac', 99, 3, { artist: 'Late', title: 'Arrival' })
    await daemon.logged('Late - Arrival', seen)
    const { stdout } = await soundledger(['status', '--json', '--data', data])
    assert.equal(JSON.parse(stdout).tracks.total, 6)
    const { code } = await daemon.stop()
    assert.equal(code, 0)
  })
})
