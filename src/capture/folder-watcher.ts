import { type ChildProcess, fork } from 'node:child_process'
import { extname } from 'node:path'
import { describeError, TransientError } from '../core/errors.ts'
import { retryTransient } from '../core/retry.ts'
import type { FolderCause, SessionSettings } from './folder-session.ts'

export interface FolderWatcher {
  /** May be called twice. */
  close(): Promise<void>
}

export interface FolderWatcherOptions {
  readonly followSymlinks: boolean
  /** Look at the library. Called once watching has begun, and again each time it had to be begun anew. */
  readonly onMoved: (cause: FolderCause) => void
  /** Something cannot be watched, or not for now. The same thing is said once. */
  readonly onError: (message: string) => void
  /** A file has settled when nothing happened to it for this long (default 2) ... */
  readonly settleSeconds?: number
  /** ... and while it keeps growing there is a wake-up this often (default 30). */
  readonly maxWaitSeconds?: number
  /** How often the library is to be looked at when it cannot be watched (default 60). */
  readonly pollSeconds?: number
  /** Events within a second from which on some may have been lost (default 4,000; the kernel queues 16,384). */
  readonly burstEvents?: number
  /** How often mounts are compared, and the least time between two starts of watching (defaults 5 and 15). */
  readonly probeSeconds?: number
  readonly restartSeconds?: number
  /** The child is taken for dead when it was silent for this long (default 60). */
  readonly silenceSeconds?: number
  /** Another process only in tests. */
  readonly entry?: URL
  readonly onStart?: (child: ChildProcess) => void
}

export type FromFolderChild =
  | { type: 'moved'; cause: FolderCause }
  | { type: 'warning'; message: string }
  | { type: 'alive' }

const DEFAULT_ENTRY = new URL(`./folder-child${extname(import.meta.url)}`, import.meta.url)
/** Listing makes garbage faster than it is worth keeping: 120 MB instead of 300 MB for 10,000 folders. */
const NODE_OPTIONS = ['--max-semi-space-size=2', '--optimize-for-size']
const LIMITED_MS = 3_600_000
const STDERR_CHARACTERS = 4000

/**
 * Says that something moved below the roots; which file is the diff's business. Events can be lost without a word (an
 * overflowing kernel queue, network mounts), so nobody may rely on them alone.
 *
 * chokidar runs in a process of its own: listing 100,000 files in 10,000 folders takes it 150 MB, a burst of 40,000 events
 * 240 MB, and both block its event loop for a quarter of a second and more. Whatever kills or hangs it is noticed, and it
 * is started again. Here it costs 2 MB.
 */
export function watchFolders(roots: readonly string[], options: FolderWatcherOptions): FolderWatcher {
  const closing = new AbortController()
  const { onError, onMoved } = options
  const running = retryTransient(() => runChild(roots, options, closing.signal), {
    minDelayMs: 1000,
    maxDelayMs: 60_000,
    signal: closing.signal,
    onRetry: (error, _attempt, delayMs) => {
      onError(`${error.message}; starting it again in ${Math.ceil(delayMs / 1000)} s`)
      onMoved('folder watch lost')
    },
  }).catch((error: unknown) => {
    if (!closing.signal.aborted) throw error
  })
  return {
    async close() {
      closing.abort()
      await running
    },
  }
}

/** Runs one child until it ends: resolves when that was asked for, rejects with a TransientError when it was not. */
async function runChild(
  roots: readonly string[],
  options: FolderWatcherOptions,
  signal: AbortSignal,
): Promise<void> {
  const child = start(roots, options.entry ?? DEFAULT_ENTRY)
  let why: string | null = null
  let stderr = ''
  const kill = (because: string): void => {
    why ??= because
    child.kill('SIGKILL')
  }
  const silenceMs = (options.silenceSeconds ?? 60) * 1000
  const silence = setTimeout(() => kill(`gave no sign of life for ${silenceMs / 1000} s`), silenceMs)
  const stop = (): void => kill('closed')
  signal.addEventListener('abort', stop, { once: true })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-STDERR_CHARACTERS)
  })
  child.on('message', (message: FromFolderChild) => {
    silence.refresh()
    if (signal.aborted || message.type === 'alive') return
    if (message.type === 'moved') options.onMoved(message.cause)
    else options.onError(message.message)
  })
  options.onStart?.(child)
  // A failed send means that the process is going; its end says more than this error.
  child.send(settings(roots, options), () => undefined)
  const end = await ended(child)
  clearTimeout(silence)
  signal.removeEventListener('abort', stop)
  if (signal.aborted) return
  const said = stderr.split('\n').find((line) => /error/i.test(line))
  throw lost(roots, `${why ?? end}${said === undefined ? '' : `: ${said.trim()}`}`)
}

function start(roots: readonly string[], entry: URL): ChildProcess {
  try {
    return fork(entry, [], { execArgv: NODE_OPTIONS, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
  } catch (error) {
    throw lost(roots, `could not be started: ${describeError(error)}`)
  }
}

function lost(roots: readonly string[], how: string): TransientError {
  const message = `the process that watches folders ${how}`
  return new TransientError({ operation: 'watch folders', subject: roots.join(', '), message })
}

function settings(roots: readonly string[], options: FolderWatcherOptions): SessionSettings {
  return {
    roots,
    followSymlinks: options.followSymlinks,
    settleMs: (options.settleSeconds ?? 2) * 1000,
    maxWaitMs: (options.maxWaitSeconds ?? 30) * 1000,
    pollMs: (options.pollSeconds ?? 60) * 1000,
    probeMs: (options.probeSeconds ?? 5) * 1000,
    restartMs: (options.restartSeconds ?? 15) * 1000,
    limitedMs: LIMITED_MS,
    burstEvents: options.burstEvents ?? 4000,
  }
}

/** How the process went, once it is gone and its pipes are closed. */
function ended(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(`could not be started: ${error.message}`))
    child.once('close', (code, signal) =>
      resolve(signal === null ? `ended with code ${code}` : `was ended by ${signal}`),
    )
  })
}
