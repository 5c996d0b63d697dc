import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PIECES, type Piece } from '../../tools/demo/pieces.ts'
import { renderPiece, SAMPLE_RATE, xorshift } from '../../tools/demo/synth.ts'
import { distance, soundStatistics } from './spectrum.ts'

const AUDIBLE = PIECES.filter((piece) => piece.layers.length > 0)

function pieceCalled(title: string): Piece {
  const piece = PIECES.find((each) => each.title === title)
  assert.ok(piece !== undefined, title)
  return piece
}

test('a score rendered twice gives the same samples', () => {
  for (const piece of AUDIBLE) {
    const score = { ...piece, seconds: 3 }
    assert.deepEqual(renderPiece(score), renderPiece(score), piece.title)
  }
})

test('another seed plays other notes', () => {
  const score = { ...pieceCalled('Waltz for a Closed Shop'), seconds: 4 }
  assert.notDeepEqual(renderPiece(score).samples, renderPiece({ ...score, seed: score.seed + 1 }).samples)
})

test('every score of any length is finite, stereo, as long as asked and peaks at 0.85', () => {
  fc.assert(
    fc.property(fc.constantFrom(...AUDIBLE), fc.double({ min: 1, max: 5, noNaN: true }), (piece, seconds) => {
      const { samples, sampleRate } = renderPiece({ ...piece, seconds })
      let peak = 0
      for (const side of samples) {
        assert.equal(side.length, Math.round(seconds * SAMPLE_RATE))
        assert.ok(side.every(Number.isFinite))
        peak = side.reduce((highest, value) => Math.max(highest, Math.abs(value)), peak)
      }
      assert.equal(sampleRate, SAMPLE_RATE)
      assert.ok(Math.abs(peak - 0.85) < 1e-3, `peak ${peak}`)
    }),
    { numRuns: 30 },
  )
})

test('a score without layers is digital silence', () => {
  for (const side of renderPiece(pieceCalled('Fog, No Wind')).samples) {
    assert.ok(side.every((value) => value === 0))
  }
})

test('no two pieces sound alike, and no piece changes as much within itself as pieces differ', () => {
  const sounds = AUDIBLE.map((piece) => {
    const side = renderPiece({ ...piece, seconds: 16 }).samples[0]
    const half = side.length / 2
    return {
      title: piece.title,
      whole: soundStatistics(side),
      change: distance(soundStatistics(side.subarray(0, half)), soundStatistics(side.subarray(half))),
    }
  })
  for (const [index, a] of sounds.entries()) {
    const nearest = Math.min(...sounds.filter((b) => b !== a).map((b) => distance(a.whole, b.whole)))
    assert.ok(nearest > 2.5, `${a.title} is ${nearest.toFixed(2)} dB from another piece (${index})`)
    assert.ok(
      a.change < nearest,
      `${a.title} changes by ${a.change.toFixed(2)}, others are at ${nearest.toFixed(2)}`,
    )
  }
})

test('the random numbers of different seeds stay in 0..1 and differ', () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(), (one, other) => {
      const draw = (seed: number) => Array.from({ length: 20 }, xorshift(seed))
      assert.ok(draw(one).every((value) => value >= 0 && value < 1))
      if (one !== other) assert.notDeepEqual(draw(one), draw(other))
    }),
  )
})
