import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Scenario } from './scenario.ts'
import type { AudioRequest, AudioSet } from './support/audio-files.ts'
import { percentile } from './support/known-library.ts'
import type { LatencyInput, LatencyOutput } from './support/latency-part.ts'
import { runPart } from './support/part.ts'

/** A new FLAC of four minutes that the server has just committed: how long until it can be searched. */
export const latency: Scenario = {
  name: 'latency',
  hasQuick: true,
  async run(report, { quick, cacheFolder }) {
    const request = quick
      ? { cacheFolder, sourceSeconds: 30, tracks: 5, seconds: [10, 20] as const }
      : { cacheFolder, sourceSeconds: 360, tracks: 80, seconds: [180, 240] as const }
    const { sources } = await runPart<AudioRequest, AudioSet>('audio-part.ts', request)
    const folder = await mkdtemp(join(tmpdir(), 'soundledger-bench-'))
    try {
      const input = { folder, source: sources.flac, seconds: quick ? 10 : 240, count: quick ? 2 : 50 }
      const { milliseconds } = await runPart<LatencyInput, LatencyOutput>('latency-part.ts', input)
      report.metric('latency.p50_ms', percentile(milliseconds, 0.5))
      report.metric('latency.p95_ms', percentile(milliseconds, 0.95))
      report.aim('latency.p95_ms', '<=', 3000)
    } finally {
      await rm(folder, { recursive: true })
    }
  },
}
