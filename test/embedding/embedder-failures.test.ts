import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, readFileSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { PermanentError, TransientError } from '../../src/core/errors.ts'
import { audioOf, FIXTURES, fixture, processorTicks, runs, scratch, start, wave } from './embedder-harness.ts'

/** Polls what no event tells: the state of a process that is not a child of this one, or its processor time. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(10)
}

/** The loads and probes of the fixtures take almost no processor time; a run without end takes it all. */
async function deepInRun(pid: number): Promise<void> {
  const before = processorTicks(pid)
  await until(() => processorTicks(pid) > before + 20)
}

const LOUD = [3, 3, 3]

test('a track that makes the model return NaN fails alone and permanently', async (t) => {
  const model = await fixture('negative')
  const { embedder, events } = start(t, { batchWindows: 6 })
  const folder = scratch(t)
  const tracks = [wave(2), wave(2, -0.2), wave(2)].map((samples) => audioOf(folder, model, samples))
  const [first, bad, last] = await Promise.allSettled(tracks.map((audio) => embedder.embed(model, audio, 1)))
  assert.equal(first?.status, 'fulfilled')
  assert.equal(last?.status, 'fulfilled')
  assert.ok(bad?.status === 'rejected' && bad.reason instanceof PermanentError)
  assert.match(bad.reason.message, /found NaN in window 0, expected finite numbers/)
  assert.equal(bad.reason.subject, tracks[1]?.file)
  assert.equal(events.of('process-started').length, 1)
})

test('a batch that does not fit in memory is halved until it does, and the next ones are small at once', async (t) => {
  const model = await fixture('greedy')
  const { embedder, events } = start(t, { batchWindows: 8 })
  const folder = scratch(t)
  await Promise.all([5, 3].map((size) => embedder.embed(model, audioOf(folder, model, wave(size)), 1)))
  assert.deepEqual(
    events.of('batch-halved').map(({ limit }) => limit),
    [4, 2, 2],
  )
  await embedder.embed(model, audioOf(folder, model, wave(4)), 1)
  assert.equal(events.of('batch-halved').length, 3)
  assert.equal(embedder.stats().windows, 12)
})

test('one window that does not fit in memory fails its track transiently, the others go on', async (t) => {
  const model = await fixture('glutton')
  const { embedder } = start(t)
  const folder = scratch(t)
  const tracks = [wave(1), LOUD, wave(1)].map((samples) => audioOf(folder, model, samples))
  const [first, bad, last] = await Promise.allSettled(tracks.map((audio) => embedder.embed(model, audio, 1)))
  assert.equal(first?.status, 'fulfilled')
  assert.equal(last?.status, 'fulfilled')
  assert.ok(bad?.status === 'rejected' && bad.reason instanceof TransientError)
  assert.match(bad.reason.describe(), /allocate memory.*free memory/)
})

test('a process killed in the middle of a run fails the tracks of that run and is replaced for the others', async (t) => {
  const model = await fixture('endless')
  const { embedder, events } = start(t, { batchWindows: 2 })
  const folder = scratch(t)
  const tracks = [LOUD, wave(1), wave(2)].map((samples) => audioOf(folder, model, samples))
  const settled = Promise.allSettled(tracks.map((audio) => embedder.embed(model, audio, 1)))
  await events.reach('batch-started')
  const pid = events.pid()
  await deepInRun(pid)
  process.kill(pid, 'SIGKILL')
  const [loud, mate, waiting] = await settled
  for (const lost of [loud, mate]) {
    assert.ok(lost?.status === 'rejected' && lost.reason instanceof TransientError)
    assert.match(lost.reason.message, /the process was ended by SIGKILL/)
  }
  assert.equal(waiting?.status, 'fulfilled')
  assert.equal(events.of('process-started').length, 2)
})

test('a run that does not end is killed after the timeout and the next track goes on', async (t) => {
  const model = await fixture('endless')
  const { embedder, events } = start(t, { batchWindows: 1, timeoutMs: 8000 })
  const folder = scratch(t)
  const loud = embedder.embed(model, audioOf(folder, model, LOUD), 1)
  const next = embedder.embed(model, audioOf(folder, model, wave(1)), 1)
  await assert.rejects(loud, { name: 'TransientError', message: 'it did not answer within 8000 ms' })
  const [first] = events.of('process-started')
  assert.equal(runs(first?.pid ?? 0), false)
  assert.equal((await next).length, 1)
})

test('a process that dies while nothing runs is replaced without any track noticing', async (t) => {
  const model = await fixture('features')
  const { embedder, events } = start(t)
  const folder = scratch(t)
  await embedder.embed(model, audioOf(folder, model, wave(1)), 1)
  process.kill(events.pid(), 'SIGKILL')
  await events.reach('process-ended')
  assert.equal(events.of('process-ended')[0]?.expected, false)
  assert.equal(embedder.info()[0]?.loaded, false)
  await embedder.embed(model, audioOf(folder, model, wave(1)), 1)
  assert.equal(events.of('process-started').length, 2)
})

test('a missing or short PCM file fails its own track transiently', async (t) => {
  const model = await fixture('features')
  const { embedder } = start(t, { batchWindows: 8 })
  const folder = scratch(t)
  const tracks = [wave(2), wave(2), wave(2)].map((samples) => audioOf(folder, model, samples))
  unlinkSync(tracks[0]?.file ?? '')
  truncateSync(tracks[1]?.file ?? '', 4000)
  const [missing, short, whole] = await Promise.allSettled(
    tracks.map((audio) => embedder.embed(model, audio, 1)),
  )
  assert.ok(missing?.status === 'rejected' && missing.reason instanceof TransientError)
  assert.match(missing.reason.message, /cannot be read: ENOENT/)
  assert.ok(short?.status === 'rejected' && short.reason instanceof TransientError)
  assert.match(short.reason.message, /ends early: 12000 bytes are missing before sample 4000/)
  assert.equal(whole?.status, 'fulfilled')
})

test('an output of another shape than the manifest promises fails permanently and says both shapes', async (t) => {
  const model = await fixture('squashed')
  const { embedder } = start(t)
  const audio = audioOf(scratch(t), model, wave(2))
  await assert.rejects(embedder.embed(model, audio, 1), {
    name: 'PermanentError',
    message: 'output "embedding": found float32 [1, 8], expected float32 [2, 8]',
  })
})

test('a model whose vectors are of another length than promised fails when it is loaded, with all its tracks', async (t) => {
  const folder = scratch(t)
  cpSync(join(FIXTURES, 'features'), join(folder, 'features'), { recursive: true })
  const file = join(folder, 'features', 'manifest.json')
  writeFileSync(file, readFileSync(file, 'utf8').replace('"dim": 8', '"dim": 9'))
  const model = await fixture('features', folder)
  const healthy = await fixture('negative')
  const { embedder, events } = start(t, { batchWindows: 1 })
  const embed = (one: typeof model) => embedder.embed(one, audioOf(folder, one, wave(1)), 1)
  const [first, second, other] = await Promise.allSettled([embed(model), embed(model), embed(healthy)])
  for (const failed of [first, second]) {
    assert.ok(failed?.status === 'rejected' && failed.reason instanceof PermanentError)
    assert.match(failed.reason.message, /found float32 \[1, 8\], expected float32 \[1, 9\]/)
  }
  assert.equal(other?.status, 'fulfilled')
  assert.equal(events.of('model-failed').length, 1)
})

test('weights or a manifest that change after the start are not used', async (t) => {
  const folder = scratch(t)
  cpSync(FIXTURES, folder, { recursive: true })
  const [weights, manifest] = [await fixture('features', folder), await fixture('stereo', folder)]
  const version = await fixture('negative', folder)
  const graph = join(folder, 'features', 'model.onnx')
  writeFileSync(graph, readFileSync(graph).fill(0, 100, 104))
  const file = join(folder, 'stereo', 'manifest.json')
  writeFileSync(file, readFileSync(file, 'utf8').replace('fixture-stereo', 'fixture-other'))
  const { embedder } = start(t, { decoderVersion: 'test' })
  const changed = embedder.embed(weights, audioOf(folder, weights, wave(1)), 1)
  await assert.rejects(changed, { name: 'PermanentError', message: /model.onnx: found SHA-256 .*, expected/ })
  const replaced = embedder.embed(manifest, audioOf(folder, manifest, wave(1), wave(1)), 1)
  await assert.rejects(replaced, { name: 'PermanentError', hint: 'restart after replacing a model' })
  const other = join(folder, 'negative', 'manifest.json')
  writeFileSync(other, readFileSync(other, 'utf8').replace('"version": "1"', '"version": "2"'))
  const newer = embedder.embed(version, audioOf(folder, version, wave(1)), 1)
  await assert.rejects(newer, { operation: 'load model negative', hint: 'restart after replacing a model' })
})

test('closing in the middle of a run fails what runs and waits, and no process is left', async (t) => {
  const model = await fixture('endless')
  const { embedder, events } = start(t, { batchWindows: 1 })
  const folder = scratch(t)
  const tracks = [LOUD, wave(1)].map((samples) => audioOf(folder, model, samples))
  const settled = Promise.allSettled(tracks.map((audio) => embedder.embed(model, audio, 1)))
  await events.reach('batch-started')
  await deepInRun(events.pid())
  await Promise.all([embedder.close(), embedder.close()])
  assert.equal(runs(events.pid()), false)
  for (const failed of await settled) {
    assert.ok(failed.status === 'rejected' && failed.reason instanceof TransientError)
    assert.equal(failed.reason.message, 'the embedder was closed')
  }
  const late = embedder.embed(model, audioOf(folder, model, wave(1)), 1)
  await assert.rejects(late, { name: 'TransientError', message: 'the embedder was closed' })
})

test('an embedder that was never used closes without having started a process', async (t) => {
  const { embedder, events } = start(t)
  await embedder.close()
  assert.deepEqual(events.all, [])
})

test('when the daemon is killed in the middle of a run, the inference process ends too', async (t) => {
  const parent = fork(new URL('./embedder-orphan.ts', import.meta.url), [scratch(t)], { execArgv: [] })
  t.after(() => parent.kill('SIGKILL'))
  const [pid] = await once(parent, 'message')
  await deepInRun(pid)
  parent.kill('SIGKILL')
  await once(parent, 'exit')
  await until(() => !runs(pid))
})
