import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { Model } from '../../src/core/model.ts'
import { ModelHost } from '../../src/embedding/model-host.ts'
import { audioOf, Events, fixture, scratch, start, wave } from './embedder-harness.ts'

function residentMegabytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
}

function host(events: Events): ModelHost {
  return new ModelHost({ threads: 1, provider: 'cpu', timeoutMs: 120_000 }, (event) => events.push(event))
}

test('a model that is not used gives its process back and works again when it is needed', async (t) => {
  const model = await fixture('features')
  const { embedder, events } = start(t, { idleUnloadMs: 1 })
  const folder = scratch(t)
  for (const round of [1, 2, 3]) {
    await embedder.embed(model, audioOf(folder, model, wave(2)), 1)
    await events.reach('process-ended', round)
    assert.equal(embedder.info()[0]?.loaded, false)
  }
  assert.equal(events.of('model-unloaded').length, 3)
  assert.ok(events.of('process-ended').every(({ expected }) => expected))
})

test('releasing one of two models leaves the other loaded; the process ends with the last one', async (t) => {
  const [first, second] = [await fixture('features'), await fixture('negative')]
  const events = new Events()
  const models = host(events)
  t.after(() => models.close())
  const loaded = () => models.info().map((one) => one.loaded)
  await models.ready(first)
  await models.ready(second)
  assert.deepEqual(loaded(), [true, true])
  await models.release(first, 'test')
  assert.deepEqual(loaded(), [false, true])
  assert.equal(events.of('process-ended').length, 0)
  await models.release(second, 'test')
  assert.deepEqual(loaded(), [false, false])
  assert.equal(events.of('process-ended').length, 1)
})

test('the memory of a released model comes back, cycle after cycle', async (t) => {
  const [keeper, model] = [await fixture('features'), await fixture('negative')]
  const events = new Events()
  const models = host(events)
  t.after(() => models.close())
  const audio = audioOf(scratch(t), model, wave(400))
  const windows = audio.windows.map(({ start, samples }) => ({
    file: audio.file,
    start,
    samples,
    stride: audio.samples,
  }))
  const cycle = async (one: Model) => {
    await models.ready(one)
    const many = Array.from({ length: 4000 }, (_, index) => windows[index % windows.length] ?? windows[0])
    await models.run(
      one,
      many.filter((window) => window !== undefined),
    ) // 64 MB of audio
    await models.release(one, 'test')
    return residentMegabytes(events.pid())
  }
  await models.ready(keeper)
  const after: number[] = []
  for (let round = 0; round < 8; round++) after.push(await cycle(model))
  const [, early = 0] = after
  const latest = after.at(-1) ?? Number.POSITIVE_INFINITY
  assert.ok(
    latest < early * 1.3,
    `resident megabytes after each release: ${after.map(Math.round).join(', ')}`,
  )
  assert.equal(events.of('process-started').length, 1)
})
