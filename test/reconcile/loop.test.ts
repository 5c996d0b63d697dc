import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { PermanentError, TransientError } from '../../src/core/errors.ts'
import { ReconcileLoop } from '../../src/reconcile/loop.ts'

const failure = { operation: 'read library', subject: 'x', message: 'locked' }

/** A loop whose passes end when the test says so. */
function start(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const passes: Array<{ causes: readonly string[]; end: PromiseWithResolvers<void> }> = []
  const failed: number[] = []
  let idles = 0
  const loop = new ReconcileLoop({
    pass: (causes) => {
      const end = Promise.withResolvers<void>()
      passes.push({ causes, end })
      return end.promise
    },
    onFailed: (_causes, _error, retryInMs) => failed.push(retryInMs),
    retryDelaysMs: [1000, 5000],
    onIdle: () => {
      idles += 1
    },
  })
  return { loop, passes, failed, idles: () => idles }
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

describe('reconcile loop', () => {
  it('runs one pass at a time and takes what was asked for meanwhile together into the next', async (t) => {
    const { loop, passes } = start(t)
    loop.request(['start'])
    loop.request(['database'])
    loop.request(['folder', 'database'])
    assert.equal(passes.length, 1)
    assert.equal(loop.idle, false)
    passes[0]?.end.resolve()
    await turn()
    assert.deepEqual(
      passes.map(({ causes }) => causes),
      [['start'], ['database', 'folder']],
    )
    passes[1]?.end.resolve()
    await turn()
    assert.equal(loop.idle, true)
  })

  it('tries again after growing waits, and after the longest when only a person can mend it', async (t) => {
    const { loop, passes, failed } = start(t)
    loop.request(['start'])
    passes[0]?.end.reject(new TransientError(failure))
    await turn()
    assert.equal(loop.idle, false)
    t.mock.timers.tick(1000)
    passes[1]?.end.reject(new TransientError(failure))
    await turn()
    t.mock.timers.tick(5000)
    passes[2]?.end.reject(new PermanentError(failure))
    await turn()
    assert.deepEqual(failed, [1000, 5000, 5000])
    assert.deepEqual(passes[2]?.causes, ['start'])
  })

  it('tries at once when asked while it waits, and starts over with short waits after a success', async (t) => {
    const { loop, passes, failed } = start(t)
    loop.request(['start'])
    passes[0]?.end.reject(new TransientError(failure))
    await turn()
    loop.request(['database'])
    assert.equal(passes.length, 2)
    passes[1]?.end.resolve()
    await turn()
    loop.request(['timer'])
    passes[2]?.end.reject(new TransientError(failure))
    await turn()
    assert.deepEqual(failed, [1000, 1000])
  })

  it('waits for the running pass when closed, and starts none afterwards', async (t) => {
    const { loop, passes, idles } = start(t)
    loop.request(['start'])
    loop.request(['database'])
    const closed = loop.close()
    passes[0]?.end.resolve()
    await closed
    loop.request(['timer'])
    assert.equal(passes.length, 1)
    assert.equal(idles(), 0)
  })
})
