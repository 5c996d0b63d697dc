import type { Judgement } from './hints.ts'

/** Counted since the start. */
export interface HintStatistics {
  commits: number
  /** Pages that were written, each once a judgement. */
  pages: number
  irrelevant: number
  /** Judgements that named ranges, and the ranges. */
  hinted: number
  ranges: number
  /** Ranges in which nothing had changed. */
  falseAlarms: number
  readonly full: Map<string, number>
}

export function noStatistics(): HintStatistics {
  return { commits: 0, pages: 0, irrelevant: 0, hinted: 0, ranges: 0, falseAlarms: 0, full: new Map() }
}

export function countJudgement(statistics: HintStatistics, judgement: Judgement): void {
  if (judgement.kind === 'irrelevant') statistics.irrelevant += 1
  else if (judgement.kind === 'full') {
    statistics.full.set(judgement.reason, (statistics.full.get(judgement.reason) ?? 0) + 1)
  } else {
    statistics.hinted += 1
    statistics.ranges += judgement.ranges.length
  }
}
