// A folder library whose files are all modified at once. This process is the daemon's main process, without its queue.
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadConfig } from '../../src/config.ts'
import { Events } from '../../src/core/events.ts'
import { followLibrary } from '../../src/follow-library.ts'
import { LEDGER_FILE, openLedger } from '../../src/ledger/ledger.ts'
import { answerPart } from './part.ts'

export interface BurstInput {
  readonly folder: string
  readonly files: number
}

export interface BurstOutput {
  readonly planned: number
  readonly modifySeconds: number
  /** From the last modification to the last decision. */
  readonly secondsAfterBurst: number
}

await answerPart(async ({ folder, files }: BurstInput): Promise<BurstOutput> => {
  const music = join(folder, 'music')
  const dataDir = join(folder, 'data')
  mkdirSync(dataDir)
  const paths = Array.from({ length: files }, (_, n) => join(music, String(n % 400), `${n}.mp3`))
  for (let n = 0; n < 400; n += 1) mkdirSync(join(music, String(n)), { recursive: true })
  for (const path of paths) writeFileSync(path, 'x')
  const ledger = openLedger(join(dataDir, LEDGER_FILE), { retry: { delaysMs: [] } })
  const events = new Events()
  const watching = new Promise<void>((resolve) =>
    events.on('pass', ({ causes }) => {
      if (causes.includes('folder watch started')) resolve()
    }),
  )
  let added = 0
  const known = Promise.withResolvers<void>()
  const changed = new Set<number>()
  const all = Promise.withResolvers<void>()
  events.on('decided', (decision) => {
    if (decision.action === 'add') {
      added += 1
      if (added === files) known.resolve()
    }
    if (decision.action !== 'update') return
    changed.add(decision.trackId)
    if (changed.size === files) all.resolve()
  })
  const config = loadConfig({ file: null, environment: {}, overrides: {} })
  const library = { kind: 'folders', roots: [music], settleMs: config.library.settle_seconds * 1000 } as const
  await using _ = followLibrary({
    config,
    library,
    dataDir,
    ledger,
    events,
    onWork: () => {},
    onCompared: () => {},
  })
  await Promise.all([watching, known.promise])
  const startedAt = performance.now()
  const later = new Date(Date.now() - 3_600_000)
  for (const path of paths) utimesSync(path, later, later)
  const modifiedAt = performance.now()
  await all.promise
  const seconds = (from: number, to: number) => (to - from) / 1000
  return {
    planned: changed.size,
    modifySeconds: seconds(startedAt, modifiedAt),
    secondsAfterBurst: seconds(modifiedAt, performance.now()),
  }
})
