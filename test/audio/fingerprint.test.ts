import assert from 'node:assert/strict'
import { appendFileSync, copyFileSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { ByteVector, File, Id3v2Settings, Picture, PictureType, TagTypes } from 'node-taglib-sharp'
import { fingerprintAudio } from '../../src/audio/fingerprint.ts'
import { PermanentError } from '../../src/core/errors.ts'
import { type AudioFormat, seededRandom, temporaryFolder, writeAudio } from '../support/audio.ts'

const TAGGABLE = ['flac', 'mp3', 'ogg', 'opus', 'm4a', 'alac', 'wav', 'aiff', 'aac'] as const
const EXTENSION: Partial<Record<AudioFormat, string>> = { alac: 'm4a', oggflac: 'ogg', flac24: 'flac' }
const FORMATS: readonly AudioFormat[] = [...TAGGABLE, 'wv', 'wma', 'mka', 'tta', 'caf', 'oggflac', 'flac24']

function make(folder: string, format: AudioFormat, seed = 1, title = 'Before'): string {
  const name = `${format}-${seed}.${EXTENSION[format] ?? format}`
  return writeAudio(folder, name, format, seed, 3, { artist: 'Somebody', title })
}

/** Bytes that no compressor shrinks, as in a photograph. */
function picture(bytes: number): Picture {
  const random = seededRandom(bytes)
  const data = Uint8Array.from({ length: bytes }, () => Math.floor(random() * 256))
  return Picture.fromFullData(ByteVector.fromByteArray(data), PictureType.FrontCover, 'image/png', 'cover')
}

function retag(path: string, change: (file: File) => void): void {
  const file = File.createFromPath(path)
  try {
    change(file)
    file.save()
  } finally {
    file.dispose()
  }
}

const print = (path: string): string => fingerprintAudio(path).fingerprint

describe('fingerprint', () => {
  for (const format of FORMATS) {
    test(`${format}: is the same for the same sound, another for another, and knows the length`, (t) => {
      const folder = temporaryFolder(t)
      const path = make(folder, format)
      const found = fingerprintAudio(path)
      assert.match(found.fingerprint, /^[0-9a-f]{64}$/)
      assert.ok(Math.abs(found.durationSeconds - 3) < 0.1, `duration ${found.durationSeconds}`)
      assert.equal(print(make(folder, format, 1, 'After '.repeat(5000))), found.fingerprint)
      assert.notEqual(print(make(folder, format, 2)), found.fingerprint)
    })
  }

  for (const format of TAGGABLE) {
    test(`${format}: rewriting, growing and removing tags and cover art leaves it as it was`, (t) => {
      const path = make(temporaryFolder(t), format)
      const before = print(path)
      const steps: [string, (file: File) => void][] = [
        ['a new title', (file) => (file.tag.title = 'After')],
        ['a huge comment', (file) => (file.tag.comment = 'x'.repeat(200_000))],
        ['a cover of 1.2 MB', (file) => (file.tag.pictures = [picture(1_200_000)])],
        ['two small covers', (file) => (file.tag.pictures = [picture(20_000), picture(30_001)])],
        ['no tags at all', (file) => file.removeTags(TagTypes.AllTags)],
      ]
      for (const [step, change] of steps) {
        retag(path, change)
        assert.equal(print(path), before, step)
      }
    })
  }

  for (const version of [3, 4] as const) {
    test(`mp3: ID3v2.${version}, APE and ID3v1 tags, together and one by one, leave it as it was`, (t) => {
      const path = make(temporaryFolder(t), 'mp3')
      const before = print(path)
      Id3v2Settings.defaultVersion = version
      Id3v2Settings.forceDefaultVersion = true
      for (const type of [TagTypes.Id3v1, TagTypes.Ape, TagTypes.Id3v2]) {
        retag(path, (file) => {
          const tag = file.getTag(type, true)
          tag.title = `Title in ${type}`
          tag.comment = 'y'.repeat(70_000)
        })
        assert.equal(print(path), before, `with ${type}`)
      }
      for (const type of [TagTypes.Id3v2, TagTypes.Id3v1, TagTypes.Ape]) {
        retag(path, (file) => file.removeTags(type))
        assert.equal(print(path), before, `without ${type}`)
      }
    })
  }

  for (const format of ['mp3', 'flac', 'aac', 'tta', 'wv', 'wav', 'aiff'] as const) {
    test(`${format}: an ID3v1 tag, an APE tag and lyrics behind the audio leave it as it was`, (t) => {
      const path = make(temporaryFolder(t), format)
      const before = print(path)
      appendFileSync(path, apeTag(`Title=${'z'.repeat(5000)}`))
      assert.equal(print(path), before, 'APE')
      const lyrics = `LYRICSBEGIN${'la '.repeat(700)}`
      appendFileSync(path, `${lyrics}${String(lyrics.length).padStart(6, '0')}LYRICS200`)
      assert.equal(print(path), before, 'APE and Lyrics3')
      appendFileSync(path, Buffer.concat([Buffer.from('TAGTitle'), Buffer.alloc(120, 0xff)]))
      assert.equal(print(path), before, 'APE, Lyrics3 and ID3v1')
    })
  }

  test('mp3: a cover larger than the probe window is passed over even under an unknown file name', (t) => {
    const path = make(temporaryFolder(t), 'mp3')
    const before = print(path)
    retag(path, (file) => (file.tag.pictures = [picture(2_000_000)]))
    const renamed = `${path}.backup`
    copyFileSync(path, renamed)
    assert.equal(print(path), before)
    assert.equal(print(renamed), before)
  })

  for (const format of FORMATS) {
    test(`${format}: one changed byte of encoded audio changes it`, (t) => {
      const folder = temporaryFolder(t)
      const path = make(folder, format)
      const before = print(path)
      const bytes = readFileSync(path)
      const at = Math.floor(bytes.length * 0.6)
      bytes[at] = (bytes[at] ?? 0) ^ 0x10
      writeFileSync(path, bytes)
      assert.notEqual(print(path), before)
    })
  }

  test('flac: a file cut short has another fingerprint', (t) => {
    const path = make(temporaryFolder(t), 'flac')
    const before = print(path)
    truncateSync(path, Math.floor(statSync(path).size * 0.7))
    assert.notEqual(print(path), before)
  })

  test('m4a: moving the index before the audio leaves it as it was', (t) => {
    const folder = temporaryFolder(t)
    const path = make(folder, 'm4a')
    const moved = join(folder, 'moved.m4a')
    writeFileSync(moved, moovFirst(readFileSync(path)))
    assert.equal(print(moved), print(path))
  })

  test('wma: a header grown by 100 kB leaves it as it was', (t) => {
    const folder = temporaryFolder(t)
    const path = make(folder, 'wma')
    const grown = join(folder, 'grown.wma')
    writeFileSync(grown, asfWithPadding(readFileSync(path), 100_000))
    assert.equal(print(grown), print(path))
  })

  test('a chained Ogg file keeps it whatever the second recording is called', (t) => {
    const folder = temporaryFolder(t)
    const chain = (title: string): string => {
      const second = readFileSync(make(folder, 'ogg', 2, title))
      const path = join(folder, `chained-${title}.ogg`)
      writeFileSync(path, Buffer.concat([readFileSync(make(folder, 'ogg', 1)), second]))
      return print(path)
    }
    assert.equal(chain('one'), chain('another'.repeat(30)))
    assert.notEqual(chain('one'), print(make(folder, 'ogg', 1)))
  })

  test('a vorbis stream has one fingerprint in Ogg and in Matroska', (t) => {
    const folder = temporaryFolder(t)
    assert.equal(print(make(folder, 'mka')), print(make(folder, 'ogg')))
  })

  for (const [what, content] of [
    ['zero bytes', ''],
    ['text', 'this is no music\n'.repeat(100)],
    ['zeros', Buffer.alloc(100_000)],
    ['an ID3v1 tag alone', Buffer.concat([Buffer.from('TAG'), Buffer.alloc(125)])],
  ] as const) {
    test(`a file of ${what} is refused for good`, (t) => {
      const path = join(temporaryFolder(t), 'odd.mp3')
      writeFileSync(path, content)
      assert.throws(() => fingerprintAudio(path), PermanentError)
    })
  }
})

/** A minimal APEv2 tag without header: one item of text. */
function apeTag(item: string): Buffer {
  const [key = '', value = ''] = item.split('=')
  const body = Buffer.concat([Buffer.alloc(8), Buffer.from(`${key}\0${value}`, 'latin1')])
  body.writeUInt32LE(value.length, 0)
  const footer = Buffer.alloc(32)
  footer.write('APETAGEX', 'latin1')
  footer.writeUInt32LE(2000, 8)
  footer.writeUInt32LE(body.length + footer.length, 12)
  footer.writeUInt32LE(1, 16)
  return Buffer.concat([body, footer])
}

/** The same ASF file with one more header object, of `length` bytes of padding. */
function asfWithPadding(file: Buffer, length: number): Buffer {
  const headerBytes = Number(file.readBigUInt64LE(16))
  const padding = Buffer.alloc(length)
  Buffer.from('74d40618dfca0945a4ba9aabcb96aae8', 'hex').copy(padding)
  padding.writeBigUInt64LE(BigInt(length), 16)
  const header = Buffer.from(file.subarray(0, headerBytes))
  header.writeBigUInt64LE(BigInt(headerBytes + length), 16)
  header.writeUInt32LE(header.readUInt32LE(24) + 1, 24)
  return Buffer.concat([header, padding, file.subarray(headerBytes)])
}

/** The same MP4 file with its `moov` box in front of `mdat` and every chunk offset corrected. */
function moovFirst(file: Buffer): Buffer {
  const boxes: { type: string; bytes: Buffer }[] = []
  for (let at = 0; at < file.length; at += boxes.at(-1)?.bytes.length ?? file.length) {
    const size = file.readUInt32BE(at)
    boxes.push({ type: file.toString('latin1', at + 4, at + 8), bytes: file.subarray(at, at + size) })
  }
  assert.deepEqual(boxes.map((box) => box.type).slice(-2), ['mdat', 'moov'])
  const moov = Buffer.from(boxes.find((box) => box.type === 'moov')?.bytes ?? [])
  const table = moov.indexOf('stco')
  const entries = moov.readUInt32BE(table + 8)
  for (let i = 0; i < entries; i += 1) {
    const at = table + 12 + i * 4
    moov.writeUInt32BE(moov.readUInt32BE(at) + moov.length, at)
  }
  const rest = boxes.filter((box) => box.type !== 'moov').map((box) => box.bytes)
  return Buffer.concat([rest[0] ?? Buffer.alloc(0), moov, ...rest.slice(1)])
}
