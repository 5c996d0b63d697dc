/** One window of a track, in samples per channel at the rate of its AudioSpec. */
export interface PlannedWindow {
  readonly start: number
  /** Less than the window's length only when the whole track is shorter than one window. */
  readonly samples: number
}

/** A run of samples that one or several windows need; segments never touch each other. */
export interface Segment {
  readonly start: number
  /** Exclusive. */
  readonly end: number
}

export interface WindowPlan {
  /** Length of the track in samples per channel. */
  readonly totalSamples: number
  readonly sampleRate: number
  readonly windowSeconds: number
  readonly hopSeconds: number
  /** Of a longer track only a sample of the windows is kept. */
  readonly analysedSecondsMax: number
}

/** What is analysed of a long track unless the caller says otherwise, in seconds. */
export const ANALYSED_SECONDS_MAX = 1800

/**
 * Where the windows of a track lie: starts at 0, hop, 2 hop, ... as long as a whole window fits, plus one that ends
 * exactly with the track; no start occurs twice, and starts ascend. A track shorter than a window gets one window of
 * all its samples; no samples, no windows. When the track is longer than `analysedSecondsMax`, at most
 * floor(analysedSecondsMax / windowSeconds) of them (at least one) are kept, evenly spread, first and last included.
 */
export function planWindows(plan: WindowPlan): PlannedWindow[] {
  const { totalSamples, sampleRate, analysedSecondsMax } = plan
  if (totalSamples <= 0) return []
  const window = Math.max(1, Math.round(plan.windowSeconds * sampleRate))
  const hop = Math.max(1, Math.round(plan.hopSeconds * sampleRate))
  if (totalSamples <= window) return [{ start: 0, samples: totalSamples }]

  const last = totalSamples - window
  const regular = Math.floor(last / hop) + 1
  const count = last % hop === 0 ? regular : regular + 1
  const kept = isSampled(plan)
    ? Math.min(count, Math.max(1, Math.floor(analysedSecondsMax / plan.windowSeconds)))
    : count
  return Array.from({ length: kept }, (_, i) => {
    const index = kept === count ? i : kept === 1 ? 0 : Math.round((i * (count - 1)) / (kept - 1))
    return { start: index < regular ? index * hop : last, samples: window }
  })
}

/** Whether the track is so long that only a sample of its windows is kept. */
export function isSampled(
  plan: Pick<WindowPlan, 'totalSamples' | 'sampleRate' | 'analysedSecondsMax'>,
): boolean {
  return plan.totalSamples > plan.analysedSecondsMax * plan.sampleRate
}

/** The fewest segments that hold all windows (given by ascending start); overlapping and adjoining ones are joined. */
export function mergeWindows(windows: readonly PlannedWindow[]): Segment[] {
  const segments: { start: number; end: number }[] = []
  for (const window of windows) {
    const end = window.start + window.samples
    const previous = segments.at(-1)
    if (previous !== undefined && window.start <= previous.end) previous.end = Math.max(previous.end, end)
    else segments.push({ start: window.start, end })
  }
  return segments
}
