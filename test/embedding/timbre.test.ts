import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { piece, randomFrom } from './timbre-pieces.ts'
import { referenceEmbedding, windowSamples } from './timbre-reference.ts'
import { throughMp3 } from './timbre-transcode.ts'

const sampleRate = 22_050
const dim = 128
const pieces = 14
const segments = 4

let session: InferenceSession

before(async () => {
  const model = fileURLToPath(new URL('../../models/timbre/model.onnx', import.meta.url))
  session = await InferenceSession.create(model, { executionProviders: ['cpu'], intraOpNumThreads: 1 })
})

after(() => session.release())

async function embed(windows: readonly Float32Array[]): Promise<Float32Array[]> {
  const waveform = new Float32Array(windows.length * windowSamples)
  for (const [i, window] of windows.entries())
    waveform.set(window.subarray(0, windowSamples), i * windowSamples)
  const output = await session.run({
    waveform: new Tensor('float32', waveform, [windows.length, windowSamples]),
  })
  const embedding = output.embedding?.data
  assert.ok(embedding instanceof Float32Array)
  return windows.map((_, i) => embedding.slice(i * dim, (i + 1) * dim))
}

async function embedOne(window: Float32Array): Promise<Float32Array> {
  const [vector] = await embed([window])
  assert.ok(vector)
  return vector
}

const cosine = (a: Float32Array, b: Float32Array): number =>
  a.reduce((total, value, i) => total + value * (b[i] ?? NaN), 0)

const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.max(...Array.from({ length: dim }, (_, i) => Math.abs((a[i] ?? NaN) - (b[i] ?? NaN))))

const sound = (at: (seconds: number, index: number) => number, samples = windowSamples): Float32Array => {
  const window = new Float32Array(windowSamples)
  for (let n = 0; n < samples; n++) window[n] = at(n / sampleRate, n)
  return window
}

function padded(samples: Float32Array): Float32Array {
  const window = new Float32Array(windowSamples)
  window.set(samples)
  return window
}

function probes(): Record<string, Float32Array> {
  const random = randomFrom(7)
  const tone = (hz: number) => (t: number) => 0.3 * Math.sin(2 * Math.PI * hz * t)
  return {
    'white noise': sound(() => random() - 0.5),
    'quiet noise': sound(() => (random() - 0.5) * 1e-3),
    'a low tone': sound(tone(82.4)),
    'a high tone': sound(tone(5000)),
    'a chord with tremolo': sound(
      (t) => (1 + Math.sin(6 * t)) * (tone(220)(t) + tone(277.2)(t) + tone(329.6)(t)) * 0.5,
    ),
    'a chirp': sound((t) => 0.5 * Math.sin(2 * Math.PI * (50 * t + 160 * t * t))),
    clicks: sound((_, n) => (n % 11_025 < 3 ? 0.9 : 0)),
    'noise and then digital silence': sound(() => random() - 0.5, 200_000),
    music: piece(3, 0, windowSamples),
    silence: sound(() => 0),
    'a constant': sound(() => 0.5),
    'an impulse': sound((_, n) => (n === 300_000 ? 1 : 0)),
    'a tenth of a second': sound(tone(440), 2205),
  }
}

describe('timbre', () => {
  for (const [name, window] of Object.entries(probes())) {
    test(`agrees with the reference computation on ${name}`, async () => {
      const vector = await embedOne(window)
      assert.ok(vector.every(Number.isFinite))
      assert.ok(Math.abs(Math.hypot(...vector) - 1) < 1e-5)
      assert.ok(largestDifference(vector, referenceEmbedding(window)) < 1e-4)
    })
  }

  test('gives a window the same vector in a batch as alone', async () => {
    const windows = [piece(1, 0, windowSamples), sound(() => 0), piece(2, 0, windowSamples)]
    const together = await embed(windows)
    for (const [i, window] of windows.entries()) {
      assert.ok(largestDifference(together[i] ?? [], await embedOne(window)) < 1e-6)
    }
  })

  test('does not notice a gain of -12 dB', async () => {
    const loud = piece(5, 0, windowSamples)
    const quiet = loud.map((value) => value * 10 ** (-12 / 20))
    assert.ok(largestDifference(await embedOne(loud), await embedOne(quiet)) < 1e-3)
  })

  test('finds segments of the same piece at least ten times as often as chance', async () => {
    const owners: number[] = []
    const vectors: Float32Array[] = []
    for (let p = 0; p < pieces; p++) {
      const windows = Array.from({ length: segments }, (_, s) => piece(p, s, windowSamples))
      vectors.push(...(await embed(windows)))
      owners.push(...windows.map(() => p))
    }
    const nearest = vectors.map((vector, i) => {
      const similarities = vectors.map((other, j) => (i === j ? -2 : cosine(vector, other)))
      return similarities.indexOf(Math.max(...similarities))
    })
    const recall = nearest.filter((j, i) => owners[j] === owners[i]).length / owners.length
    const chance = (segments - 1) / (owners.length - 1)
    assert.ok(recall >= 10 * chance, `recall@1 ${recall}, chance ${chance}`)
  })

  test('ranks the MP3 copy of a piece above every other piece, at a cosine of .95 or more', async () => {
    const originals: Float32Array[] = []
    const copies: Float32Array[] = []
    for (let p = 0; p < pieces; p++) {
      const original = piece(p, 0, windowSamples)
      originals.push(await embedOne(original))
      copies.push(await embedOne(throughMp3(original)))
    }
    for (const [p, copy] of copies.entries()) {
      const similarities = originals.map((original) => cosine(copy, original))
      assert.ok((similarities[p] ?? 0) >= 0.95, `piece ${p}: ${similarities[p]}`)
      assert.equal(similarities.indexOf(Math.max(...similarities)), p)
    }
  })

  test('puts the first five seconds of a piece nearest to the whole window of that piece', async () => {
    const whole = await embed(Array.from({ length: 6 }, (_, p) => piece(p, 0, windowSamples)))
    const cut = await embed(Array.from({ length: 6 }, (_, p) => padded(piece(p, 0, 5 * sampleRate))))
    for (const [p, vector] of cut.entries()) {
      const similarities = whole.map((other) => cosine(vector, other))
      assert.equal(similarities.indexOf(Math.max(...similarities)), p)
    }
  })

  test('is the file that its manifest describes', async () => {
    const manifest = JSON.parse(
      readFileSync(new URL('../../models/timbre/manifest.json', import.meta.url), 'utf8'),
    )
    const file = readFileSync(new URL('../../models/timbre/model.onnx', import.meta.url))
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', file))
    assert.deepEqual(manifest.files, [
      { path: 'model.onnx', sha256: Buffer.from(digest).toString('hex'), bytes: file.length },
    ])
    assert.equal(manifest.sample_rate * manifest.window_seconds, windowSamples)
    assert.deepEqual(session.inputNames, [manifest.input])
    assert.deepEqual(session.outputNames, [manifest.output])
  })
})
