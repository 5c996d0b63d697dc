import type { Segment } from './windows.ts'

/** A stretch of the track in seconds; `to` is exclusive. */
export interface Span {
  readonly from: number
  readonly to: number
}

/** Decoders need a run-up before their output is right: MP3's bit reservoir, Opus's convergence, overlapping blocks. */
const PREROLL_SECONDS = 1
/** Covers rounding and the resampler's look-ahead. */
const POSTROLL_SECONDS = 0.25

/**
 * What has to be decoded so that every segment of every output is complete: each segment with its run-up, ascending,
 * those that would touch joined.
 */
export function decodeSpans(
  outputs: readonly { readonly sampleRate: number; readonly segments: readonly Segment[] }[],
): Span[] {
  const wanted = outputs
    .flatMap(({ sampleRate, segments }) =>
      segments.map((segment) => ({
        from: Math.max(0, segment.start / sampleRate - PREROLL_SECONDS),
        to: segment.end / sampleRate + POSTROLL_SECONDS,
      })),
    )
    .sort((a, b) => a.from - b.from)
  const spans: { from: number; to: number }[] = []
  for (const span of wanted) {
    const previous = spans.at(-1)
    if (previous !== undefined && span.from <= previous.to) previous.to = Math.max(previous.to, span.to)
    else spans.push({ ...span })
  }
  return spans
}
