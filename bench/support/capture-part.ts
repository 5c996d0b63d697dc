// Following a large Navidrome database while another process writes it. This process is the daemon's main process.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { watchDatabase } from '../../src/capture/database-watcher.ts'
import { ChangedRows } from '../../src/changed-rows.ts'
import { loadConfig } from '../../src/config.ts'
import type { Decision } from '../../src/core/decision.ts'
import { Events } from '../../src/core/events.ts'
import { PRIORITY } from '../../src/core/operation.ts'
import { followLibrary } from '../../src/follow-library.ts'
import { LEDGER_FILE, type Ledger, openLedger } from '../../src/ledger/ledger.ts'
import { applyInPieces } from '../../src/ledger/pieces.ts'
import { openLibrary } from '../../src/library/source.ts'
import { PassThread } from '../../src/pass-thread.ts'
import { type NavidromeWriter, startNavidromeWriter } from '../../test/support/navidrome.ts'
import { bulkTrack } from '../../test/support/navidrome-bulk.ts'
import { type KnownLibrary, percentile } from './known-library.ts'
import { answerPart } from './part.ts'
import { peakRssMb } from './process-figures.ts'

export interface CaptureInput extends KnownLibrary {
  readonly measure: 'irrelevant' | 'rows' | 'idle'
  /** Commits, repetitions or seconds, as the measure has it. */
  readonly count: number
}

export type CaptureOutput = Readonly<Record<string, number>>

/** Of which the median counts. */
const FULL_COMPARISONS = 3

/** Nobody ever wakes who waits for it. */
const RESTING = new Int32Array(new SharedArrayBuffer(4))

const MEASURES = { irrelevant, rows, idle }

await answerPart(async (input: CaptureInput): Promise<CaptureOutput> => {
  const writer = await startNavidromeWriter(input.database, 'existing')
  try {
    return await MEASURES[input.measure](input, writer)
  } finally {
    await writer.close()
  }
})

function optionsOf({ database }: KnownLibrary) {
  return { kind: 'navidrome', database, pathMap: [], statFiles: false } as const
}

/**
 * Plays, one commit each; what asking whether they matter costs, whether any table was to be read for them, and how much was
 * read from files: the write-ahead log, and whatever SQL may have read beside it.
 */
async function irrelevant(input: CaptureInput, writer: NavidromeWriter): Promise<CaptureOutput> {
  const library = openLibrary(optionsOf(input))
  try {
    await writer.play(bulkTrack(1).id)
    const changed = new ChangedRows(library)
    changed.take(true)
    await writer.play(bulkTrack(1).id)
    changed.take(true)
    const before = judgements(changed)
    const bytesBefore = bytesRead()
    let comparisons = 0
    let cpuUs = 0
    for (let n = 0; n < input.count; n += 1) {
      await writer.play(bulkTrack(1 + (n % input.tracks)).id)
      const start = settledCpuUs()
      const pending = changed.pending()
      cpuUs += settledCpuUs() - start
      if (!pending) continue
      comparisons += 1
      changed.take(false)
    }
    const after = judgements(changed)
    const read = bytesBefore === null ? {} : { read_kb_per_commit: kilobytesSince(bytesBefore, input.count) }
    return {
      commits: after.commits - before.commits,
      comparisons,
      table_reads: after.tableReads - before.tableReads,
      cpu_ms_per_commit: cpuUs / 1000 / input.count,
      ...read,
    }
  } finally {
    library.close()
  }
}

/**
 * Processor time of this thread. The kernel books it when the thread rests or its clock ticks: without the rest, which costs
 * 0.03 ms, most of a span shorter than some ms goes missing.
 */
function settledCpuUs(): number {
  Atomics.wait(RESTING, 0, 0, 1)
  const { user, system } = process.threadCpuUsage()
  return user + system
}

/** Commits that were judged, and judgements that asked for rows of the table to be read. */
function judgements(changed: ChangedRows): { commits: number; tableReads: number } {
  const counts = changed.counts()
  if (counts === null) throw new Error('the library has no log that could be read')
  const full = Object.values(counts.full).reduce((sum, n) => sum + n, 0)
  return { commits: counts.commits, tableReads: counts.hinted + full }
}

function kilobytesSince(before: number, commits: number): number {
  return ((bytesRead() ?? Number.NaN) - before) / 1000 / commits
}

/** Bytes this process asked files and pipes for, also those that were in memory already; null where that is not told. */
function bytesRead(): number | null {
  if (process.platform !== 'linux') return null
  const characters = /rchar: (\d+)/.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]
  return characters === undefined ? null : Number(characters)
}

/** From a commit of k rows to its decisions in the ledger, as it is noticed, without debounce; and a comparison of everything. */
async function rows(input: CaptureInput, writer: NavidromeWriter): Promise<CaptureOutput> {
  const ledger = openBenchLedger(input)
  const apply = (decisions: readonly Decision[]) => applyInPieces(ledger.changes, decisions, PRIORITY.backlog)
  let moved = Promise.withResolvers<void>()
  const ledgerFile = join(input.dataDir, LEDGER_FILE)
  const thread = new PassThread({ library: optionsOf(input), ledgerFile, pollMs: 1000 }, () =>
    moved.resolve(),
  )
  const onError = (message: string): never => {
    throw new Error(message)
  }
  const watcher = watchDatabase(input.database, { onMoved: () => thread.poll(), onError })
  try {
    await watcher.ready
    await thread.run(true, apply)
    const figures: Record<string, number> = {}
    let wholeComparisons = 0
    for (const size of [1, 10, 1000]) {
      const times: number[] = []
      for (let n = 0; n < input.count; n += 1) {
        moved = Promise.withResolvers<void>()
        await retitle(writer, size, n, input.tracks)
        const committedAt = performance.now()
        for (let found = 0; found < size; ) {
          await moved.promise
          moved = Promise.withResolvers<void>()
          const { summary } = await thread.run(false, apply)
          found += summary.decisions.retagged ?? 0
          if (summary.scope === 'all') wholeComparisons += 1
        }
        times.push(performance.now() - committedAt)
      }
      figures[`${size}_rows_ms`] = percentile(times, 0.5)
    }
    const fullTimes: number[] = []
    for (let n = 0; n < FULL_COMPARISONS; n += 1) {
      const startedAt = performance.now()
      await thread.run(true, apply)
      fullTimes.push(performance.now() - startedAt)
    }
    const fullMs = percentile(fullTimes, 0.5)
    return {
      ...figures,
      whole_comparisons: wholeComparisons,
      full_ms: fullMs,
      full_to_10_rows: fullMs / (figures['10_rows_ms'] ?? Number.NaN),
    }
  } finally {
    await watcher.close()
    await thread.close()
    ledger.close()
  }
}

async function retitle(writer: NavidromeWriter, size: number, round: number, tracks: number): Promise<void> {
  await writer.begin('immediate')
  for (let n = 0; n < size; n += 1) {
    const { id } = bulkTrack(1 + ((round * 7919 + n * 101) % tracks))
    await writer.update(id, { title: `Title ${size} ${round} ${n}` })
  }
  await writer.commit()
}

/**
 * One play a second beside a daemon's follower that has nothing else to do: the stages that embed are left out, since the
 * store would have to hold a million vectors for them to rest. What telling the writer costs counts in.
 */
async function idle(input: CaptureInput, writer: NavidromeWriter): Promise<CaptureOutput> {
  const ledger = openBenchLedger(input)
  const config = loadConfig({ file: null, environment: {}, overrides: { library: { watch_folders: false } } })
  const compared = Promise.withResolvers<void>()
  const library = optionsOf(input)
  let comparisons = 0
  const events = new Events()
  events.on('pass', () => {
    comparisons += 1
  })
  const options = { config, library, dataDir: input.dataDir, ledger, events, onWork: () => {} }
  const follower = followLibrary({ ...options, onCompared: () => compared.resolve() })
  try {
    await compared.promise
    await writer.play(bulkTrack(1).id)
    // The first log of this server: everything is compared once more, which must not count.
    do await sleep(2000)
    while (!follower.idle())
    comparisons = 0
    const before = process.cpuUsage()
    const startedAt = performance.now()
    for (let n = 0; n < input.count; n += 1) {
      await writer.play(bulkTrack(1 + (n % input.tracks)).id)
      await sleep(1000)
    }
    const { user, system } = process.cpuUsage(before)
    const share = (user + system) / 1000 / (performance.now() - startedAt)
    return {
      cpu_percent: 100 * share,
      rss_mb: process.memoryUsage.rss() / 1e6,
      peak_rss_mb: peakRssMb(),
      comparisons,
    }
  } finally {
    await follower[Symbol.asyncDispose]()
    ledger.close()
  }
}

function openBenchLedger({ dataDir }: KnownLibrary): Ledger {
  return openLedger(join(dataDir, LEDGER_FILE), { retry: { delaysMs: [] } })
}
