// One pass over a Navidrome library as the daemon does it. This process is the daemon's main process.
import { join } from 'node:path'
import { setImmediate as breathe } from 'node:timers/promises'
import { DECODER_VERSION } from '../../src/audio/version.ts'
import type { Decision } from '../../src/core/decision.ts'
import { PRIORITY } from '../../src/core/operation.ts'
import { loadModels } from '../../src/embedding/registry.ts'
import { LEDGER_FILE, openLedger } from '../../src/ledger/ledger.ts'
import { PassThread } from '../../src/pass-thread.ts'
import { answerPart } from './part.ts'
import { peakRssMb, watchLoop } from './process-figures.ts'

export interface PassInput {
  readonly database: string
  readonly dataDir: string
  readonly statFiles: boolean
}

export interface PassOutput {
  /** Without starting the thread, which a daemon does once. */
  readonly milliseconds: number
  readonly rows: number
  readonly decisions: number
  readonly peakRssMb: number
  readonly loopP99Ms: number
  readonly loopMaxMs: number
}

const MODELS = join(import.meta.dirname, '../../models')
/** Decisions in one transaction of the ledger, as in the daemon. */
const APPLY_AT_ONCE = 250

await answerPart(pass)

async function pass({ database, dataDir, statFiles }: PassInput): Promise<PassOutput> {
  await using closers = new AsyncDisposableStack()
  const ledgerFile = join(dataDir, LEDGER_FILE)
  const ledger = closers.adopt(openLedger(ledgerFile, { retry: { delaysMs: [] } }), (each) => each.close())
  const models = await loadModels({ folders: [MODELS], enabled: ['timbre'], decoderVersion: DECODER_VERSION })
  await ledger.models.enable(models, Date.now(), async () => void (await breathe()))
  const library = { kind: 'navidrome', database, pathMap: [], statFiles } as const
  const thread = closers.adopt(new PassThread({ library, ledgerFile, pollMs: 1000 }, () => {}), (each) =>
    each.close(),
  )
  async function apply(decisions: readonly Decision[]): Promise<void> {
    for (let from = 0; from < decisions.length; from += APPLY_AT_ONCE) {
      ledger.changes.apply(decisions.slice(from, from + APPLY_AT_ONCE), PRIORITY.backlog, Date.now())
      await breathe()
    }
  }
  const loop = watchLoop()
  const { summary } = await thread.run(apply)
  const { p99Ms, maxMs } = loop.stop()
  return {
    milliseconds: summary.durationMs,
    rows: summary.rows,
    decisions: Object.values(summary.decisions).reduce((sum, n) => sum + n, 0),
    peakRssMb: peakRssMb(),
    loopP99Ms: p99Ms,
    loopMaxMs: maxMs,
  }
}
