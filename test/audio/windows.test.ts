import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { isSampled, mergeWindows, planWindows, type WindowPlan } from '../../src/audio/windows.ts'

const plans = fc.record<WindowPlan>({
  totalSamples: fc.oneof(fc.integer({ min: 0, max: 200_000 }), fc.integer({ min: 0, max: 200 })),
  sampleRate: fc.constantFrom(10, 100),
  windowSeconds: fc.double({ min: 0.2, max: 60, noNaN: true }),
  hopSeconds: fc.double({ min: 2, max: 90, noNaN: true }),
  analysedSecondsMax: fc.integer({ min: 1, max: 3000 }),
})

const windowOf = (plan: WindowPlan): number => Math.max(1, Math.round(plan.windowSeconds * plan.sampleRate))

describe('planWindows', () => {
  test('windows lie inside the track, ascend, never repeat, and are whole unless the track is shorter', () => {
    fc.assert(
      fc.property(plans, (plan) => {
        const windows = planWindows(plan)
        for (const [i, window] of windows.entries()) {
          assert.ok(window.start >= 0 && window.start + window.samples <= plan.totalSamples)
          assert.equal(window.samples, Math.min(windowOf(plan), plan.totalSamples))
          assert.ok(i === 0 || window.start > (windows[i - 1]?.start ?? 0))
        }
      }),
    )
  })

  test('the first window begins and the last one ends with the track', () => {
    fc.assert(
      fc.property(plans, (plan) => {
        const windows = planWindows(plan)
        if (plan.totalSamples === 0) return assert.deepEqual(windows, [])
        assert.equal(windows[0]?.start, 0)
        const last = windows.at(-1)
        if (windows.length > 1) assert.equal((last?.start ?? 0) + (last?.samples ?? 0), plan.totalSamples)
      }),
    )
  })

  test('a track that is not sampled has every hop, and leaves no gap while hop does not exceed window', () => {
    fc.assert(
      fc.property(plans, (plan) => {
        fc.pre(!isSampled(plan) && plan.totalSamples > windowOf(plan))
        const hop = Math.max(1, Math.round(plan.hopSeconds * plan.sampleRate))
        const windows = planWindows(plan)
        assert.ok(windows.slice(0, -1).every((window, i) => window.start === i * hop))
        if (hop <= windowOf(plan)) {
          assert.deepEqual(mergeWindows(windows), [{ start: 0, end: plan.totalSamples }])
        }
      }),
    )
  })

  test('a sampled track has at most the windows that fit the limit, evenly spread', () => {
    fc.assert(
      fc.property(plans, (plan) => {
        fc.pre(isSampled(plan))
        const windows = planWindows(plan)
        const allowed = Math.max(1, Math.floor(plan.analysedSecondsMax / plan.windowSeconds))
        assert.ok(windows.length <= allowed, `${windows.length} of ${allowed}`)
        const all = planWindows({ ...plan, analysedSecondsMax: Number.MAX_SAFE_INTEGER })
        assert.equal(windows.length, Math.min(allowed, all.length))
        const indexes = new Map(all.map((window, i) => [window.start, i]))
        const places = windows.map((window) => indexes.get(window.start) ?? Number.NaN)
        const steps = places.slice(1).map((place, i) => place - (places[i] ?? 0))
        assert.ok(Math.max(...steps) - Math.min(...steps) <= 1 || steps.length < 2, `steps ${steps}`)
      }),
    )
  })

  test('30 s windows every 20 s over 75 s start at 0, 20, 40 and 45 s', () => {
    const plan = {
      totalSamples: 7500,
      sampleRate: 100,
      windowSeconds: 30,
      hopSeconds: 20,
      analysedSecondsMax: 1800,
    }
    assert.deepEqual(
      planWindows(plan).map((window) => window.start / 100),
      [0, 20, 40, 45],
    )
  })

  test('the anchored window is not added where a regular one ends with the track', () => {
    const plan = {
      totalSamples: 7000,
      sampleRate: 100,
      windowSeconds: 30,
      hopSeconds: 20,
      analysedSecondsMax: 1800,
    }
    assert.deepEqual(
      planWindows(plan).map((window) => window.start / 100),
      [0, 20, 40],
    )
  })
})

describe('mergeWindows', () => {
  test('segments hold every window, do not touch, and hold nothing else', () => {
    fc.assert(
      fc.property(plans, (plan) => {
        const windows = planWindows(plan)
        const segments = mergeWindows(windows)
        const starts = new Set(windows.map((window) => window.start))
        const ends = new Set(windows.map((window) => window.start + window.samples))
        let at = 0
        for (const [i, segment] of segments.entries()) {
          assert.ok(i === 0 || segment.start > (segments[i - 1]?.end ?? 0))
          assert.ok(starts.has(segment.start) && ends.has(segment.end))
          for (; (windows[at]?.start ?? Number.POSITIVE_INFINITY) < segment.end; at += 1) {
            assert.ok((windows[at]?.start ?? 0) >= segment.start)
            assert.ok((windows[at]?.start ?? 0) + (windows[at]?.samples ?? 0) <= segment.end)
          }
        }
        assert.equal(at, windows.length)
      }),
    )
  })
})
