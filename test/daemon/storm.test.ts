import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { File as TaggedFile } from 'node-taglib-sharp'
import { writeAudio } from '../support/audio.ts'
import { converge, temporaryFolder } from '../support/cli.ts'
import { readStored } from '../support/stored.ts'

const TRACKS = 1000
const SOUNDS = 10

describe('a retag storm', () => {
  it(`I3: ${TRACKS} rewritten files cost ${TRACKS} fingerprints and no embedding, and the store has the new names`, async (t) => {
    const root = temporaryFolder(t, 'storm')
    const [music, data] = [join(root, 'music'), join(root, 'data')]
    mkdirSync(music)
    const files = Array.from({ length: TRACKS }, (_, n) => join(music, `${n}.flac`))
    for (const [n, file] of files.entries()) {
      if (n < SOUNDS) writeAudio(music, `${n}.flac`, 'flac', n, 0.5, { artist: 'Artist', title: 'Before' })
      else copyFileSync(files[n % SOUNDS] ?? '', file)
    }
    const first = await converge([music], data)
    assert.equal(first.operations.done, TRACKS)
    assert.equal(first.run.embedded + first.run.reused, TRACKS)

    for (const [n, path] of files.entries()) {
      const file = TaggedFile.createFromPath(path)
      file.tag.title = `After ${n}`
      file.tag.lyrics = 'la '.repeat(2000)
      file.save()
      file.dispose()
    }
    const { run } = await converge([music], data)
    const expected = {
      fingerprinted: TRACKS,
      decoded: 0,
      embedded: 0,
      reused: 0,
      attributesUpdated: TRACKS,
      removed: 0,
      failed: 0,
    }
    assert.deepEqual(run, expected)
    const stored = await readStored(data)
    for (const [n, path] of files.entries()) assert.equal(stored.at(path)?.name, `Artist - After ${n}`)
  })
})
