import { parentPort, workerData } from 'node:worker_threads'
import { toWire } from './core/errors.ts'
import { openForReading } from './ledger/database.ts'
import { createLookups } from './ledger/lookups.ts'
import { type LibrarySource, openLibrary } from './library/source.ts'
import type { FromPassWorker, PassWorkerData, ToPassWorker } from './pass-thread.ts'
import { reconcile } from './reconcile/pass.ts'

/**
 * The thread that reads the library: runs passes on request, and between passes asks every `pollMs` whether the library's
 * version moved. Opens the library when first needed, and anew after a failure.
 */
const { library: options, ledgerFile, pollMs } = workerData as PassWorkerData
const port = parentPort
if (port === null) throw new Error('pass-worker runs as a worker thread only')

const ledger = openForReading(ledgerFile)
const known = createLookups(ledger)
let library: LibrarySource | null = null
let versionOfPass = ''
let passing = false
let acknowledge: (() => void) | null = null

const post = (message: FromPassWorker): void => port.postMessage(message)

function openedLibrary(): LibrarySource {
  library ??= openLibrary(options)
  return library
}

function closeLibrary(): void {
  library?.close()
  library = null
}

async function pass(): Promise<void> {
  passing = true
  try {
    const source = openedLibrary()
    versionOfPass = source.version()
    const summary = await reconcile(source, known, async (decisions) => {
      post({ type: 'decisions', decisions })
      await new Promise<void>((resolve) => {
        acknowledge = resolve
      })
    })
    post({ type: 'summary', summary, roots: source.roots() })
  } catch (error) {
    closeLibrary()
    post({ type: 'failed', error: toWire(error, 'read library', subject()) })
  } finally {
    passing = false
  }
}

function poll(): void {
  if (passing || library === null) return
  try {
    if (library.version() === versionOfPass) return
    versionOfPass = library.version()
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
port.on('message', (message: ToPassWorker) => {
  if (message.type === 'pass') void pass()
  else if (message.type === 'poll') poll()
  else if (message.type === 'ack') acknowledge?.()
  else {
    clearInterval(timer)
    closeLibrary()
    ledger.close()
    port.close()
  }
})
