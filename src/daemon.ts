import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type AudioPool, createAudioPool } from './audio/pool.ts'
import { DECODER_VERSION } from './audio/version.ts'
import type { Config } from './config.ts'
import { describeCause } from './core/errors.ts'
import type { Events } from './core/events.ts'
import { collectionName, type Model } from './core/model.ts'
import { PRIORITY } from './core/operation.ts'
import { createEmbedder, type Embedder } from './embedding/embedder.ts'
import { loadModels } from './embedding/registry.ts'
import { followLibrary } from './follow-library.ts'
import { LEDGER_FILE, type Ledger, openLedger } from './ledger/ledger.ts'
import { lockDataDir } from './ledger/lock.ts'
import type { LibraryOptions } from './library/source.ts'
import { processTracks } from './process-track.ts'
import { WorkQueue } from './queue/work-queue.ts'
import { ensureCollections, switchFinished } from './rebuild/switch.ts'
import { audit, recover } from './recover.ts'
import { openEmbeddedStore } from './vectors/embedded/store.ts'
import type { VectorStore } from './vectors/store.ts'
import { createWriter } from './vectors/writer.ts'

export const VECTORS_FILE = 'vectors.db'

export interface DaemonOptions {
  readonly config: Config
  readonly library: LibraryOptions
  readonly dataDir: string
  /** Folders that hold models, searched in this order. */
  readonly modelFolders: readonly string[]
  readonly events: Events
}

export interface Daemon {
  readonly report: Ledger['report']
  /** True once this ledger has seen the library, in this run or an earlier one. */
  knowsLibrary(): boolean
  /** Looks at the library now. */
  wake(cause: string): void
  /** Takes nothing new, finishes what runs within `queue.drain_seconds`, closes everything. May be called twice. */
  stop(): Promise<void>
  /** Gives up what still runs: `stop` resolves soon. Whatever is given up stays due. */
  abort(): void
}

/**
 * wake-up -> snapshot -> diff -> ledger -> queue -> fingerprint -> decode -> embed -> write -> ledger. Resolves when everything
 * is open and the first look at the library is under way; rejects, with everything closed again, when that cannot be.
 */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const closers = new AsyncDisposableStack()
  try {
    return await wire(options, closers)
  } catch (error) {
    await closers.disposeAsync()
    throw error
  }
}

/** Opens the stages in the order data flows backwards, so that each finds what it hands its results to. */
async function wire(options: DaemonOptions, closers: AsyncDisposableStack): Promise<Daemon> {
  const { config, dataDir, library, events } = options
  mkdirSync(dataDir, { recursive: true })
  closers.adopt(lockDataDir(dataDir), (lock) => lock.release())
  const models = await loadModels({
    folders: options.modelFolders,
    enabled: config.models.enabled,
    decoderVersion: DECODER_VERSION,
  })
  const ledger = closers.adopt(openRetryingLedger(options), (each) => each.close())
  const store = closers.adopt(await openEmbeddedStore({ file: join(dataDir, VECTORS_FILE) }), (each) =>
    each.close(),
  )
  await bringInLine(models, ledger, store, events)

  const abort = new AbortController()
  const collections = () => ledger.models.all().map(collectionName)
  const writer = createWriter({ store, ledger: ledger.results, collections, events, signal: abort.signal })
  const embedder = closers.adopt(openEmbedder(config, ledger, events), (each) => each.close())
  const audio = closers.adopt(openAudio(options), (each) => each.close())
  const ports = {
    models,
    readTags: library.kind === 'folders',
    ledger: { ...ledger.backlog, ...ledger.results },
    audio,
    embedder,
    writer,
    events,
    now: Date.now,
    describe: describeCause,
  }
  const queue = closers.adopt(
    new WorkQueue({
      backlog: ledger.backlog,
      process: (trackIds, signal) => processTracks(trackIds, ports, signal),
      abort,
      concurrency: config.queue.concurrency,
      window: config.queue.window,
      bulkPriority: PRIORITY.metadata,
      bulkSize: 500,
      pollMs: 1000,
      onIdle: () => void settle(),
      onError: (error) =>
        events.emit('warning', { message: 'a job was interrupted and will be tried again', error }),
    }),
    (each) => each.close(),
  )
  events.emit('started', {
    dataDir,
    library: describeLibrary(library),
    models: models.map(({ name }) => name),
  })
  const follower = followLibrary({
    config,
    library,
    dataDir,
    ledger,
    events,
    onWork: () => queue.poke(),
    onCompared: () => queue.start(),
  })
  const settle = announceConvergence(options, () => follower.idle() && queue.idle, models, ledger, store)
  // What an earlier run left to do may be stale: the library is looked at first, unless there is nothing to be stale.
  if (ledger.report.tracks().total === 0) queue.start()
  closers.use(follower)
  closers.defer(() => queue.drain(config.queue.drain_seconds * 1000))
  return {
    report: ledger.report,
    knowsLibrary: () => follower.knowsLibrary(),
    wake: (cause) => follower.wake(cause),
    stop: () => closers.disposeAsync(),
    abort: () => abort.abort(),
  }
}

function openRetryingLedger({ config, dataDir, events }: DaemonOptions): Ledger {
  return openLedger(join(dataDir, LEDGER_FILE), {
    retry: { delaysMs: config.queue.retry_minutes.map((minutes) => minutes * 60_000) },
    onCount: (counter, n) => events.emit('counted', { counter, n }),
  })
}

function describeLibrary(library: LibraryOptions): string {
  return library.kind === 'navidrome' ? library.database : library.roots.join(', ')
}

/** Makes ledger and store agree on which models there are, and on what a crash may have left between them. */
async function bringInLine(
  models: readonly Model[],
  ledger: Ledger,
  store: VectorStore,
  events: Events,
): Promise<void> {
  const breathe = () => new Promise<void>((resolve) => setImmediate(resolve))
  await ensureCollections(models, store)
  await ledger.models.enable(models, Date.now(), breathe)
  await recover({ ...ledger.results, interruptedWrites: ledger.interruptedWrites }, store, events)
  const doneCount = (name: string) => ledger.report.models().find((model) => model.name === name)?.done ?? 0
  await audit(models, { ...ledger.backlog, ...ledger.results, doneCount }, store, events)
}

function openAudio({ config, dataDir, events }: DaemonOptions): AudioPool {
  // One folder for each data directory: what a killed daemon left there is cleared by the next one.
  const scratchName = createHash('sha256').update(resolve(dataDir)).digest('hex').slice(0, 12)
  return createAudioPool({
    children: config.audio.children,
    timeoutMs: config.audio.timeout_seconds * 1000,
    rssLimitBytes: config.audio.memory_limit_mb * 2 ** 20,
    analysedSecondsMax: config.audio.analysed_minutes * 60,
    scratchFolder: join(config.audio.scratch_dir, `soundledger-${scratchName}`),
    onChildExit({ reason, expected }) {
      if (!expected) events.emit('childExited', { kind: 'audio', cause: reason })
    },
  })
}

function openEmbedder(config: Config, ledger: Ledger, events: Events): Embedder {
  const { execution } = config
  return createEmbedder({
    threads: execution.threads,
    provider: execution.provider,
    batchWindows: execution.batch_windows,
    timeoutMs: execution.timeout_seconds * 1000,
    decoderVersion: DECODER_VERSION,
    idleUnloadMs: execution.idle_unload_seconds * 1000,
    onEvent(event) {
      if (event.type === 'process-ended' && !event.expected)
        events.emit('childExited', { kind: 'inference', cause: event.reason })
      if (event.type !== 'provider-chosen') return
      const { provider, reason } = event.choice
      ledger.models.provider(event.model, provider, reason)
      events.emit('provider', { model: event.model, provider, reason })
    },
  })
}

/** Tells, once each time, when library, ledger and store agree; then readers get the collections that are complete. */
function announceConvergence(
  { events }: DaemonOptions,
  idle: () => boolean,
  models: readonly Model[],
  ledger: Ledger,
  store: VectorStore,
): () => Promise<void> {
  let busySince: number | null = performance.now()
  events.on('decided', () => {
    busySince ??= performance.now()
  })
  return async () => {
    if (busySince === null || !idle()) return
    const durationMs = performance.now() - busySince
    busySince = null
    const pending = new Map(ledger.report.models().map((model) => [model.name, model.pending]))
    const switches = await switchFinished(models, (name) => pending.get(name) ?? 0, store)
    for (const change of switches) events.emit('switched', change)
    ledger.checkpoint()
    events.emit('converged', { durationMs })
  }
}
