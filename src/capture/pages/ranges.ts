/** Rowids, both ends included; an open end is the least or the greatest integer that a number holds exactly. */
export interface RowidRange {
  readonly first: number
  readonly last: number
}

/** The rows that stand in a leaf, from the first to the last. */
export interface LeafRows {
  readonly first: number
  readonly last: number
}

/** What SQL says of the neighbours of a row that may not exist; null: there is none. */
export interface Neighbours {
  /** The greatest rowid below. */
  below(rowid: number): number | null
  /** The least rowid above. */
  above(rowid: number): number | null
}

/**
 * The rowids that rows of these leaves have or had: whatever was removed from a leaf lay between the rows that are its neighbours
 * now. Ascending, without overlap. Null where a rowid is beyond what a number holds.
 */
export function rangesAround(leaves: readonly LeafRows[], neighbours: Neighbours): RowidRange[] | null {
  const ranges: Array<{ first: number; last: number }> = []
  for (const leaf of leaves.toSorted((a, b) => a.first - b.first)) {
    const before = neighbours.below(leaf.first)
    const after = neighbours.above(leaf.last)
    const first = before === null ? Number.MIN_SAFE_INTEGER : before + 1
    const last = after === null ? Number.MAX_SAFE_INTEGER : after - 1
    if (!Number.isSafeInteger(first) || !Number.isSafeInteger(last)) return null
    const previous = ranges.at(-1)
    if (previous !== undefined && first <= previous.last + 1) previous.last = Math.max(previous.last, last)
    else ranges.push({ first, last })
  }
  return ranges
}
