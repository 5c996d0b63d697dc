import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Scenario } from './scenario.ts'
import { type AudioRequest, type AudioSet, FORMAT_NAMES } from './support/audio-files.ts'
import type { FingerprintInput, FingerprintOutput } from './support/fingerprint-part.ts'
import { runPart } from './support/part.ts'

/** Ten minutes in one file: 10 to 60 MB, by format. */
const FULL = {
  big: { sourceSeconds: 600, tracks: 0, seconds: [0, 0] },
  small: { sourceSeconds: 60, tracks: 200, seconds: [5, 10] },
  atLeastSeconds: 2,
} as const
const QUICK = {
  big: { sourceSeconds: 20, tracks: 0, seconds: [0, 0] },
  small: { sourceSeconds: 10, tracks: 10, seconds: [2, 3] },
  atLeastSeconds: 0,
} as const

/** Fingerprints of files that are in memory already: MB a second by format, and small files a second, tags included. */
export const fingerprint: Scenario = {
  name: 'fingerprint',
  hasQuick: true,
  async run(report, { quick, cacheFolder }) {
    const { big, small, atLeastSeconds } = quick ? QUICK : FULL
    const sources = (await runPart<AudioRequest, AudioSet>('audio-part.ts', { cacheFolder, ...big })).sources
    const { tracks } = await runPart<AudioRequest, AudioSet>('audio-part.ts', { cacheFolder, ...small })
    const scratchFolder = await mkdtemp(join(tmpdir(), 'soundledger-bench-'))
    const measure = (files: readonly string[]) =>
      runPart<FingerprintInput, FingerprintOutput>('fingerprint-part.ts', {
        files,
        atLeastSeconds,
        scratchFolder,
      })
    try {
      for (const format of FORMAT_NAMES) {
        const { bytes, seconds } = await measure([sources[format]])
        report.metric(`fingerprint.${format}.mb_per_s`, bytes / 1e6 / seconds)
      }
      const { files, seconds } = await measure(tracks.map(({ path }) => path))
      report.metric('fingerprint.small.files_per_s', files / seconds)
    } finally {
      await rm(scratchFolder, { recursive: true })
    }
  },
}
