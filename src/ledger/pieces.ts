import { setImmediate as breathe } from 'node:timers/promises'
import type { Decision } from '../core/decision.ts'
import type { Priority } from '../core/operation.ts'
import type { Changes } from './changes.ts'

const FIRST = 100
const LEAST = 25
const MOST = 400
const LONG_MS = 20
const SHORT_MS = 6

/** Applies decisions in transactions of as many as keep the event loop free, found by measuring each (I8). */
export async function applyInPieces(
  changes: Pick<Changes, 'apply'>,
  decisions: readonly Decision[],
  addPriority: Priority,
): Promise<void> {
  let size = FIRST
  for (let from = 0; from < decisions.length; ) {
    const startedAt = performance.now()
    changes.apply(decisions.slice(from, from + size), addPriority, Date.now())
    from += size
    const tookMs = performance.now() - startedAt
    if (tookMs > LONG_MS) size = Math.max(LEAST, size >> 1)
    else if (tookMs < SHORT_MS) size = Math.min(MOST, size * 2)
    await breathe()
  }
}
