import { join } from 'node:path'
import { setImmediate as breathe } from 'node:timers/promises'
import { watchDatabase } from './capture/database-watcher.ts'
import { type FolderWatcher, watchFolders } from './capture/folder-watcher.ts'
import { WakeUps } from './capture/wake-ups.ts'
import type { Config } from './config.ts'
import type { Decision, Hold } from './core/decision.ts'
import type { Events } from './core/events.ts'
import { PRIORITY } from './core/operation.ts'
import { LEDGER_FILE, type Ledger } from './ledger/ledger.ts'
import { applyInPieces } from './ledger/pieces.ts'
import type { LibraryOptions } from './library/source.ts'
import { PassThread } from './pass-thread.ts'
import { ReconcileLoop } from './reconcile/loop.ts'
import { expireMissing } from './reconcile/removal.ts'

const DAY_MS = 86_400_000
/** Where a server's database tells what is new, events of the folders only show what it overlooks: that can wait. */
const SERVED_FOLDERS_MS = 60_000
const RETRY_DELAYS_MS = [1000, 2000, 5000, 15_000, 60_000]
const FIRST_PASS = 'first pass'
/** The one cause whose extent is known; every other one means that all may have changed. */
const DATABASE = 'database'

export interface FollowOptions {
  readonly config: Config
  readonly library: LibraryOptions
  readonly dataDir: string
  readonly ledger: Ledger
  readonly events: Events
  /** The ledger has new work. */
  readonly onWork: () => void
  /** The library was compared, or could not be. */
  readonly onCompared: () => void
}

export interface LibraryFollower extends AsyncDisposable {
  /** Nothing is being compared, asked for, or waiting to be tried again, and the library was seen whole at least once. */
  idle(): boolean
  /** True once this ledger has seen the library, in this run or an earlier one. */
  knowsLibrary(): boolean
  wake(cause: string): void
}

/**
 * wake-up -> snapshot -> diff -> ledger. Wakes up at the start, when database or folders move, every
 * `capture.full_diff_minutes`, and when asked; each time the whole difference is written into the ledger.
 */
export function followLibrary(options: FollowOptions): LibraryFollower {
  const { config, ledger, events } = options
  const closers = new AsyncDisposableStack()
  const wakeUps = new WakeUps({
    debounceMs: config.capture.debounce_seconds * 1000,
    maxWaitMs: config.capture.max_wait_seconds * 1000,
    onWake: (causes) => loop.request(causes),
  })
  const thread = closers.adopt(
    new PassThread(
      {
        library: options.library,
        ledgerFile: join(options.dataDir, LEDGER_FILE),
        pollMs: config.capture.poll_seconds * 1000,
      },
      () => wakeUps.wake(DATABASE),
    ),
    (each) => each.close(),
  )
  if (options.library.kind === 'navidrome') {
    const { database } = options.library
    const onError = (message: string) =>
      events.emit('warning', { message: `watching ${database}: ${message}` })
    closers.adopt(watchDatabase(database, { onMoved: () => thread.poll(), onError }), (each) => each.close())
  }
  const folderWait = closers.adopt(new Delay(() => wakeUps.wake('folder')), (each) => each.close())
  function folderMoved(cause: string): void {
    if (options.library.kind === 'folders') wakeUps.wake(cause)
    else if (!folderWait.waiting)
      folderWait.in(Math.max(0, comparedAt + SERVED_FOLDERS_MS - performance.now()))
  }
  const folders = closers.adopt(new RootWatch(config, events, folderMoved), (each) => each.close())
  /** What the last comparison of everything had to leave alone, and when it ended. */
  let unreadable: readonly Hold[] = []
  let comparedAt = Number.NEGATIVE_INFINITY
  const lookAgain = closers.adopt(new Delay(() => loop.request(['settled'])), (each) => each.close())
  const loop = closers.adopt(
    new ReconcileLoop({
      pass: async (causes) => {
        const { summary, roots, capture } = await thread.run(
          causes.some((cause) => cause !== DATABASE),
          (decisions) => apply(decisions, options),
        )
        if (ledger.meta(FIRST_PASS) === null) ledger.setMeta(FIRST_PASS, String(Date.now()))
        ledger.setMeta('capture', JSON.stringify(capture))
        folders.watch(roots)
        if (summary.scope === 'all') {
          unreadable = summary.holds
          comparedAt = performance.now()
        }
        await settleMissing(unreadable, options)
        if (summary.unsettled > 0) lookAgain.in(config.library.settle_seconds * 1000)
        events.emit('pass', { causes, summary })
      },
      onFailed: (causes, error, retryInMs) => events.emit('passFailed', { causes, error, retryInMs }),
      retryDelaysMs: RETRY_DELAYS_MS,
      onIdle: options.onCompared,
    }),
    (each) => each.close(),
  )
  closers.adopt(wakeUps, (each) => each.close())
  const timer = setInterval(() => wakeUps.wake('timer'), config.capture.full_diff_minutes * 60_000)
  closers.defer(() => clearInterval(timer))
  loop.request(['start'])
  return {
    idle: () => loop.idle && !lookAgain.waiting && ledger.meta(FIRST_PASS) !== null,
    knowsLibrary: () => ledger.meta(FIRST_PASS) !== null,
    wake: (cause) => wakeUps.wake(cause),
    [Symbol.asyncDispose]: () => closers.disposeAsync(),
  }
}

async function apply(
  decisions: readonly Decision[],
  { ledger, events, onWork }: FollowOptions,
): Promise<void> {
  const addPriority = ledger.meta(FIRST_PASS) === null ? PRIORITY.backlog : PRIORITY.change
  await applyInPieces(ledger.changes, decisions, addPriority)
  for (const decision of decisions) events.emit('decided', decision)
  onWork()
}

/** Lets go what has been missing for long enough, and notes what is held and why (I5). */
async function settleMissing(
  holds: readonly Hold[],
  { config, ledger, events }: FollowOptions,
): Promise<void> {
  const policy = {
    graceMs: config.removal.grace_days * DAY_MS,
    guardShare: config.removal.guard_percent / 100,
    guardTracks: config.removal.guard_tracks,
  }
  const tracks = { missing: ledger.report.missing, expire: ledger.changes.expire }
  const massLoss = await expireMissing(tracks, policy, Date.now(), breathe)
  const all = massLoss === null ? holds : [...holds, massLoss]
  const known = new Set(ledger.report.holds().map(({ reason }) => reason))
  ledger.setHolds(all)
  for (const hold of all) if (!known.has(hold.reason)) events.emit('held', hold)
}

/** One call that is still to come, at most. */
class Delay {
  readonly #call: () => void
  #timer: NodeJS.Timeout | null = null

  constructor(call: () => void) {
    this.#call = call
  }

  get waiting(): boolean {
    return this.#timer !== null
  }

  in(delayMs: number): void {
    this.close()
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.#call()
    }, delayMs)
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }
}

/** Watches the roots of the last pass; starts over when they changed. */
class RootWatch {
  readonly #config: Config
  readonly #events: Events
  readonly #onMoved: (cause: string) => void
  #roots = ''
  #watcher: FolderWatcher | null = null

  constructor(config: Config, events: Events, onMoved: (cause: string) => void) {
    this.#config = config
    this.#events = events
    this.#onMoved = onMoved
  }

  watch(roots: readonly string[]): void {
    if (!this.#config.library.watch_folders || this.#roots === roots.join('\0')) return
    this.#roots = roots.join('\0')
    void this.#watcher?.close()
    this.#watcher = watchFolders(roots, {
      followSymlinks: this.#config.library.follow_symlinks,
      settleSeconds: this.#config.library.settle_seconds,
      onMoved: this.#onMoved,
      onError: (message) => this.#events.emit('warning', { message: `watching folders: ${message}` }),
    })
  }

  async close(): Promise<void> {
    await this.#watcher?.close()
  }
}
