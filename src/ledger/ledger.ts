import type Database from 'better-sqlite3'
import type { Hold } from '../core/decision.ts'
import type { Counter } from '../core/operation.ts'
import { type Backlog, createBacklog } from './backlog.ts'
import { type Changes, createChanges } from './changes.ts'
import { openForReading, openForWriting } from './database.ts'
import { createLookups, type Lookups } from './lookups.ts'
import { createModels, type Models } from './models.ts'
import { createReport, type Report } from './report.ts'
import { createResults, type Results, type RetryPolicy } from './results.ts'

export const LEDGER_FILE = 'ledger.db'

/** An operation that was being written when the process died. */
export interface InterruptedWrite {
  readonly trackId: number
  readonly key: string
  readonly model: string
  readonly fingerprint: string
  readonly digest: string
}

/** soundledger's memory: tracks, operations and their state, counters. One process writes, any number read. */
export interface Ledger {
  readonly changes: Changes
  readonly backlog: Backlog
  readonly results: Results
  readonly models: Models
  readonly report: Report
  readonly lookups: Lookups
  meta(name: string): string | null
  setMeta(name: string, value: string): void
  setHolds(holds: readonly Hold[]): void
  interruptedWrites(): InterruptedWrite[]
  /** A person asks: every failed operation (or those of one track) gets a fresh set of attempts, now. Returns how many. */
  retry(trackId: number | null, now: number): number
  /** Moves committed pages into the main file; called between bursts, so that no commit has to. */
  checkpoint(): void
  /** May be called twice. */
  close(): void
}

const INTERRUPTED = `
  select track_id as trackId, key, model, o.fingerprint, o.digest
  from operations o join tracks t on t.id = o.track_id where o.state = 'writing'`

const RETRY_TRACKS = `
  update tracks set due_at = @now where (@trackId is null or id = @trackId) and failed = 1`
const RETRY = `
  update operations set attempts = 0, state = 'pending', next_attempt_at = null
  where (@trackId is null or track_id = @trackId) and state = 'failed'`

export interface LedgerOptions {
  readonly retry: RetryPolicy
  readonly onCount?: (counter: Counter, n: number) => void
}

/** Opens (and if need be creates or upgrades) the ledger in `file`, for the one process that writes it. */
export function openLedger(file: string, options: LedgerOptions): Ledger {
  return assemble(openForWriting(file), options)
}

/** Opens the ledger beside a running daemon, or without one; nothing can be written through it. */
export function readLedger(file: string): Pick<Ledger, 'report' | 'lookups' | 'models' | 'meta' | 'close'> {
  const db = openForReading(file)
  return {
    report: createReport(db),
    lookups: createLookups(db),
    models: createModels(db),
    meta: (name) => readMeta(db, name),
    close: () => void db.close(),
  }
}

function assemble(db: Database.Database, options: LedgerOptions): Ledger {
  const setMeta = db.prepare(
    'insert into meta values (@name, @value) on conflict do update set value = @value',
  )
  const interrupted = db.prepare<[], InterruptedWrite>(INTERRUPTED)
  const retryTracks = db.prepare(RETRY_TRACKS)
  const retry = db.prepare(RETRY)
  const retryBoth = db.transaction((trackId: number | null, now: number) => {
    retryTracks.run({ trackId, now })
    return retry.run({ trackId }).changes
  })
  return {
    changes: createChanges(db),
    backlog: createBacklog(db),
    results: createResults(db, options.retry, options.onCount ?? (() => {})),
    models: createModels(db),
    report: createReport(db),
    lookups: createLookups(db),
    meta: (name) => readMeta(db, name),
    setMeta: (name, value) => void setMeta.run({ name, value }),
    setHolds: (holds) => void setMeta.run({ name: 'holds', value: JSON.stringify(holds) }),
    interruptedWrites: () => interrupted.all(),
    retry: (trackId, now) => retryBoth.immediate(trackId, now),
    checkpoint: () => void db.pragma('wal_checkpoint(passive)'),
    close: () => void db.close(),
  }
}

function readMeta(db: Database.Database, name: string): string | null {
  return db.prepare<[string], string>('select value from meta where name = ?').pluck().get(name) ?? null
}
