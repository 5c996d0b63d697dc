import { existsSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Config } from '../config.ts'
import { PermanentError } from '../core/errors.ts'
import { Events } from '../core/events.ts'
import { type Counters, zeroCounters } from '../core/operation.ts'
import { type Daemon, startDaemon } from '../daemon.ts'
import { logEvents } from '../telemetry/log.ts'
import { type CommandContext, EXIT, type ExitCode, UsageError } from './context.ts'
import { createOutput, type Output } from './output.ts'
import { type CommonOptions, dataDirectory, libraryOptions, readConfig } from './settings.ts'

export interface WatchOptions extends CommonOptions {
  readonly once?: boolean
  readonly json?: boolean
  readonly demo?: boolean
  readonly library?: string
}

const STANDING_BY = `Watching. Ctrl-C stops; "soundledger status" and "soundledger similar TRACK" work meanwhile.
The page and the metrics will be at http://127.0.0.1:9440; this version does not serve them yet.
`

/** How often a library that was never seen may fail to be read before a run gives up. */
const FIRST_READS = 3

/** `soundledger watch`: keeps embeddings in step with the library until interrupted, or with `--once` until converged. */
export async function watch(
  folders: readonly string[],
  options: WatchOptions,
  context: CommandContext,
): Promise<ExitCode> {
  const overrides = options.demo === true ? {} : { library: libraryOverrides(folders, options, context) }
  if (options.demo === true && (folders.length > 0 || options.library !== undefined)) {
    throw new UsageError('--demo makes its own library: leave out folders and --library')
  }
  const config = readConfig(options, context, overrides)
  const output = createOutput(config, context)
  const startedAt = performance.now()
  await using demo = options.demo === true ? await startDemo(context, output) : null
  const watched = demo === null ? config : readConfig(options, context, { library: demo.library })
  const run = new Run(watched, options, context, output)
  return run.untilDone(startedAt)
}

function libraryOverrides(
  folders: readonly string[],
  { library }: WatchOptions,
  context: CommandContext,
): Record<string, unknown> {
  for (const folder of folders) assertFolder(resolve(context.cwd, folder))
  if (library !== undefined && folders.length > 0) {
    throw new UsageError('--library takes the music folders from the database: leave out the folders')
  }
  if (library !== undefined) return { database: resolve(context.cwd, library), folders: [] }
  return folders.length > 0
    ? { folders: folders.map((folder) => resolve(context.cwd, folder)), database: null }
    : {}
}

function assertFolder(folder: string): void {
  if (!existsSync(folder))
    throw new UsageError(`${folder}: there is no such folder; commands are listed by --help`)
  if (!statSync(folder).isDirectory())
    throw new UsageError(`${folder} is a file, expected a music folder (a database goes to --library)`)
}

interface RunningDemo extends AsyncDisposable {
  readonly library: Record<string, unknown>
}

/** Makes the demo library and starts its little server; loaded only when asked for. */
async function startDemo(context: CommandContext, { log, progress }: Output): Promise<RunningDemo> {
  const { makeDemoLibrary, startDemoServer } = await import('../../tools/demo/library.ts')
  const folder = join(context.cwd, 'demo')
  log.info({ folder }, 'making the demo library (once; about half a minute)')
  await makeDemoLibrary(folder, { onProgress: (done, total) => progress.update(done, total, done) })
  progress.stop()
  const server = await startDemoServer(folder)
  log.info({ database: server.databasePath, serverPid: server.pid }, 'demo server started')
  return {
    library: { database: server.databasePath, folders: [] },
    [Symbol.asyncDispose]: () => server.close(),
  }
}

/** One run of the daemon from start to end, with what it counted. */
class Run {
  readonly #config: Config
  readonly #options: WatchOptions
  readonly #context: CommandContext
  readonly #output: Output
  readonly #counters: Counters = zeroCounters()

  constructor(config: Config, options: WatchOptions, context: CommandContext, output: Output) {
    this.#config = config
    this.#options = options
    this.#context = context
    this.#output = output
  }

  async untilDone(startedAt: number): Promise<ExitCode> {
    const events = new Events()
    const { log, progress } = this.#output
    logEvents(events, log)
    events.on('counted', ({ counter, n }) => {
      this.#counters[counter] += n
    })
    const dataDir = dataDirectory(this.#options, this.#context)
    const ended = Promise.withResolvers<ExitCode>()
    let failedReads = 0
    const daemon = await startDaemon({
      config: this.#config,
      library: libraryOptions(this.#config, this.#context),
      dataDir,
      modelFolders: [
        join(this.#context.packageRoot, 'models'),
        join(dataDir, 'models'),
        ...this.#config.models.folders,
      ],
      events,
    })
    this.#context.onInterrupt(
      () => {
        log.info('stopping: finishing what is in work (interrupt again to give it up)')
        ended.resolve(EXIT.done)
      },
      () => daemon.abort(),
    )
    events.on('counted', () => this.#showProgress(daemon))
    events.on('pass', () => {
      failedReads = 0
      this.#showProgress(daemon)
    })
    events.on('passFailed', ({ error }) => {
      failedReads += 1
      const hopeless = error instanceof PermanentError || failedReads >= FIRST_READS
      if (hopeless && (this.#options.once === true || !daemon.knowsLibrary())) ended.reject(error)
    })
    events.on('converged', () => {
      progress.stop()
      this.#report(daemon, performance.now() - startedAt)
      if (this.#options.once === true)
        ended.resolve(daemon.report.tracks().failed > 0 ? EXIT.failedTracks : EXIT.done)
    })
    try {
      return await ended.promise
    } finally {
      progress.stop()
      await daemon.stop()
    }
  }

  #showProgress(daemon: Daemon): void {
    const { done, failed, total } = daemon.report.operations()
    if (done + failed < total)
      this.#output.progress.update(done + failed, total, daemon.report.tracks().total)
  }

  #report(daemon: Daemon, durationMs: number): void {
    const { stdout, stderr } = this.#context
    const tracks = daemon.report.tracks()
    const operations = daemon.report.operations()
    if (this.#options.json === true) {
      const run = { ...this.#counters }
      stdout.write(
        `${JSON.stringify({ converged: true, tracks, operations, run, durationMs: Math.round(durationMs) })}\n`,
      )
      return
    }
    const { embedded, reused, attributesUpdated, removed } = this.#counters
    const lines = [
      `${tracks.present} tracks present, ${tracks.missing} missing, ${tracks.failed} failed, ${tracks.held} held`,
      `${operations.done} of ${operations.total} operations done (a track under a model); this run: ${embedded} embedded, ${reused} reused, ${attributesUpdated} rewritten, ${removed} removed`,
      ...daemon.report.failures(10).map(({ path, cause }) => `  failed: ${path}: ${cause}`),
    ]
    stderr.write(`${lines.join('\n')}\n`)
    if (this.#options.once !== true) stderr.write(STANDING_BY)
  }
}
