import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { PermanentError, TransientError } from '../../src/core/errors.ts'
import { InferenceFailure, type ProbeReport } from '../../src/embedding/messages.ts'
import { probeWindow } from '../../src/embedding/probe.ts'
import {
  AUTO_ORDER,
  chooseProvider,
  judge,
  type ProviderSearch,
  unitDifference,
} from '../../src/embedding/providers.ts'
import { audioOf, fixture, scratch, start, wave } from './embedder-harness.ts'

const good: ProbeReport = { difference: 1e-6, milliseconds: 5, cpuMilliseconds: 50 }

function search(changes: Partial<ProviderSearch>): ProviderSearch {
  return {
    model: 'example',
    wanted: 'auto',
    order: AUTO_ORDER,
    backends: AUTO_ORDER,
    bad: new Map(),
    probe: async () => good,
    ...changes,
  }
}

/** A probe that knows some providers and fails on all others. */
function knows(reports: Record<string, ProbeReport>): ProviderSearch['probe'] {
  return async (provider) => {
    const report = reports[provider]
    if (report) return report
    throw new InferenceFailure('permanent', `no ${provider} here`)
  }
}

/** Options for an embedder whose "webgpu" is the CPU in disguise and dies in the calls named `fault`. */
function fakeGpu(t: TestContext, fault: 'probe' | 'run' | 'nothing') {
  process.env.SOUNDLEDGER_TEST_FAULT = fault
  t.after(() => {
    delete process.env.SOUNDLEDGER_TEST_FAULT
  })
  const childEntry = new URL('./embedder-child-fake-gpu.ts', import.meta.url)
  return { childEntry, provider: 'auto', providerOrder: ['webgpu', 'cpu'] }
}

test('auto takes the first provider that works and says why not the ones before it', async () => {
  const choice = await chooseProvider(search({ probe: knows({ coreml: good, dml: good }) }))
  assert.equal(choice.provider, 'coreml')
  assert.match(choice.reason, /1e-6 from the CPU's numbers, 10 times its speed/)
  assert.deepEqual(choice.tried, [
    { provider: 'cuda', error: 'no cuda here' },
    { provider: 'webgpu', error: 'no webgpu here' },
  ])
})

test('a provider that this system does not have, or that crashed before, is not probed', async () => {
  const probed: string[] = []
  const probe = async (provider: string) => {
    probed.push(provider)
    return good
  }
  const bad = new Map([['webgpu', 'it crashed']])
  const choice = await chooseProvider(search({ backends: ['cpu', 'webgpu'], bad, probe }))
  assert.equal(choice.provider, 'cpu')
  assert.equal(choice.reason, 'cuda, webgpu, coreml, dml cannot be used')
  assert.deepEqual(probed, [])
  assert.equal(choice.tried[1]?.error, 'it crashed')
  assert.match(choice.tried[0]?.error ?? '', /not part of ONNX Runtime on this system, which has cpu, webgpu/)
})

test('a provider with other numbers than the CPU, with none or slower than the CPU is passed over', async () => {
  const probe = knows({
    cuda: { ...good, difference: 0.0011 },
    webgpu: { ...good, difference: Number.NaN },
    coreml: { ...good, milliseconds: 500 },
    dml: { ...good, difference: 0.0009 },
  })
  const choice = await chooseProvider(search({ probe }))
  assert.equal(choice.provider, 'dml')
  assert.deepEqual(
    choice.tried.map(({ error }) => error),
    [
      "its numbers differ from the CPU's by 0.0011, more than 0.001",
      "its numbers differ from the CPU's by NaN, more than 0.001",
      'it takes 10 times as long as the CPU',
    ],
  )
})

test('a provider that was asked for by name may be slow, but not wrong', async () => {
  assert.equal(judge({ ...good, milliseconds: 500 }, false), null)
  assert.notEqual(judge({ ...good, difference: 1 }, false), null)
  const choice = await chooseProvider(search({ wanted: 'webgpu', probe: knows({ webgpu: good }) }))
  assert.equal(choice.provider, 'webgpu')
  await assert.rejects(chooseProvider(search({ wanted: 'cuda', probe: knows({ webgpu: good }) })), {
    name: 'PermanentError',
    subject: 'example',
    message: 'cuda: no cuda here',
    hint: 'set the provider to auto or cpu',
  })
})

test('a choice that was forced by lack of memory is not for ever', async () => {
  const probe = async () => {
    throw new InferenceFailure('memory', 'the card is full')
  }
  assert.equal((await chooseProvider(search({ probe }))).lasting, false)
  assert.equal((await chooseProvider(search({ probe: knows({}) }))).lasting, true)
  await assert.rejects(chooseProvider(search({ wanted: 'cuda', probe })), { name: 'TransientError' })
})

test('vectors are compared as unit vectors', () => {
  assert.ok(unitDifference(Float32Array.of(3, 4), Float32Array.of(30, 40)) < 1e-7)
  assert.ok(unitDifference(Float32Array.of(1, 0), Float32Array.of(0, 1)) >= 1)
  assert.equal(unitDifference(Float32Array.of(1), Float32Array.of(1, 0)), Number.POSITIVE_INFINITY)
  assert.ok(Number.isNaN(unitDifference(Float32Array.of(Number.NaN), Float32Array.of(1))))
})

test('the probe window is finite, within full scale, the same every time and different in both channels', () => {
  const spec = { channels: 2, windowSamples: 8000, sampleRate: 8000 } as const
  const window = probeWindow(spec)
  assert.deepEqual(probeWindow(spec), window)
  assert.ok(window.every((value) => Math.abs(value) < 1))
  assert.notDeepEqual(window.slice(0, 8000), window.slice(8000))
})

test('on this system auto ends with a provider that works, and every one before it has its reason', async (t) => {
  const model = await fixture('features')
  const { embedder, events } = start(t, { provider: 'auto' })
  await embedder.embed(model, audioOf(scratch(t), model, wave(1)), 1)
  const [chosen] = events.of('provider-chosen')
  const order = AUTO_ORDER.slice(0, AUTO_ORDER.indexOf(chosen?.choice.provider ?? '') + 1)
  assert.deepEqual(
    [...(chosen?.choice.tried.map((one) => one.provider) ?? []), chosen?.choice.provider],
    order,
  )
  assert.ok(chosen?.choice.tried.every((one) => one.error !== ''))
  const [info] = embedder.info()
  assert.equal(info?.provider, chosen?.choice.provider)
  assert.equal(info?.loaded, true)
})

test('a provider that is asked for by name and absent fails every track permanently with the remedy', async (t) => {
  const model = await fixture('features')
  const { embedder } = start(t, { provider: 'nonsense' })
  await assert.rejects(embedder.embed(model, audioOf(scratch(t), model, wave(1)), 1), (error: unknown) => {
    assert.ok(error instanceof PermanentError)
    assert.match(error.describe(), /nonsense: not part of ONNX Runtime.*set the provider to auto or cpu/)
    return true
  })
})

test('a provider that passes the probe is used, whether by name or by auto', async (t) => {
  const model = await fixture('features')
  const audio = audioOf(scratch(t), model, wave(1))
  for (const provider of ['webgpu', 'auto']) {
    const { embedder } = start(t, { ...fakeGpu(t, 'nothing'), provider })
    await embedder.embed(model, audio, 1)
    assert.equal(embedder.info()[0]?.provider, 'webgpu')
  }
})

test('a provider that crashes the probe costs a probe process only, once, and no other model tries it', async (t) => {
  const models = [await fixture('features'), await fixture('negative')]
  const { embedder, events } = start(t, fakeGpu(t, 'probe'))
  const folder = scratch(t)
  for (const model of models) await embedder.embed(model, audioOf(folder, model, wave(1)), 1)
  const told = events.of('provider-chosen').map(({ choice }) => [choice.provider, choice.tried[0]?.error])
  assert.equal(events.of('process-started').length, 1)
  assert.equal(told[0]?.[1], 'the process was ended by SIGKILL')
  assert.equal(
    told[1]?.[1],
    'it lost the process that probed it with features: the process was ended by SIGKILL',
  )
  assert.deepEqual([told[0]?.[0], told[1]?.[0]], ['cpu', 'cpu'])
})

test('a provider that passes the probe but loses the process twice in a row is given up', async (t) => {
  const model = await fixture('features')
  const { embedder, events } = start(t, fakeGpu(t, 'run'))
  const audio = audioOf(scratch(t), model, wave(1))
  await assert.rejects(embedder.embed(model, audio, 1), TransientError)
  await assert.rejects(embedder.embed(model, audio, 1), TransientError)
  assert.equal((await embedder.embed(model, audio, 1)).length, 1)
  const providers = events.of('provider-chosen').map(({ choice }) => choice.provider)
  assert.deepEqual(providers, ['webgpu', 'cpu'])
  assert.match(embedder.info()[0]?.reason ?? '', /webgpu: it lost the process 2 times in a row/)
})
