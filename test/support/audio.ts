import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type AudioFormat, type EncodeTags, encodeAudio } from '../../tools/demo/encode.ts'

export type { AudioFormat, EncodeTags } from '../../tools/demo/encode.ts'

/** Hz of every signal made here unless said otherwise. */
export const SAMPLE_RATE = 44_100

/** A new empty folder, deleted with all its content after the test. */
export function temporaryFolder(t: Pick<TestContext, 'after'>): string {
  const folder = mkdtempSync(join(tmpdir(), 'soundledger-test-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Repeatable random numbers in 0..1: the same sequence for the same seed, on every machine. */
export function seededRandom(seed: number): () => number {
  let state = (seed * 2_654_435_761 + 1) >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A stereo signal that sounds different for every seed: three sliding tones and some noise, peak below 0.8. */
export function synthesize(seed: number, seconds: number, sampleRate = SAMPLE_RATE): Float32Array[] {
  const random = seededRandom(seed)
  const length = Math.round(seconds * sampleRate)
  const left = new Float32Array(length)
  const right = new Float32Array(length)
  for (let tone = 0; tone < 3; tone += 1) {
    const hertz = 110 * 2 ** (random() * 4)
    const wobble = 0.2 + random() * 3
    const pan = random()
    for (let i = 0; i < length; i += 1) {
      const at = i / sampleRate
      const value = 0.22 * Math.sin(2 * Math.PI * hertz * at + 2 * Math.sin(wobble * at))
      left[i] = (left[i] ?? 0) + value * pan
      right[i] = (right[i] ?? 0) + value * (1 - pan)
    }
  }
  for (let i = 0; i < length; i += 1) {
    const noise = (random() - 0.5) * 0.1
    left[i] = (left[i] ?? 0) + noise
    right[i] = (right[i] ?? 0) + noise
  }
  return [left, right]
}

/** A pure tone on `channels` equal channels, for measuring. */
export function tone(hertz: number, seconds: number, channels = 1, sampleRate = SAMPLE_RATE): Float32Array[] {
  const plane = Float32Array.from(
    { length: Math.round(seconds * sampleRate) },
    (_, i) => 0.5 * Math.sin((2 * Math.PI * hertz * i) / sampleRate),
  )
  return Array.from({ length: channels }, () => plane)
}

/**
 * Writes `folder/name` as a real audio file and returns its path; the same arguments give the same sound. The
 * container follows from `format`, not from the name.
 */
export function writeAudio(
  folder: string,
  name: string,
  format: AudioFormat,
  seed: number,
  seconds: number,
  tags: EncodeTags = {},
): string {
  const path = join(folder, name)
  encodeAudio(path, { samples: synthesize(seed, seconds), sampleRate: SAMPLE_RATE, format, tags })
  return path
}
