import { join } from 'node:path'
import Table from 'cli-table3'
import { LEDGER_FILE, readLedger } from '../ledger/ledger.ts'
import { type CommandContext, EXIT, type ExitCode } from './context.ts'
import { type CommonOptions, dataDirectory } from './settings.ts'

const FAILURES_SHOWN = 20
const FAILURES_JSON = 1000

/** `soundledger status`: what the ledger says, with or without a running daemon. */
export function status(
  options: CommonOptions & { readonly json?: boolean },
  context: CommandContext,
): ExitCode {
  const ledger = readLedger(join(dataDirectory(options, context), LEDGER_FILE))
  try {
    const { report } = ledger
    const facts = {
      tracks: report.tracks(),
      operations: report.operations(),
      models: report.models(),
      lifetime: report.lifetime(),
      failures: report.failures(options.json === true ? FAILURES_JSON : FAILURES_SHOWN),
      holds: report.holds(),
      capture: report.capture(),
      rebuild: null,
    }
    context.stdout.write(options.json === true ? `${JSON.stringify(facts)}\n` : asText(facts))
    return EXIT.done
  } finally {
    ledger.close()
  }
}

type Report = ReturnType<typeof readLedger>['report']
interface Facts {
  tracks: ReturnType<Report['tracks']>
  operations: ReturnType<Report['operations']>
  models: ReturnType<Report['models']>
  lifetime: ReturnType<Report['lifetime']>
  failures: ReturnType<Report['failures']>
  holds: ReturnType<Report['holds']>
  capture: ReturnType<Report['capture']>
}

function asText({ tracks, operations, models, failures, holds, capture }: Facts): string {
  const counts = new Table({
    head: ['', 'total', 'done', 'pending', 'failed', 'provider'],
    style: { head: [], border: [] },
  })
  counts.push(['operations', operations.total, operations.done, operations.pending, operations.failed, ''])
  for (const { name, done, pending, failed, provider } of models) {
    counts.push([`  ${name}`, done + pending + failed, done, pending, failed, provider ?? 'not loaded yet'])
  }
  const lines = [
    `tracks: ${tracks.total} (${tracks.present} present, ${tracks.missing} missing, ${tracks.failed} failed, ${tracks.held} held)`,
    counts.toString(),
    ...holds.map(({ reason, tracks: held }) => `held: ${held} tracks: ${reason}`),
  ]
  if (capture !== null) {
    const { commits, irrelevant, hinted, falseAlarms } = capture
    lines.push(
      `database: ${commits} commits since it was opened; they asked ${irrelevant} times for nothing and ${hinted} times for some rows (${falseAlarms} false alarms)`,
    )
  }
  for (const { path, model, cause, attempts, nextAttemptAt } of failures) {
    const next =
      nextAttemptAt === null
        ? 'when the file changes or on `soundledger retry`'
        : new Date(nextAttemptAt).toLocaleString()
    lines.push(`failed: ${path}\n        ${model}: ${cause}\n        attempts: ${attempts}, next: ${next}`)
  }
  return `${lines.join('\n')}\n`
}
