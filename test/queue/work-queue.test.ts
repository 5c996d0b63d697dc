import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { WorkQueue } from '../../src/queue/work-queue.ts'

interface Item {
  id: number
  priority: number
}

/** A backlog in memory, and a queue whose jobs end when the test says so. */
function start(items: Item[], options: { concurrency?: number; window?: number } = {}) {
  const running: Array<{ ids: readonly number[]; end: PromiseWithResolvers<void>; signal: AbortSignal }> = []
  const errors: unknown[] = []
  let idle = Promise.withResolvers<void>()
  const queue = new WorkQueue({
    backlog: {
      due: (_now, limit) => items.toSorted((a, b) => a.priority - b.priority).slice(0, limit),
      nextDueAt: () => null,
    },
    abort: new AbortController(),
    process: (ids, signal) => {
      const end = Promise.withResolvers<void>()
      signal.addEventListener('abort', () => end.reject(signal.reason))
      running.push({ ids, end, signal })
      return end.promise.then(() => {
        for (const id of ids) items.splice(items.findIndex((item) => item.id === id) >>> 0, 1)
      })
    },
    concurrency: options.concurrency ?? 1,
    window: options.window ?? 10,
    bulkPriority: 0,
    bulkSize: 3,
    pollMs: 60_000,
    onIdle: () => idle.resolve(),
    onError: (error) => errors.push(error),
  })
  return {
    queue,
    running,
    errors,
    untilIdle: () => {
      idle = Promise.withResolvers()
      return idle.promise
    },
  }
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))
const items = (count: number, priority: number): Item[] =>
  Array.from({ length: count }, (_, n) => ({ id: n + 1, priority }))

describe('work queue', () => {
  it('lets a fresh change overtake the backlog that is already queued', async (t) => {
    const backlog = items(5, 3)
    const { queue, running } = start(backlog)
    t.after(() => queue.close())
    queue.start()
    await turn()
    backlog.push({ id: 99, priority: 1 })
    queue.poke()
    running[0]?.end.resolve()
    await turn()
    assert.deepEqual(
      running.map(({ ids }) => ids),
      [[1], [99]],
    )
  })

  it('holds no more than its window and refills it', async (t) => {
    const backlog = items(100, 3)
    const { queue, running, untilIdle } = start(backlog, { window: 10 })
    t.after(() => queue.close())
    queue.start()
    assert.equal(queue.active, 10)
    const idle = untilIdle()
    for (let n = 0; n < 100; n += 1) {
      await turn()
      running[n]?.end.resolve()
      assert.ok(queue.active <= 20)
    }
    await idle
    assert.equal(running.length, 100)
    assert.equal(new Set(running.flatMap(({ ids }) => ids)).size, 100)
  })

  it('takes cheap rewrites in batches', async (t) => {
    const { queue, running } = start(items(7, 0), { concurrency: 9 })
    t.after(() => queue.close())
    queue.start()
    await turn()
    assert.deepEqual(
      running.map(({ ids }) => ids.length),
      [3, 3, 1],
    )
  })

  it('never works on one track twice at a time', async (t) => {
    const { queue, running } = start(items(1, 3), { concurrency: 5 })
    t.after(() => queue.close())
    queue.start()
    queue.poke()
    queue.poke()
    await turn()
    assert.equal(running.length, 1)
  })

  it('reports what a job throws, keeps the track at rest, and goes on with others', async (t) => {
    const { queue, running, errors } = start(items(2, 3))
    t.after(() => queue.close())
    queue.start()
    await turn()
    running[0]?.end.reject(new Error('disk full'))
    await turn()
    assert.equal(String(errors[0]), 'Error: disk full')
    assert.equal(queue.active, 2)
    assert.equal(queue.idle, false)
  })

  it('drains: what runs may end, what waits is left, nothing new is taken', async () => {
    const { queue, running } = start(items(3, 3))
    queue.start()
    await turn()
    const drained = queue.drain(60_000)
    queue.start()
    queue.poke()
    running[0]?.end.resolve()
    await drained
    assert.equal(running.length, 1)
    assert.equal(running[0]?.signal.aborted, false)
  })

  it('aborts what runs when it is closed', async () => {
    const { queue, running } = start(items(1, 3))
    queue.start()
    await turn()
    await queue.close()
    assert.equal(running[0]?.signal.aborted, true)
  })
})
