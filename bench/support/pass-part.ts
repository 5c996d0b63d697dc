// One pass over a Navidrome library as the daemon does it. This process is the daemon's main process.
import { join } from 'node:path'
import { setImmediate as breathe } from 'node:timers/promises'
import { DECODER_VERSION } from '../../src/audio/version.ts'
import type { Decision } from '../../src/core/decision.ts'
import { PRIORITY } from '../../src/core/operation.ts'
import { loadModels } from '../../src/embedding/registry.ts'
import { LEDGER_FILE, openLedger } from '../../src/ledger/ledger.ts'
import { applyInPieces } from '../../src/ledger/pieces.ts'
import { type PassResult, PassThread } from '../../src/pass-thread.ts'
import { type NavidromeWriter, startNavidromeWriter } from '../../test/support/navidrome.ts'
import { answerPart } from './part.ts'
import { peakRssMb, watchLoop } from './process-figures.ts'

export interface PassInput {
  readonly database: string
  readonly dataDir: string
  readonly statFiles: boolean
  /** Tracks that are given another title one after the other once the pass is through. */
  readonly changes: readonly string[]
}

export interface PassOutput {
  /** Without starting the thread, which a daemon does once. */
  readonly milliseconds: number
  readonly rows: number
  readonly decisions: number
  readonly peakRssMb: number
  readonly loopP99Ms: number
  readonly loopMaxMs: number
  /** The comparison after the last change: from commit to decision, and the rows it looked at. */
  readonly change: { readonly milliseconds: number; readonly rows: number } | null
}

const MODELS = join(import.meta.dirname, '../../models')

await answerPart(pass)

async function pass({ database, dataDir, statFiles, changes }: PassInput): Promise<PassOutput> {
  await using closers = new AsyncDisposableStack()
  const ledgerFile = join(dataDir, LEDGER_FILE)
  const ledger = closers.adopt(openLedger(ledgerFile, { retry: { delaysMs: [] } }), (each) => each.close())
  const models = await loadModels({ folders: [MODELS], enabled: ['timbre'], decoderVersion: DECODER_VERSION })
  await ledger.models.enable(models, Date.now(), async () => void (await breathe()))
  const library = { kind: 'navidrome', database, pathMap: [], statFiles } as const
  const thread = closers.adopt(new PassThread({ library, ledgerFile, pollMs: 1000 }, () => {}), (each) =>
    each.close(),
  )
  const apply = (decisions: readonly Decision[]) => applyInPieces(ledger.changes, decisions, PRIORITY.backlog)
  // Opened first, as a server would be: its log is there from the start.
  const writer = changes.length === 0 ? null : await startNavidromeWriter(database, 'existing')
  closers.defer(async () => await writer?.close())
  const loop = watchLoop()
  const { summary } = await thread.run(true, apply)
  const { p99Ms, maxMs } = loop.stop()
  const peak = peakRssMb()
  return {
    milliseconds: summary.durationMs,
    rows: summary.rows,
    decisions: Object.values(summary.decisions).reduce((sum, n) => sum + n, 0),
    peakRssMb: peak,
    loopP99Ms: p99Ms,
    loopMaxMs: maxMs,
    change: writer === null ? null : await change(writer, changes, () => thread.run(false, apply)),
  }
}

async function change(
  writer: NavidromeWriter,
  ids: readonly string[],
  compare: () => Promise<PassResult>,
): Promise<PassOutput['change']> {
  let last: PassOutput['change'] = null
  for (const id of ids) {
    await writer.update(id, { title: 'Another title' })
    const committedAt = performance.now()
    const { summary } = await compare()
    if (summary.decisions.retagged !== 1) throw new Error(`the new title of ${id} was not noticed`)
    last = { milliseconds: performance.now() - committedAt, rows: summary.rows }
  }
  return last
}
