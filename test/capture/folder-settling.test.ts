import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { Settling } from '../../src/capture/folder-settling.ts'

describe('a file that is being written', () => {
  it('has settled two seconds after the last write, not after the first', (t) => {
    const { settling, tick, settledAt } = given(t)
    settling.touch('a')
    for (let n = 0; n < 5; n += 1) {
      tick(1500)
      settling.touch('a')
    }
    tick(20_000)
    assert.deepEqual(settledAt, [5 * 1500 + 2000])
  })

  it('is reported every thirty seconds while it never comes to rest, and when it does', (t) => {
    const { settling, tick, settledAt } = given(t)
    for (let second = 0; second < 70; second += 1) {
      settling.touch('a')
      tick(1000)
    }
    tick(60_000)
    assert.deepEqual(settledAt, [30_000, 60_000, 71_000])
  })

  it('does not keep others from settling', (t) => {
    const { settling, tick, settledAt } = given(t)
    settling.touch('done')
    for (let second = 0; second < 10; second += 1) {
      settling.touch('growing')
      tick(1000)
    }
    assert.deepEqual(settledAt, [2000])
  })

  it('settles together with the thousands written within the same moments', (t) => {
    const { settling, tick, settledAt } = given(t)
    for (let n = 0; n < 20_000; n += 1) {
      settling.touch(`${n}`)
      if (n % 100 === 0) tick(1)
    }
    tick(60_000)
    assert.equal(settledAt.length, 2, settledAt.join())
    assert.ok((settledAt.at(-1) ?? 0) >= 2000 + 199)
  })

  it('is not forgotten when more are written than are told apart', (t) => {
    const { settling, tick, settledAt } = given(t)
    for (let n = 0; n < 20_000; n += 1) settling.touch(`${n}`)
    tick(1500)
    settling.touch('one too many')
    tick(60_000)
    assert.deepEqual(settledAt, [2000, 3500])
  })

  it('may be written to again in the moment it is reported', (t) => {
    const { settling, tick, settledAt, onSettled } = given(t)
    onSettled.push(() => settling.touch('a'))
    settling.touch('a')
    tick(60_000)
    assert.deepEqual(settledAt, [2000, 4000])
  })

  it('is not reported after the end', (t) => {
    const { settling, tick, settledAt } = given(t)
    settling.touch('a')
    settling.close()
    settling.close()
    settling.touch('b')
    tick(60_000)
    assert.deepEqual(settledAt, [])
  })
})

/** Settling under a clock of the test's; `onSettled` holds what is done at the first reports. */
function given(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 0 })
  const settledAt: number[] = []
  const onSettled: Array<() => void> = []
  const settling = new Settling({
    settleMs: 2000,
    maxWaitMs: 30_000,
    now: Date.now,
    onSettled: () => {
      settledAt.push(Date.now())
      onSettled.shift()?.()
    },
  })
  const tick = (ms: number): void => {
    for (let n = 0; n < ms; n += 1) t.mock.timers.tick(1)
  }
  return { settling, settledAt, onSettled, tick }
}
