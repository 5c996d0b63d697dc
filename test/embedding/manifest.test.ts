import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { PermanentError } from '../../src/core/errors.ts'
import { parseManifest, readManifest } from '../../src/embedding/manifest.ts'
import { FIXTURES, scratch } from './embedder-harness.ts'

const valid = {
  format: 1,
  name: 'example',
  model_id: 'someone/example-1',
  version: '1',
  licence: 'MIT',
  description: 'An example',
  sample_rate: 22_050,
  channels: 1,
  window_seconds: 30,
  hop_seconds: 30,
  dim: 128,
  input: 'audio',
  output: 'embedding',
  normalisation: 'l2',
  pooling: 'mean',
  files: [{ path: 'model.onnx', sha256: 'a'.repeat(64), bytes: 10 }],
}

function parse(changes: Record<string, unknown>) {
  return parseManifest(JSON.stringify({ ...valid, ...changes }), 'example/manifest.json')
}

function withPath(path: string) {
  return { files: [{ path, sha256: 'a'.repeat(64), bytes: 10 }] }
}

test('a manifest with all keys in range is read as it stands', async () => {
  assert.deepEqual(parse({}), valid)
  const fixture = await readManifest(join(FIXTURES, 'features'))
  assert.equal(fixture.name, 'features')
})

const wrong: Array<[changes: Record<string, unknown>, message: RegExp]> = [
  [{ format: 2 }, /format: found 2, expected 1/],
  [{ name: 'Bad-Name' }, /name: found "Bad-Name", expected a lower-case letter/],
  [{ model_id: '' }, /model_id: found "", expected a text of 1 to 256 characters/],
  [{ licence: undefined }, /licence: found nothing, expected a text/],
  [{ sample_rate: 4000 }, /sample_rate: found 4000, expected a whole number from 8000 to 192000 \(Hz\)/],
  [{ sample_rate: 22_050.5 }, /sample_rate: found 22050.5/],
  [{ channels: 3 }, /channels: found 3, expected 1 or 2/],
  [{ window_seconds: 0 }, /window_seconds: found 0, expected a number from 0.1 to 600 \(seconds\)/],
  [{ hop_seconds: -1 }, /hop_seconds: found -1, expected a number from 0.01 to 600/],
  [{ dim: 76_800 }, /dim: found 76800, expected .* to 32768 \(the widest vector that Milvus stores\)/],
  [{ normalisation: 'none' }, /normalisation: found "none", expected "l2"/],
  [{ pooling: 'max' }, /pooling: found "max", expected "mean"/],
  [{ files: [] }, /files: found \[\], expected a list of 1 to 64 files/],
  [{ files: [...valid.files, ...valid.files] }, /files: .* with different paths/],
  [{ files: [{ ...valid.files[0], bytes: 0 }] }, /files\.0\.bytes: found 0, expected/],
  [
    { files: [{ ...valid.files[0], sha256: 'A'.repeat(64) }] },
    /files\.0\.sha256: .* 64 lower-case hex digits/,
  ],
  [{ colour: 'red' }, /unknown key colour, expected only the keys of manifest format 1/],
  [{ files: [{ ...valid.files[0], colour: 'red' }] }, /files\.0: unknown key colour/],
  [{ dim: 0, channels: 0 }, /channels: found 0.*; dim: found 0/],
]

for (const [changes, message] of wrong) {
  test(`a manifest with ${JSON.stringify(changes).slice(0, 60)} is refused and told ${message.source}`, () => {
    assert.throws(
      () => parse(changes),
      (error: unknown) => {
        assert.ok(error instanceof PermanentError)
        assert.equal(error.subject, 'example/manifest.json')
        assert.match(error.message, message)
        assert.match(error.hint ?? '', /correct the manifest/)
        return true
      },
    )
  })
}

test('no path in a manifest leaves the folder, on any system', () => {
  const escapes = [
    '../x',
    'a/../../x',
    '/etc/x',
    'a//x',
    './x',
    '..',
    '',
    'C:x',
    'a\\..\\x',
    '\\\\host\\x',
    'a/',
    'x\0y',
  ]
  for (const path of escapes) assert.throws(() => parse(withPath(path)), /files\.0\.path: found/, path)
  assert.equal(parse(withPath('weights/part-1.data')).files[0]?.path, 'weights/part-1.data')
})

test('any JSON value is either a manifest or a PermanentError that names the file', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      assert.throws(
        () => parseManifest(text, 'some/manifest.json'),
        (error: unknown) => error instanceof PermanentError && error.subject === 'some/manifest.json',
      )
    }),
  )
})

test('a folder without manifest, a manifest that is a folder, and text that is not JSON are told apart', async (t) => {
  const folder = scratch(t)
  await assert.rejects(readManifest(folder), { name: 'PermanentError', message: 'there is no such file' })
  mkdirSync(join(folder, 'manifest.json'))
  await assert.rejects(readManifest(folder), { name: 'PermanentError', message: /cannot be read: .*EISDIR/ })
  const other = scratch(t)
  writeFileSync(join(other, 'manifest.json'), '{"format": 1,')
  await assert.rejects(readManifest(other), { name: 'PermanentError', message: /^is not JSON: / })
})
