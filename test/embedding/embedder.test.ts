import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Segment } from '../../src/core/model.ts'
import {
  audioOf,
  distance,
  expectedFeatures,
  fixture,
  scratch,
  start,
  unit,
  wave,
} from './embedder-harness.ts'

function vector(segments: readonly Segment[]): Float32Array {
  assert.equal(segments.length, 1)
  return segments[0]?.embedding ?? new Float32Array(0)
}

function padded(samples: readonly number[]): number[] {
  return [...samples, ...new Array<number>(4000 - samples.length).fill(0)]
}

test('a track gets one segment: the unit mean of its windows, short windows padded with silence', async (t) => {
  const model = await fixture('features')
  const { embedder } = start(t)
  const samples = wave(3)
  const segments = await embedder.embed(model, audioOf(scratch(t), model, samples), 0.75)
  const rows = [0, 2000, 4000].map((from) => expectedFeatures(padded(samples.slice(from, from + 4000))))
  const mean = unit(Array.from({ length: 8 }, (_, i) => rows.reduce((sum, row) => sum + (row[i] ?? 0), 0)))
  assert.ok(distance(vector(segments), mean) < 1e-5)
  assert.deepEqual(
    { ...segments[0], embedding: null },
    { offsetSeconds: 0, durationSeconds: 0.75, embedding: null },
  )
})

test('silence from a longer window before does not hide: a padded window never sees older audio', async (t) => {
  const model = await fixture('features')
  const { embedder } = start(t, { batchWindows: 1 })
  const folder = scratch(t)
  await embedder.embed(model, audioOf(folder, model, wave(2, 0.9)), 1)
  const short = wave(1).slice(0, 100)
  const found = vector(await embedder.embed(model, audioOf(folder, model, short), 1))
  assert.ok(distance(found, expectedFeatures(padded(short))) < 1e-5)
})

test('both channels of a stereo track reach the model, left before right', async (t) => {
  const model = await fixture('stereo')
  const { embedder } = start(t)
  const [left, right] = [wave(1, 0.3), wave(1, -0.1)]
  const found = vector(await embedder.embed(model, audioOf(scratch(t), model, left, right), 1))
  const side = (samples: number[]) => {
    const all = padded(samples)
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
    return [mean(all), mean(all.map(Math.abs)), Math.max(...all), Math.min(...all)]
  }
  assert.ok(distance(found, unit([...side(left), ...side(right)])) < 1e-5)
})

test('windows of several tracks share a batch, up to the limit', async (t) => {
  const model = await fixture('features')
  const { embedder, events } = start(t, { batchWindows: 4 })
  const folder = scratch(t)
  await Promise.all([3, 3, 3].map((size) => embedder.embed(model, audioOf(folder, model, wave(size)), 1)))
  const sizes = events.of('batch-done').map(({ windows, tracks }) => [windows, tracks])
  assert.deepEqual(sizes, [
    [4, 2],
    [4, 2],
    [1, 1],
  ])
  const { windows, batches, busyMs } = embedder.stats()
  assert.deepEqual({ windows, batches }, { windows: 9, batches: 3 })
  assert.ok(busyMs > 0)
})

test('how windows fall into batches does not change a vector', async (t) => {
  const model = await fixture('features')
  const folder = scratch(t)
  const whole = start(t, { batchWindows: 5 }).embedder
  const single = start(t, { batchWindows: 1 }).embedder
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 6 }),
      async (sizes) => {
        const tracks = sizes.map((size, index) => audioOf(folder, model, wave(size, 0.05 * index, size + 3)))
        const together = await Promise.all(tracks.map((track) => whole.embed(model, track, 1)))
        const alone = await Promise.all(tracks.map((track) => single.embed(model, track, 1)))
        together.forEach((segments, index) => {
          assert.ok(distance(vector(segments), vector(alone[index] ?? [])) < 1e-6)
        })
      },
    ),
    { numRuns: 15 },
  )
})

test('a model that comes later is served before the tracks that came after it', async (t) => {
  const [busy, late] = [await fixture('features'), await fixture('negative')]
  const { embedder, events } = start(t, { batchWindows: 2 })
  const folder = scratch(t)
  const embed = (model: typeof busy) => embedder.embed(model, audioOf(folder, model, wave(2)), 1)
  await Promise.all([embed(busy), embed(busy), embed(late), embed(busy), embed(busy)])
  const order = events.of('batch-done').map((event) => event.model)
  assert.deepEqual(order, ['features', 'features', 'negative', 'features', 'features'])
})

test('a track that is aborted while it waits is never computed', async (t) => {
  const model = await fixture('features')
  const { embedder } = start(t)
  const folder = scratch(t)
  const controller = new AbortController()
  const first = embedder.embed(model, audioOf(folder, model, wave(2)), 1)
  const second = embedder.embed(model, audioOf(folder, model, wave(50)), 1, controller.signal)
  const reason = new Error('no longer wanted')
  controller.abort(reason)
  await assert.rejects(second, reason)
  await first
  assert.equal(embedder.stats().windows, 2)
  await assert.rejects(embedder.embed(model, audioOf(folder, model, wave(1)), 1, controller.signal), reason)
})

test('audio that was decoded for another model is refused before a process starts', async (t) => {
  const [model, other] = [await fixture('features'), await fixture('stereo')]
  const { embedder, events } = start(t)
  const audio = audioOf(scratch(t), other, wave(1), wave(1))
  await assert.rejects(embedder.embed(model, audio, 1), /found audio decoded for .*"channels":2.*expected/)
  await assert.rejects(embedder.embed(other, { ...audio, windows: [] }, 1), { name: 'PermanentError' })
  assert.deepEqual(events.all, [])
})

test('a listener that throws does not stop the work', async (t) => {
  const model = await fixture('features')
  const onEvent = () => {
    throw new Error('telemetry is down')
  }
  const { embedder } = start(t, { onEvent })
  assert.equal(vector(await embedder.embed(model, audioOf(scratch(t), model, wave(1)), 1)).length, 8)
})

test('the process that asks never loads ONNX Runtime', async (t) => {
  const model = await fixture('features')
  await start(t).embedder.embed(model, audioOf(scratch(t), model, wave(1)), 1)
  const loaded = Object.keys(createRequire(import.meta.url).cache)
  assert.deepEqual(
    loaded.filter((file) => file.includes('onnxruntime')),
    [],
  )
})
