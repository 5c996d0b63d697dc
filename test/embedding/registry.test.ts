import assert from 'node:assert/strict'
import { appendFileSync, cpSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { PermanentError } from '../../src/core/errors.ts'
import { listModels, loadModels, modelDigest } from '../../src/embedding/registry.ts'
import { FIXTURES, scratch } from './embedder-harness.ts'

const NAMES = ['endless', 'features', 'glutton', 'greedy', 'negative', 'squashed', 'stereo']

function load(folders: string[], enabled: string[], decoderVersion = 'decoder-1') {
  return loadModels({ folders, enabled, decoderVersion })
}

function copyOfFixtures(t: TestContext): string {
  const folder = scratch(t)
  cpSync(FIXTURES, folder, { recursive: true })
  return folder
}

function edit(folder: string, name: string, from: string, to: string): void {
  const file = join(folder, name, 'manifest.json')
  const text = readFileSync(file, 'utf8')
  assert.ok(text.includes(from))
  writeFileSync(file, text.replace(from, to))
}

async function digestOf(folder: string, decoderVersion?: string): Promise<string> {
  const [model] = await load([folder], ['features'], decoderVersion)
  return model?.digest ?? ''
}

test('the enabled models come in the order they were enabled, frozen and as their manifests say', async () => {
  const models = await load([FIXTURES], ['stereo', 'features'])
  assert.deepEqual(
    models.map((model) => model.name),
    ['stereo', 'features'],
  )
  const { digest, ...rest } = models[0] ?? { digest: '' }
  assert.match(digest, /^[0-9a-f]{64}$/)
  assert.deepEqual(rest, {
    name: 'stereo',
    modelId: 'soundledger/fixture-stereo',
    dim: 8,
    audio: { sampleRate: 8000, channels: 2, windowSeconds: 0.5, hopSeconds: 0.25 },
    licence: 'MIT',
    folder: join(FIXTURES, 'stereo'),
  })
  assert.ok(Object.isFrozen(models[0]))
})

test('an unknown name is refused with all valid names, also beside known ones', async () => {
  await assert.rejects(load([FIXTURES], ['features', 'tembre', 'x']), {
    name: 'PermanentError',
    subject: 'tembre, x',
    message: `no model has this name; valid names: ${NAMES.join(', ')}`,
  })
})

test('an empty list and a repeated name are refused', async () => {
  await assert.rejects(load([FIXTURES], []), {
    name: 'PermanentError',
    message: /no model is enabled; valid names: endless/,
  })
  await assert.rejects(load([FIXTURES], ['features', 'stereo', 'features']), {
    name: 'PermanentError',
    subject: 'features',
    message: 'this model is enabled more than once',
  })
})

test('where two folders hold one name the earlier folder wins; folders that do not exist are skipped', async (t) => {
  const copy = copyOfFixtures(t)
  const [first] = await load([join(copy, 'nowhere'), copy, FIXTURES], ['features'])
  assert.equal(first?.folder, join(copy, 'features'))
  const [second] = await load([FIXTURES, copy], ['features'])
  assert.equal(second?.folder, join(FIXTURES, 'features'))
})

test('a broken model is listed with its problem, harms no other one and is refused when enabled', async (t) => {
  const folder = copyOfFixtures(t)
  edit(folder, 'stereo', '"dim": 8', '"dim": 99999')
  renameSync(join(folder, 'greedy'), join(folder, 'renamed'))
  const entries = await listModels([folder])
  const problems = entries.filter((entry) => entry.problem !== null)
  assert.deepEqual(
    problems.map((entry) => [entry.name, entry.manifest]),
    [
      ['renamed', null],
      ['stereo', null],
    ],
  )
  assert.match(
    problems[0]?.problem ?? '',
    /name: found "greedy", expected "renamed", as its folder is called/,
  )
  assert.equal((await load([folder], ['features'])).length, 1)
  await assert.rejects(load([folder], ['stereo']), { name: 'PermanentError', message: /dim: found 99999/ })
})

test('weights of another size, with other bytes or missing are refused with what was found and expected', async (t) => {
  const folder = copyOfFixtures(t)
  const graph = (name: string) => join(folder, name, 'model.onnx')
  const bytes = readFileSync(graph('features'))
  bytes[100] = (bytes[100] ?? 0) ^ 1
  writeFileSync(graph('features'), bytes)
  appendFileSync(graph('stereo'), 'x')
  rmSync(graph('greedy'))
  const refusal = async (name: string, message: RegExp) => {
    await assert.rejects(load([folder], [name]), (error: unknown) => {
      assert.ok(error instanceof PermanentError)
      assert.equal(error.subject, graph(name))
      assert.match(error.message, message)
      assert.match(error.hint ?? '', /fetch or export the model again/)
      return true
    })
  }
  await refusal('features', /^found SHA-256 [0-9a-f]{64}, expected [0-9a-f]{64}$/)
  await refusal('stereo', /^found \d+ bytes, expected \d+$/)
  await refusal('greedy', /^there is no such file, expected \d+ bytes$/)
})

test('the digest changes with the decoder and with every key that shapes numbers, not with description or licence', async (t) => {
  const folder = copyOfFixtures(t)
  const original = await digestOf(folder)
  assert.equal(await digestOf(FIXTURES), original)
  assert.notEqual(await digestOf(folder, 'decoder-2'), original)
  edit(folder, 'features', 'A tiny model', 'A very tiny model')
  edit(folder, 'features', '"MIT"', '"MIT-0"')
  assert.equal(await digestOf(folder), original)
  edit(folder, 'features', '"hop_seconds": 0.25', '"hop_seconds": 0.5')
  assert.notEqual(await digestOf(folder), original)
})

test('the digest does not depend on the order of keys and covers the hash of every file', async () => {
  const [entry] = (await listModels([FIXTURES])).filter((one) => one.name === 'features')
  const manifest = entry?.manifest
  assert.ok(manifest)
  const reversed = Object.fromEntries(Object.entries(manifest).reverse()) as typeof manifest
  assert.equal(modelDigest(reversed, 'd'), modelDigest(manifest, 'd'))
  const second = { path: 'model.onnx.data', sha256: 'b'.repeat(64), bytes: 5 }
  const more = modelDigest({ ...manifest, files: [...manifest.files, second] }, 'd')
  const other = modelDigest(
    { ...manifest, files: [...manifest.files, { ...second, sha256: 'c'.repeat(64) }] },
    'd',
  )
  assert.equal(new Set([modelDigest(manifest, 'd'), more, other]).size, 3)
})
