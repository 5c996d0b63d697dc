import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { cleanText, fromFileName, readTags } from '../../src/audio/tags.ts'
import { temporaryFolder, writeAudio } from '../support/audio.ts'

describe('tags', () => {
  for (const format of ['flac', 'mp3', 'ogg', 'opus', 'm4a', 'wma'] as const) {
    test(`${format}: artist, title and album come from the tags`, async (t) => {
      const tags = { artist: 'Björk', title: 'Jóga', album: 'Homogenic' }
      const path = writeAudio(temporaryFolder(t), `01 - else.${format}`, format, 1, 0.5, tags)
      const { artist, title } = await readTags(path, 3)
      assert.deepEqual({ artist, title }, { artist: 'Björk', title: 'Jóga' })
    })
  }

  test('without a title the file name stands in, and only for what is missing', async (t) => {
    const folder = temporaryFolder(t)
    const untagged = writeAudio(folder, 'Nina - Sinner.mp3', 'mp3', 1, 0.3)
    assert.deepEqual(await readTags(untagged, 2), {
      artist: 'Nina',
      title: 'Sinner',
      album: '',
      durationSeconds: 2,
    })
    const partly = writeAudio(folder, 'X - Sinner.mp3', 'mp3', 1, 0.3, { artist: 'Nina Simone' })
    assert.equal((await readTags(partly, null)).artist, 'Nina Simone')
    const nameless = writeAudio(folder, 'X - Y.mp3', 'mp3', 1, 0.3, { title: 'Sinner' })
    assert.deepEqual(await readTags(nameless, null), {
      artist: '',
      title: 'Sinner',
      album: '',
      durationSeconds: null,
    })
  })

  test('a file that no tag reader knows has the title of its name', async (t) => {
    const path = join(temporaryFolder(t), 'Noise.xyz')
    writeFileSync(path, Buffer.alloc(5000, 7))
    assert.deepEqual(await readTags(path, null), {
      artist: '',
      title: 'Noise',
      album: '',
      durationSeconds: null,
    })
  })

  test('a missing file is an error with a code, not a file without tags', async (t) => {
    await assert.rejects(readTags(join(temporaryFolder(t), 'missing.mp3'), null), { code: 'ENOENT' })
  })

  test('track numbers in file names are no artists', () => {
    assert.deepEqual(fromFileName('/m/07 - Blue.flac'), { artist: '', title: 'Blue' })
    assert.deepEqual(fromFileName('/m/A - B - C.flac'), { artist: 'A', title: 'B - C' })
    assert.deepEqual(fromFileName('/m/Plain.flac'), { artist: '', title: 'Plain' })
    assert.deepEqual(fromFileName('/m/ - .flac'), { artist: '', title: '-' })
  })

  test('texts have no control character, no half surrogate, no outer space, and at most 512 units', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 700 }), (text) => {
        const clean = cleanText(text)
        assert.ok(clean.length <= 512)
        assert.ok(clean.isWellFormed())
        assert.equal(clean, clean.trim())
        assert.doesNotMatch(clean, /\p{Cc}/u)
      }),
    )
    assert.equal(cleanText('🎵'.repeat(300)).length, 512)
    assert.equal(cleanText(`x${'🎵'.repeat(300)}`).length, 511)
    assert.equal(cleanText(' a\0b\r\nc '), 'a b c')
  })
})
