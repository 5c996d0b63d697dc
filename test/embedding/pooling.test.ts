import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { poolMean } from '../../src/embedding/pooling.ts'
import { distance, unit } from './embedder-harness.ts'

const number = fc.float({ noNaN: true, noDefaultInfinity: true })
const anyRows = fc
  .integer({ min: 1, max: 12 })
  .chain((dim) =>
    fc.tuple(
      fc.constant(dim),
      fc.array(fc.array(number, { minLength: dim, maxLength: dim }), { minLength: 1, maxLength: 9 }),
    ),
  )

function pool(rows: readonly number[][], dim: number): Float32Array {
  return poolMean(Float32Array.from(rows.flat()), dim, 1).embedding
}

test('whatever finite numbers come in, one finite vector of length 1 comes out, the same every time', () => {
  fc.assert(
    fc.property(anyRows, ([dim, rows]) => {
      const pooled = pool(rows, dim)
      assert.equal(pooled.length, dim)
      assert.ok(Math.abs(Math.hypot(...pooled) - 1) < 1e-5)
      assert.deepEqual(pool(rows, dim), pooled)
    }),
  )
})

test('the mean of one vector is its direction', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 1, maxLength: 9 }), (row) => {
      fc.pre(row.some((value) => value !== 0))
      assert.ok(distance(pool([row], row.length), unit(row)) < 1e-6)
    }),
  )
})

test('neither the order of windows nor a common positive factor changes the result', () => {
  const small = fc.integer({ min: 1, max: 50 })
  const rows = fc.array(fc.tuple(small, small, small), { minLength: 1, maxLength: 9 })
  fc.assert(
    fc.property(rows, fc.constantFrom(1e-30, 0.5, 3, 1e30), (list, factor) => {
      const pooled = pool(list, 3)
      assert.ok(distance(pool(list.toReversed(), 3), pooled) < 1e-6)
      assert.ok(
        distance(
          pool(
            list.map((row) => row.map((value) => value * factor)),
            3,
          ),
          pooled,
        ) < 1e-6,
      )
    }),
  )
})

test('the segment covers the whole track', () => {
  const segment = poolMean(Float32Array.of(3, 4), 2, 12.5)
  assert.equal(segment.offsetSeconds, 0)
  assert.equal(segment.durationSeconds, 12.5)
  assert.ok(distance(segment.embedding, [0.6, 0.8]) < 1e-7)
})

test('opposite windows fall back to the first with a direction, and nothing but zeros to the first axis', () => {
  assert.deepEqual(
    [
      ...pool(
        [
          [0, 0],
          [0, 2],
          [0, -2],
        ],
        2,
      ),
    ],
    [0, 1],
  )
  assert.deepEqual(
    [
      ...pool(
        [
          [0, 0, 0],
          [0, 0, 0],
        ],
        3,
      ),
    ],
    [1, 0, 0],
  )
})

test('numbers whose sum or square overflows single precision are pooled correctly', () => {
  assert.ok(
    distance(
      pool(
        [
          [3e38, 0],
          [3e38, 3e38],
        ],
        2,
      ),
      unit([2, 1]),
    ) < 1e-6,
  )
  assert.ok(distance(pool([[1e-40, 1e-40]], 2), unit([1, 1])) < 1e-6)
})

test('no rows, half a row, and numbers that are not finite are refused', () => {
  assert.throws(() => pool([], 2), RangeError)
  assert.throws(() => pool([[1, 2, 3]], 2), RangeError)
  assert.throws(() => pool([[1, Number.NaN]], 2), RangeError)
  assert.throws(() => pool([[1, Number.NEGATIVE_INFINITY]], 2), RangeError)
})
