import { type Logger, pino } from 'pino'
import { prettyFactory } from 'pino-pretty'
import { describeCause, describeError } from '../core/errors.ts'
import type { Events } from '../core/events.ts'
import type { LedgerTrack } from '../core/track.ts'

export type { Logger } from 'pino'

export interface LogOptions {
  readonly level: string
  readonly format: 'pretty' | 'json'
  readonly write: (line: string) => void
  readonly colour: boolean
}

/** A logger that writes whole lines with `write`: JSON, or text for people. */
export function createLogger(options: LogOptions): Logger {
  const { level, write } = options
  if (options.format === 'json') return pino({ level, base: null }, { write })
  const asText = prettyFactory({ colorize: options.colour, translateTime: 'SYS:HH:MM:ss', singleLine: true })
  return pino({ level, base: null }, { write: (line) => write(asText(line)) })
}

/** One line an event that matters, with track and cause. */
export function logEvents(events: Events, log: Logger): void {
  events.on('started', (about) => log.info(about, 'started'))
  events.on('pass', ({ causes, summary }) => {
    const { scope, rows, unchanged, decisions, consistent, durationMs } = summary
    const level = unchanged === rows && causes.every((cause) => cause !== 'start') ? 'debug' : 'info'
    log[level](
      { causes, scope, rows, decisions, consistent, durationMs: Math.round(durationMs) },
      'library compared with ledger',
    )
  })
  events.on('passFailed', ({ causes, error, retryInMs }) =>
    log.error({ causes, retryInMs }, `library not read, nothing changed: ${describeError(error)}`),
  )
  events.on('track', ({ track, outcome, models, durationMs }) => {
    const level = outcome === 'published' ? 'debug' : 'info'
    log[level]({ ...about(track), models, durationMs: Math.round(durationMs) }, outcome)
  })
  events.on('failed', ({ track, model, error }) =>
    log.warn({ ...about(track), model }, `failed: ${describeCause(error)}`),
  )
  events.on('childExited', ({ kind, cause }) => log.warn({ cause }, `${kind} process ended`))
  events.on('provider', (choice) => log.info(choice, 'execution provider chosen'))
  events.on('held', ({ reason, tracks }) => log.warn({ tracks }, `removal held: ${reason}`))
  events.on('recovered', (counts) => log.info(counts, 'interrupted writes settled'))
  events.on('audited', (counts) =>
    log.warn(counts, 'the store lacked rows that the ledger calls done; they are due again'),
  )
  events.on('switched', (change) => log.info(change, 'readers see the new collection'))
  events.on('converged', ({ durationMs }) =>
    log.info({ durationMs: Math.round(durationMs) }, 'converged: nothing left to do'),
  )
  events.on('warning', ({ message, error }) =>
    log.warn(error === undefined ? message : `${message}: ${describeError(error)}`),
  )
}

function about({ attributes, path }: LedgerTrack): { track: string; path: string } {
  return { track: `${attributes.artist} - ${attributes.title}`, path }
}
