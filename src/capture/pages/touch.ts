import type { Interior } from './page-map.ts'
import type { RowProbe } from './row-probe.ts'

/** Both ends included; open ends are the least and the greatest integer a number holds exactly. */
export interface RowidRange {
  readonly first: number
  readonly last: number
}

/** A part of the watched table that a commit wrote, by the content of the page. */
export type Touch =
  /** Rows of a leaf, from its first to its last. */
  | { readonly kind: 'leaf'; readonly first: number; readonly last: number }
  /** Keys above `after` up to `upTo` are below another child now. */
  | {
      readonly kind: 'span'
      readonly after: number
      readonly upTo: number
      /** The span goes on below `after` to wherever the page's part of the table begins; `after` is a key of its first child. */
      readonly openBelow: boolean
      readonly openAbove: boolean
      readonly level: 1 | 2
    }

const LEAST = Number.MIN_SAFE_INTEGER
const MOST = Number.MAX_SAFE_INTEGER
/** So many rows at an open end of a page high up in the tree are looked at; if there are more, a full diff is. */
const WIDE_ROWS = 20_000

/** Which keys have another child than before; with nothing known of before, all of the page's. Null: cannot be told. */
export function changedSpans(old: Interior | undefined, now: Interior): Touch[] | null {
  const firstKey = now.keys[0]
  const lastKey = now.keys.at(-1)
  if (firstKey === undefined || lastKey === undefined || now.keys.some((key) => Number.isNaN(key)))
    return null
  const { level } = now
  if (old === undefined) {
    return [{ kind: 'span', after: firstKey, upTo: lastKey, openBelow: true, openAbove: true, level }]
  }
  return differences(old, now).map(({ after, upTo }) => ({
    kind: 'span',
    after: after ?? Math.min(firstKey, upTo ?? firstKey),
    upTo: upTo ?? Math.max(lastKey, after ?? lastKey),
    openBelow: after === null,
    openAbove: upTo === null,
    level,
  }))
}

/** Keys in (after, upTo] whose child differs; null is an open end. */
function differences(old: Interior, now: Interior): Array<{ after: number | null; upTo: number | null }> {
  const found: Array<{ after: number | null; upTo: number | null }> = []
  let [i, j] = [0, 0]
  let after: number | null = null
  for (;;) {
    const [a, b] = [old.keys[i], now.keys[j]]
    const upTo = a === undefined ? (b ?? null) : Math.min(a, b ?? a)
    if (old.children[i] !== now.children[j]) {
      const last = found.at(-1)
      if (last !== undefined && last.upTo === after && after !== null) last.upTo = upTo
      else found.push({ after, upTo })
    }
    if (upTo === null) return found
    if (a === upTo) i += 1
    if (b === upTo) j += 1
    after = upTo
  }
}

/**
 * The rowids in which rows were written, or removed, by what the touches tell; null: too many. The rows of a leaf and all that
 * was removed from it lie between its neighbours. `mostCells` is how many rows a leaf holds at most.
 */
export function rangesOf(touches: readonly Touch[], probe: RowProbe, mostCells: number): RowidRange[] | null {
  const ranges: RowidRange[] = []
  for (const touch of touches) {
    const range = touch.kind === 'leaf' ? aroundLeaf(touch, probe) : aroundSpan(touch, probe, mostCells)
    if (range === null || !Number.isSafeInteger(range.first) || !Number.isSafeInteger(range.last)) return null
    ranges.push(range)
  }
  return merged(ranges)
}

function aroundLeaf({ first, last }: { first: number; last: number }, probe: RowProbe): RowidRange {
  const before = probe.below(first - 1, 0)
  const after = probe.above(last + 1, 0)
  return { first: before === null ? LEAST : before + 1, last: after === null ? MOST : after - 1 }
}

function aroundSpan(touch: Touch & { kind: 'span' }, probe: RowProbe, mostCells: number): RowidRange | null {
  const rows = touch.level === 1 ? mostCells : WIDE_ROWS
  const before = touch.openBelow ? probe.below(touch.after, rows) : touch.after
  const after = touch.openAbove ? probe.above(touch.upTo + 1, rows) : touch.upTo + 1
  const isWide = (touch.openBelow && before !== null) || (touch.openAbove && after !== null)
  if (touch.level === 2 && isWide) return null
  return { first: before === null ? LEAST : before + 1, last: after === null ? MOST : after - 1 }
}

function merged(ranges: readonly RowidRange[]): RowidRange[] {
  const result: Array<{ first: number; last: number }> = []
  for (const range of ranges.toSorted((a, b) => a.first - b.first)) {
    const previous = result.at(-1)
    if (previous !== undefined && range.first <= previous.last + 1) {
      previous.last = Math.max(previous.last, range.last)
    } else result.push({ ...range })
  }
  return result
}
