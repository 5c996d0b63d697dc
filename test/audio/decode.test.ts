import assert from 'node:assert/strict'
import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { type DecodeResult, decodeAudio } from '../../src/audio/decode.ts'
import { fingerprintAudio } from '../../src/audio/fingerprint.ts'
import type { AudioSpec, PcmAudio } from '../../src/core/audio.ts'
import { PermanentError } from '../../src/core/errors.ts'
import { type AudioFormat, encodeAudio } from '../../tools/demo/encode.ts'
import { SAMPLE_RATE, synthesize, temporaryFolder, tone, writeAudio } from '../support/audio.ts'

const MONO: AudioSpec = { sampleRate: 22_050, channels: 1, windowSeconds: 2, hopSeconds: 1 }
const STEREO: AudioSpec = { sampleRate: 44_100, channels: 2, windowSeconds: 3, hopSeconds: 3 }
const FORMATS: readonly AudioFormat[] = [
  ...(['flac', 'mp3', 'ogg', 'opus', 'm4a', 'alac', 'wav', 'aiff', 'wv'] as const),
  ...(['tta', 'aac', 'wma', 'mka', 'caf', 'oggflac', 'flac24'] as const),
]
const LOSSLESS: readonly AudioFormat[] = [
  'flac',
  'alac',
  'wav',
  'aiff',
  'wv',
  'tta',
  'caf',
  'oggflac',
  'flac24',
]

function decode(path: string, specs: readonly AudioSpec[], analysedSecondsMax = 1800): DecodeResult {
  const { durationSeconds } = fingerprintAudio(path)
  const scratchBase = `${path}.pcm-${specs.length}-${analysedSecondsMax}`
  return decodeAudio(path, { specs, durationSeconds, analysedSecondsMax, scratchBase })
}

/** The channels of a PCM file. */
function planes({ file, samples, spec }: PcmAudio): Float32Array[] {
  const bytes = readFileSync(file)
  assert.equal(bytes.length, samples * spec.channels * 4)
  return Array.from(
    { length: spec.channels },
    (_, i) => new Float32Array(bytes.buffer, bytes.byteOffset + i * samples * 4, samples),
  )
}

function only<T>(items: readonly T[]): T {
  assert.equal(items.length, 1)
  return items[0] as T
}

const rms = (values: Float32Array): number =>
  Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length)

/** Largest difference between two arrays, over the common length. */
function largestDifference(a: Float32Array, b: Float32Array): number {
  let largest = 0
  for (let i = 0; i < Math.min(a.length, b.length); i += 1) {
    largest = Math.max(largest, Math.abs((a[i] ?? 0) - (b[i] ?? 0)))
  }
  return largest
}

/** A tone that slides from 50 to 250 Hz: a shift by a fraction of a sample is small, any larger shift is not. */
function slide(seconds: number): Float32Array[] {
  const hertz = (at: number): number => 50 + (100 * at) / seconds
  return [
    Float32Array.from({ length: seconds * SAMPLE_RATE }, (_, i) => {
      const at = i / SAMPLE_RATE
      return 0.5 * Math.sin(2 * Math.PI * hertz(at) * at)
    }),
  ]
}

describe('decode', () => {
  for (const format of FORMATS) {
    test(`${format}: one pass gives mono at half the rate and stereo at full rate, both of the right length`, (t) => {
      const path = writeAudio(temporaryFolder(t), `x.${format}`, format, 3, 5)
      const { outputs, durationSeconds, corruptPackets } = decode(path, [MONO, STEREO])
      assert.equal(corruptPackets, 0)
      assert.ok(Math.abs(durationSeconds - 5) < 0.1, `duration ${durationSeconds}`)
      const [mono, stereo] = outputs.map((output) => ({ ...output, planes: planes(output) }))
      assert.ok(mono !== undefined && stereo !== undefined)
      assert.ok(Math.abs(stereo.samples - 2 * mono.samples) <= 2)
      assert.deepEqual(mono.windows.at(-1), {
        offsetSeconds: (mono.samples - 44_100) / 22_050,
        start: mono.samples - 44_100,
        samples: 44_100,
      })
    })
  }

  for (const format of LOSSLESS) {
    test(`${format}: stereo at the file's own rate is the signal itself`, (t) => {
      const path = writeAudio(temporaryFolder(t), `x.${format}`, format, 4, 2)
      const decoded = planes(only(decode(path, [STEREO]).outputs))
      for (const [i, plane] of synthesize(4, 2).entries()) {
        assert.equal(decoded[i]?.length, plane.length)
        assert.ok(largestDifference(decoded[i] ?? new Float32Array(), plane) < 1 / 16_384)
      }
    })
  }

  test('mono is the plain average of both channels', (t) => {
    const path = writeAudio(temporaryFolder(t), 'x.wav', 'wav', 5, 2)
    const [left, right] = synthesize(5, 2)
    const mono = only(planes(only(decode(path, [{ ...MONO, sampleRate: SAMPLE_RATE }]).outputs)))
    const average = Float32Array.from(left ?? [], (value, i) => (value + (right?.[i] ?? 0)) / 2)
    assert.ok(largestDifference(mono, average) < 1 / 16_384)
  })

  test('six channels average to mono and come down to stereo without clipping', (t) => {
    const path = join(temporaryFolder(t), 'six.flac')
    encodeAudio(path, { samples: tone(440, 2, 6), sampleRate: SAMPLE_RATE, format: 'flac' })
    const [mono, stereo] = decode(path, [{ ...MONO, sampleRate: SAMPLE_RATE }, STEREO]).outputs.map(planes)
    assert.ok(largestDifference(mono?.[0] ?? new Float32Array(), only(tone(440, 2))) < 1e-3)
    assert.equal(stereo?.length, 2)
    for (const plane of stereo ?? []) assert.ok(plane.every((value) => Math.abs(value) <= 1))
  })

  test('a tone above the new Nyquist frequency is gone by 60 dB, one below keeps its level within 1 %', (t) => {
    const folder = temporaryFolder(t)
    const level = (hertz: number): number => {
      const path = join(folder, `${hertz}.wav`)
      encodeAudio(path, { samples: tone(hertz, 2), sampleRate: SAMPLE_RATE, format: 'wav' })
      return rms(only(planes(only(decode(path, [MONO]).outputs))).subarray(4000, 40_000))
    }
    assert.ok(level(13_000) < (0.5 / Math.SQRT2) * 1e-3)
    assert.ok(Math.abs(level(5000) / (0.5 / Math.SQRT2) - 1) < 0.01)
  })

  test('mp3, vorbis, opus and aac start where the original starts', (t) => {
    const folder = temporaryFolder(t)
    const silence = new Float32Array(SAMPLE_RATE)
    const samples = [Float32Array.from([...silence, ...only(tone(1000, 1))])]
    for (const format of ['mp3', 'ogg', 'opus', 'm4a'] as const) {
      const path = join(folder, `x.${format}`)
      encodeAudio(path, { samples, sampleRate: SAMPLE_RATE, format })
      const decoded = only(planes(only(decode(path, [MONO]).outputs)))
      const onset = decoded.findIndex((value) => Math.abs(value) > 0.25) / MONO.sampleRate
      assert.ok(Math.abs(onset - 1) < 0.005, `${format} starts at ${onset} s`)
    }
  })

  for (const format of ['flac', 'mp3', 'ogg', 'opus', 'm4a', 'wav'] as const) {
    test(`${format}: sampled windows of a long track hold what decoding all of it holds there`, (t) => {
      const path = join(temporaryFolder(t), `x.${format}`)
      encodeAudio(path, { samples: slide(40), sampleRate: SAMPLE_RATE, format })
      const whole = only(decode(path, [MONO]).outputs)
      const sampled = decode(path, [MONO, { ...MONO, windowSeconds: 4 }], 12)
      const [first, second] = sampled.outputs
      assert.ok(first !== undefined && second !== undefined)
      assert.equal(first.windows.length, 6)
      assert.equal(second.windows.length, 3)
      const all = only(planes(whole))
      for (const output of [first, second]) {
        assert.ok(output.samples <= 13 * MONO.sampleRate, `${output.samples} samples kept`)
        const kept = only(planes(output))
        for (const window of output.windows) {
          const at = Math.round(window.offsetSeconds * MONO.sampleRate)
          const expected = all.subarray(at, at + window.samples)
          const found = kept.subarray(window.start, window.start + window.samples)
          assert.ok(window.samples > 1.9 * MONO.sampleRate)
          const difference = largestDifference(found, expected)
          assert.ok(difference < 0.03, `off by ${difference} at ${window.offsetSeconds} s`)
        }
      }
    })
  }

  test('a hole of garbage in the middle of an mp3 costs its packets and no more', (t) => {
    const path = writeAudio(temporaryFolder(t), 'x.mp3', 'mp3', 7, 10)
    const bytes = readFileSync(path)
    bytes.fill(0x55, Math.floor(bytes.length * 0.5), Math.floor(bytes.length * 0.6))
    writeFileSync(path, bytes)
    const { outputs } = decode(path, [MONO])
    const seconds = only(outputs).samples / MONO.sampleRate
    assert.ok(seconds > 8 && seconds < 10.1, `${seconds} s`)
  })

  test('corrupt packets are skipped and counted', (t) => {
    const path = writeAudio(temporaryFolder(t), 'x.m4a', 'm4a', 7, 10)
    const bytes = readFileSync(path)
    bytes.fill(0x5a, Math.floor(bytes.length * 0.5), Math.floor(bytes.length * 0.6))
    writeFileSync(path, bytes)
    const { outputs, packets, corruptPackets } = decode(path, [MONO])
    assert.ok(corruptPackets > 10 && corruptPackets < packets * 0.2, `${corruptPackets} of ${packets}`)
    assert.ok(only(outputs).samples > 8 * MONO.sampleRate)
  })

  for (const format of ['flac', 'mp3', 'ogg', 'opus', 'aac', 'wav', 'wv', 'm4a'] as const) {
    test(`${format}: cut short anywhere, it gives what is there or is refused for good, and leaves no file`, (t) => {
      const folder = temporaryFolder(t)
      const whole = readFileSync(writeAudio(folder, `whole.${format}`, format, 8, 4))
      for (const share of [0, 0.0005, 0.01, 0.1, 0.5, 0.95]) {
        const path = join(folder, `cut-${share}.${format}`)
        writeFileSync(path, whole)
        truncateSync(path, Math.floor(whole.length * share))
        try {
          const output = only(decode(path, [MONO]).outputs)
          assert.ok(output.samples > 0 && output.samples <= 4.2 * MONO.sampleRate)
          assert.ok(output.windows.length > 0)
        } catch (error) {
          assert.ok(error instanceof PermanentError, String(error))
          assert.deepEqual(
            readdirSync(folder).filter((name) => name.startsWith(`cut-${share}.`)),
            [`cut-${share}.${format}`],
          )
        }
      }
    })
  }

  test('a file whose audio is all garbage is refused for good and names how much could be decoded', (t) => {
    const path = writeAudio(temporaryFolder(t), 'x.m4a', 'm4a', 9, 5)
    const bytes = readFileSync(path)
    bytes.fill(0x5a, bytes.indexOf('mdat') + 4, bytes.indexOf('moov') - 4)
    writeFileSync(path, bytes)
    assert.throws(
      () => decode(path, [MONO]),
      (error) =>
        error instanceof PermanentError && /^\d+ of \d+ packets could be decoded/.test(error.message),
    )
  })

  for (const format of ['ogg', 'opus', 'oggflac'] as const) {
    test(`${format}: a chained file of two recordings of one kind is decoded whole`, (t) => {
      const folder = temporaryFolder(t)
      const parts = [1, 2].map((seed) => readFileSync(writeAudio(folder, `${seed}.ogg`, format, seed, 2)))
      const chained = join(folder, 'chained.ogg')
      writeFileSync(chained, Buffer.concat(parts))
      const seconds = only(decode(chained, [MONO]).outputs).samples / MONO.sampleRate
      assert.ok(Math.abs(seconds - 4) < 0.1, `${seconds} s`)
    })
  }

  test('an mp3 file that changes rate and channels on the way is decoded whole', (t) => {
    const folder = temporaryFolder(t)
    const parts = [
      { samples: tone(440, 2, 2), sampleRate: 44_100 },
      { samples: tone(440, 3, 1, 32_000), sampleRate: 32_000 },
    ].map((part, i) => {
      const path = join(folder, `${i}.mp3`)
      encodeAudio(path, { ...part, format: 'mp3' })
      return readFileSync(path)
    })
    const joined = join(folder, 'joined.mp3')
    writeFileSync(joined, Buffer.concat(parts))
    const seconds = only(decode(joined, [MONO]).outputs).samples / MONO.sampleRate
    assert.ok(Math.abs(seconds - 5) < 0.15, `${seconds} s`)
  })

  test('a file that holds far more audio than its limit is refused for good', (t) => {
    const path = writeAudio(temporaryFolder(t), 'x.flac', 'flac', 1, 70)
    const options = { specs: [MONO], durationSeconds: 1, analysedSecondsMax: 2, scratchBase: `${path}.pcm` }
    assert.throws(() => decodeAudio(path, options), /holds more than 62 s of audio/)
  })
})
