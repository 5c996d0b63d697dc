import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LEDGER_FILE } from '../src/ledger/ledger.ts'
import { startNavidromeWriter } from '../test/support/navidrome.ts'
import { bulkTrack } from '../test/support/navidrome-bulk.ts'
import type { Report, Scenario } from './scenario.ts'
import { runPart } from './support/part.ts'
import type { PassInput, PassOutput } from './support/pass-part.ts'
import { settleLedger } from './support/settled-ledger.ts'

const FULL = { '10k': 10_000, '100k': 100_000, '1m': 1_000_000 }
const QUICK = { '1k': 1000, '2k': 2000 }

/**
 * A full pass over a Navidrome database: the first one, which brings every track into the ledger, and one that finds nothing
 * changed, with and without a look at the files (of which none is there); then the comparison that follows one changed row.
 */
export const diff: Scenario = {
  name: 'diff',
  hasQuick: true,
  async run(report, { quick }) {
    const sizes: Record<string, number> = quick ? QUICK : FULL
    for (const [label, tracks] of Object.entries(sizes)) await measure(report, label, tracks)
    for (const label of Object.keys(sizes)) {
      for (const pass of ['import', 'unchanged', 'unchanged_stat']) {
        report.aim(`diff.${label}.${pass}.main_rss_mb`, '<=', 300)
        report.aim(`diff.${label}.${pass}.loop_p99_ms`, '<=', 50)
      }
    }
  },
}

async function measure(report: Report, label: string, tracks: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'soundledger-bench-'))
  const database = join(folder, 'navidrome.db')
  const dataDir = join(folder, 'data')
  const ledger = join(dataDir, LEDGER_FILE)
  const changed = [0.3, 0.6, 0.9].map((share) => bulkTrack(Math.ceil(tracks * share)).id)
  const pass = async (name: string, options: Partial<PassInput>, decisions: number): Promise<PassOutput> => {
    const input = { database, dataDir, statFiles: false, changes: [], ...options }
    const output = await runPart<PassInput, PassOutput>('pass-part.ts', input)
    expect(output, tracks, decisions)
    const metric = (figure: string, value: number) => report.metric(`diff.${label}.${name}.${figure}`, value)
    metric('ms', output.milliseconds)
    metric('tracks_per_s', (tracks / output.milliseconds) * 1000)
    metric('main_rss_mb', output.peakRssMb)
    metric('loop_p99_ms', output.loopP99Ms)
    metric('loop_max_ms', output.loopMaxMs)
    return output
  }
  try {
    await mkdir(dataDir)
    await makeLibrary(database, join(folder, 'music'), tracks)
    await pass('import', {}, tracks)
    settleLedger(ledger)
    report.metric(`diff.${label}.ledger_mb`, (await stat(ledger)).size / 1e6)
    report.metric(`diff.${label}.library_mb`, (await stat(database)).size / 1e6)
    await pass('unchanged_stat', { statFiles: true }, 0)
    const { change } = await pass('unchanged', { changes: changed }, 0)
    if (change === null) throw new Error('no change was made')
    report.metric(`diff.${label}.one_change.ms`, change.milliseconds)
    report.metric(`diff.${label}.one_change.rows`, change.rows)
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** A library whose root is there and empty: every look at a file finds none. */
async function makeLibrary(database: string, root: string, count: number): Promise<void> {
  await mkdir(root)
  const writer = await startNavidromeWriter(database)
  try {
    const libraryId = await writer.addLibrary(root)
    await writer.bulkInsert({ count, libraryId, indexes: false })
  } finally {
    await writer.close()
  }
}

function expect({ rows, decisions }: PassOutput, expectedRows: number, expectedDecisions: number): void {
  if (rows === expectedRows && decisions === expectedDecisions) return
  throw new Error(
    `${rows} rows and ${decisions} decisions, expected ${expectedRows} and ${expectedDecisions}: nothing was measured`,
  )
}
