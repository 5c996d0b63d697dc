import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { WakeUps } from '../../src/capture/wake-ups.ts'

describe('wake-ups', () => {
  it('are passed on once it has been quiet for the debounce time, not earlier', (t) => {
    const { wakeUps, tick, calls } = given(t)
    wakeUps.wake('folder')
    tick(400)
    wakeUps.wake('folder')
    tick(499)
    assert.deepEqual(calls, [])
    tick(1)
    assert.deepEqual(calls, [{ at: 900, causes: ['folder'] }])
  })

  it('that never stop are passed on after the longest wait, again and again', (t) => {
    const { wakeUps, tick, calls } = given(t)
    for (let ms = 0; ms < 12_000; ms += 100) {
      wakeUps.wake('database')
      tick(100)
    }
    tick(1000)
    assert.deepEqual(
      calls.map(({ at }) => at),
      [5000, 10_000, 12_400],
    )
  })

  it('of one cause are one, and causes keep their order', (t) => {
    const { wakeUps, tick, calls } = given(t)
    for (const cause of ['folder', 'database', 'folder', 'timer', 'database']) wakeUps.wake(cause)
    tick(500)
    assert.deepEqual(calls, [{ at: 500, causes: ['folder', 'database', 'timer'] }])
  })

  it('are each passed on exactly once', (t) => {
    const { wakeUps, tick, calls } = given(t)
    wakeUps.wake('folder')
    tick(60_000)
    wakeUps.wake('timer')
    tick(60_000)
    assert.deepEqual(calls, [
      { at: 500, causes: ['folder'] },
      { at: 60_500, causes: ['timer'] },
    ])
  })

  it('wait anew after a call: the longest wait counts from the first one that came later', (t) => {
    const { wakeUps, tick, calls } = given(t)
    wakeUps.wake('folder')
    tick(4900)
    for (let ms = 4900; ms < 9900; ms += 100) {
      wakeUps.wake('folder')
      tick(100)
    }
    assert.deepEqual(
      calls.map(({ at }) => at),
      [500, 9900],
    )
  })

  it('that arrive during a call belong to the next one', (t) => {
    const { wakeUps, tick, calls, duringCall } = given(t)
    duringCall.push(() => wakeUps.wake('second'))
    wakeUps.wake('first')
    tick(60_000)
    assert.deepEqual(calls, [
      { at: 500, causes: ['first'] },
      { at: 1000, causes: ['second'] },
    ])
  })

  it('go on after a call that threw', (t) => {
    const { wakeUps, tick, calls, duringCall } = given(t)
    duringCall.push(() => {
      throw new Error('broken')
    })
    wakeUps.wake('first')
    assert.throws(() => tick(500), /broken/)
    wakeUps.wake('second')
    tick(60_000)
    assert.deepEqual(calls.slice(1), [{ at: 1000, causes: ['second'] }])
  })

  it('are passed on at once, in the next turn, without a debounce time', (t) => {
    const { wakeUps, tick, calls } = given(t, { debounceMs: 0 })
    wakeUps.wake('a')
    wakeUps.wake('b')
    assert.deepEqual(calls, [])
    tick(1)
    assert.deepEqual(
      calls.map(({ causes }) => causes),
      [['a', 'b']],
    )
  })

  it('do not wait longer than the longest wait when the debounce time is longer', (t) => {
    const { wakeUps, tick, calls } = given(t, { debounceMs: 9000 })
    wakeUps.wake('folder')
    tick(60_000)
    assert.deepEqual(
      calls.map(({ at }) => at),
      [5000],
    )
  })

  it('are dropped by closing, those that wait and those that come', (t) => {
    const { wakeUps, tick, calls } = given(t)
    wakeUps.wake('folder')
    wakeUps.close()
    wakeUps.wake('timer')
    wakeUps.close()
    tick(60_000)
    assert.deepEqual(calls, [])
  })

  it('stop when closed from within a call', (t) => {
    const { wakeUps, tick, calls, duringCall } = given(t)
    duringCall.push(() => {
      wakeUps.wake('second')
      wakeUps.close()
    })
    wakeUps.wake('first')
    tick(60_000)
    assert.equal(calls.length, 1)
  })
})

/** Wake-ups under a clock of the test's; `duringCall` holds what is done within the first calls. */
function given(t: TestContext, options: { debounceMs?: number } = {}) {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 0 })
  const calls: Array<{ at: number; causes: readonly string[] }> = []
  const duringCall: Array<() => void> = []
  const wakeUps = new WakeUps({
    debounceMs: 500,
    maxWaitMs: 5000,
    ...options,
    onWake: (causes) => {
      calls.push({ at: Date.now(), causes })
      duringCall.shift()?.()
    },
  })
  const tick = (ms: number): void => {
    for (let n = 0; n < ms; n += 1) t.mock.timers.tick(1)
  }
  return { wakeUps, calls, duringCall, tick }
}
