import { parentPort, workerData } from 'node:worker_threads'
import { ChangedRows } from './changed-rows.ts'
import type { Decision, PassSummary } from './core/decision.ts'
import { toWire } from './core/errors.ts'
import { openCheckpointer, openForReading } from './ledger/database.ts'
import { createLookups } from './ledger/lookups.ts'
import { type LibrarySource, openLibrary } from './library/source.ts'
import type { FromPassWorker, PassWorkerData, ToPassWorker } from './pass-thread.ts'
import { reconcile, reconcileRows } from './reconcile/pass.ts'

/**
 * The thread that reads the library: compares it with the ledger on request, and between requests asks every `pollMs`, or
 * when told, whether rows of tracks changed. Opens the library when first needed, and anew after a failure.
 */
const { library: options, ledgerFile, pollMs } = workerData as PassWorkerData
const port = parentPort
/** How often the ledger's log is moved into its main file: here, where nobody waits for it. */
const CHECKPOINT_MS = 1000
if (port === null) throw new Error('pass-worker runs as a worker thread only')

const ledger = openForReading(ledgerFile)
const known = createLookups(ledger)
const checkpointer = openCheckpointer(ledgerFile)
let open: { library: LibrarySource; changed: ChangedRows } | null = null
let passing = false
let acknowledge: (() => void) | null = null

const post = (message: FromPassWorker): void => port.postMessage(message)

function openedLibrary(): { library: LibrarySource; changed: ChangedRows } {
  if (open !== null) return open
  const library = openLibrary(options)
  open = { library, changed: new ChangedRows(library) }
  return open
}

function closeLibrary(): void {
  open?.library.close()
  open = null
}

async function emit(decisions: Decision[]): Promise<void> {
  post({ type: 'decisions', decisions })
  await new Promise<void>((resolve) => {
    acknowledge = resolve
  })
}

async function pass(everything: boolean): Promise<void> {
  passing = true
  try {
    const { library, changed } = openedLibrary()
    const scope = changed.take(everything)
    const source = {
      version: () => changed.version(),
      scanning: () => library.scanning(),
      snapshot: (range?: Parameters<LibrarySource['snapshot']>[0]) => library.snapshot(range),
      unreadable: () => library.unreadable(),
      isAvailable: (libraryId: string) => library.isAvailable(libraryId),
    }
    const summary: PassSummary =
      scope.kind === 'all'
        ? await reconcile(source, known, emit)
        : await reconcileRows(source, known, scope.kind === 'rows' ? scope.ranges : [], emit)
    if (scope.kind === 'rows') changed.observed(summary.rows - summary.unchanged)
    if (!summary.consistent) changed.leftOut()
    post({ type: 'summary', result: { summary, roots: library.roots(), capture: changed.counts() } })
  } catch (error) {
    closeLibrary()
    post({ type: 'failed', error: toWire(error, 'read library', subject()) })
  } finally {
    passing = false
  }
}

function poll(): void {
  if (passing || open === null) return
  try {
    if (!open.changed.pending()) return
  } catch {
    // The pass that follows meets the same trouble and reports it.
    closeLibrary()
  }
  post({ type: 'moved' })
}

function subject(): string {
  return options.kind === 'navidrome' ? options.database : options.roots.join(', ')
}

const timer = setInterval(poll, pollMs)
const checkpoints = setInterval(() => checkpointer.checkpoint(), CHECKPOINT_MS)
port.on('message', (message: ToPassWorker) => {
  if (message.type === 'pass') void pass(message.everything)
  else if (message.type === 'poll') poll()
  else if (message.type === 'ack') acknowledge?.()
  else {
    clearInterval(timer)
    clearInterval(checkpoints)
    checkpointer.close()
    closeLibrary()
    ledger.close()
    port.close()
  }
})
