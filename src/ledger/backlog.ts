import type Database from 'better-sqlite3'
import type { Priority, TrackJob } from '../core/operation.ts'
import type { LedgerTrack } from '../core/track.ts'
import { type JobRow, type OperationRow, TRACK_COLUMNS, type TrackRow, toJob, toTrack } from './rows.ts'

const DUE =
  'select id, priority from tracks where due_at is not null and due_at <= ? order by priority, due_at desc limit ?'
const NEXT_DUE = 'select min(due_at) from tracks where due_at > ?'
const JOB = `select ${TRACK_COLUMNS}, revision, inspect, publish, remove, priority from tracks where id = ?`
const OPERATIONS = `
  select model, state, fingerprint, digest, attempts, cause, next_attempt_at from operations where track_id = ? order by model`
/** Other tracks that sound the same; missing ones first, since a moved file looks like one missing and one new track. */
const TWINS = `
  select ${TRACK_COLUMNS} from tracks where fingerprint = ? and id <> ? order by state = 'missing' desc, id limit 8`

const DONE_PAGE = `
  select o.track_id as trackId, t.key, o.fingerprint from operations o join tracks t on t.id = o.track_id
  where o.model = @model and o.track_id > @after and o.state = 'done' order by o.track_id limit @limit`

export interface DueTrack {
  readonly id: number
  readonly priority: Priority
}

/** The backlog, which is the ledger itself: what is due, and what each track needs. */
export interface Backlog {
  /** Tracks due at `now`, most urgent first, newest first within one priority. */
  due(now: number, limit: number): DueTrack[]
  /** When the next track that is not due yet will be (epoch ms), or null. */
  nextDueAt(now: number): number | null
  /** What there is to do for one track as of now; null when it is gone. */
  job(trackId: number): TrackJob | null
  twins(fingerprint: string, trackId: number): LedgerTrack[]
  /** Tracks whose operation under this model is done, in pages by row id. */
  donePage(model: string, after: number, limit: number): DoneTrack[]
}

export interface DoneTrack {
  readonly trackId: number
  readonly key: string
  readonly fingerprint: string
}

export function createBacklog(db: Database.Database): Backlog {
  const due = db.prepare<[number, number], DueTrack>(DUE)
  const nextDue = db.prepare<[number], number | null>(NEXT_DUE).pluck()
  const job = db.prepare<[number], JobRow>(JOB)
  const operations = db.prepare<[number], OperationRow>(OPERATIONS)
  const twins = db.prepare<[string, number], TrackRow>(TWINS)
  const donePage = db.prepare<[{ model: string; after: number; limit: number }], DoneTrack>(DONE_PAGE)
  return {
    donePage: (model, after, limit) => donePage.all({ model, after, limit }),
    due: (now, limit) => due.all(now, limit),
    nextDueAt: (now) => nextDue.get(now) ?? null,
    job(trackId) {
      const row = job.get(trackId)
      return row === undefined ? null : toJob(row, operations.all(trackId))
    },
    twins: (fingerprint, trackId) => twins.all(fingerprint, trackId).map(toTrack),
  }
}
