import { join } from 'node:path'
import { LEDGER_FILE, openLedger, readLedger } from '../ledger/ledger.ts'
import { type CommandContext, EXIT, type ExitCode } from './context.ts'
import { type CommonOptions, dataDirectory } from './settings.ts'

/** `soundledger retry`: gives failed operations a fresh set of attempts; a running daemon takes them within a second. */
export function retry(options: CommonOptions, context: CommandContext): ExitCode {
  return change(
    options,
    context,
    (ledger) => `${ledger.retry(null, Date.now())} failed operations are due again`,
  )
}

/** `soundledger confirm-removals`: tracks that are missing now may be removed once their grace period is over. */
export function confirmRemovals(options: CommonOptions, context: CommandContext): ExitCode {
  return change(options, context, (ledger) => {
    const confirmed = ledger.changes.confirmRemovals()
    ledger.setHolds(ledger.report.holds().filter(({ reason }) => !reason.includes('are missing')))
    return `removal of ${confirmed} missing tracks confirmed`
  })
}

function change(
  options: CommonOptions,
  context: CommandContext,
  body: (ledger: ReturnType<typeof openLedger>) => string,
): ExitCode {
  const file = join(dataDirectory(options, context), LEDGER_FILE)
  // Says that there is none instead of making an empty one.
  readLedger(file).close()
  const ledger = openLedger(file, { retry: { delaysMs: [] } })
  try {
    context.stdout.write(`${body(ledger)}\n`)
    return EXIT.done
  } finally {
    ledger.close()
  }
}
