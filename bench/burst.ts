import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Scenario } from './scenario.ts'
import type { BurstInput, BurstOutput } from './support/burst-part.ts'
import { runPart } from './support/part.ts'

/** 40,000 files of a folder modified in one burst: are all of them planned, and when. */
export const burst: Scenario = {
  name: 'burst',
  hasQuick: true,
  async run(report, { quick }) {
    const folder = await mkdtemp(join(tmpdir(), 'soundledger-bench-'))
    const files = quick ? 500 : 40_000
    try {
      const output = await runPart<BurstInput, BurstOutput>('burst-part.ts', { folder, files })
      report.metric('burst.planned', output.planned)
      report.metric('burst.modify_s', output.modifySeconds)
      report.metric('burst.planned_after_s', output.secondsAfterBurst)
      report.metric('burst.first_to_last_s', output.modifySeconds + output.secondsAfterBurst)
      report.aim('burst.planned', '>=', files)
    } finally {
      await rm(folder, { recursive: true })
    }
  },
}
