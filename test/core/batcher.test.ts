import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createBatcher } from '../../src/core/batcher.ts'

describe('batcher', () => {
  it('flushes the first item at once and collects the next batch while a flush runs', async () => {
    const batches: number[][] = []
    const first = Promise.withResolvers<void>()
    const batcher = createBatcher<number>(
      async (items) => {
        batches.push([...items])
        if (batches.length === 1) await first.promise
      },
      { maxItems: 3, isolate: () => false },
    )
    const done = [1, 2, 3, 4, 5].map((item) => batcher.add(item))
    first.resolve()
    await Promise.all(done)
    assert.deepEqual(batches, [[1], [2, 3, 4], [5]])
  })

  it('lets one bad item fail alone when the error says that it can be told apart', async () => {
    const gate = Promise.withResolvers<void>()
    const batcher = createBatcher<number>(
      async (items) => {
        await gate.promise
        if (items.includes(3)) throw new Error('bad item')
      },
      { maxItems: 10, isolate: (error) => error instanceof Error && error.message === 'bad item' },
    )
    const results = Promise.allSettled([1, 2, 3, 4].map((item) => batcher.add(item)))
    gate.resolve()
    assert.deepEqual(
      (await results).map(({ status }) => status),
      ['fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
    )
  })

  it('fails a whole batch when the error does not say which item it was', async () => {
    const gate = Promise.withResolvers<void>()
    let flushes = 0
    const batcher = createBatcher<number>(
      async () => {
        flushes += 1
        await gate.promise
        throw new Error('store is away')
      },
      { maxItems: 10, isolate: () => false },
    )
    const results = Promise.allSettled([1, 2, 3].map((item) => batcher.add(item)))
    gate.resolve()
    assert.deepEqual(
      (await results).map(({ status }) => status),
      ['rejected', 'rejected', 'rejected'],
    )
    assert.equal(flushes, 2)
  })
})
