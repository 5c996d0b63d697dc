import type { Report, Scenario } from './scenario.ts'
import type { CaptureInput, CaptureOutput } from './support/capture-part.ts'
import { withKnownLibrary } from './support/known-library.ts'
import { runPart } from './support/part.ts'

const FULL = 1_000_000
const QUICK = 2000

/** Commits that touch no track: what they cost. */
export const captureIrrelevant: Scenario = {
  name: 'capture-irrelevant',
  hasQuick: true,
  async run(report, { quick }) {
    await capture(report, 'capture-irrelevant', 'irrelevant', quick, quick ? 20 : 1000)
    report.aim('capture-irrelevant.comparisons', '<=', 0)
    report.aim('capture-irrelevant.cpu_ms_per_commit', '<=', 1)
  },
}

/** Commits that change 1, 10 and 1,000 tracks: how long until the ledger knows, and how much longer comparing everything takes. */
export const captureRows: Scenario = {
  name: 'capture-rows',
  hasQuick: true,
  async run(report, { quick }) {
    await capture(report, 'capture-rows', 'rows', quick, quick ? 2 : 9)
    report.aim('capture-rows.10_rows_ms', '<=', 100)
    report.aim('capture-rows.full_to_10_rows', '>=', 50)
  },
}

/** A daemon beside a server on which music is played, once a second. */
export const idle: Scenario = {
  name: 'idle',
  hasQuick: true,
  async run(report, { quick }) {
    await capture(report, 'idle', 'idle', quick, quick ? 2 : 60)
    report.aim('idle.cpu_percent', '<=', 1)
    report.aim('idle.rss_mb', '<=', 300)
  },
}

async function capture(
  report: Report,
  name: string,
  measure: CaptureInput['measure'],
  quick: boolean,
  count: number,
): Promise<void> {
  await withKnownLibrary(quick ? QUICK : FULL, async (library) => {
    const figures = await runPart<CaptureInput, CaptureOutput>('capture-part.ts', {
      ...library,
      measure,
      count,
    })
    for (const [figure, value] of Object.entries(figures)) report.metric(`${name}.${figure}`, value)
  })
}
