import type Database from 'better-sqlite3'
import type { Inspection } from '../core/audio.ts'
import { type Counter, PRIORITY, type TrackJob } from '../core/operation.ts'
import type { LedgerTrack } from '../core/track.ts'
import { INSERT_OPERATIONS } from './changes.ts'

/** An operation whose vectors are about to be, or have been, written. */
export interface WrittenOperation {
  readonly trackId: number
  readonly model: string
  readonly fingerprint: string
  readonly digest: string
}

export interface FailedOperation {
  readonly trackId: number
  readonly model: string
  readonly cause: string
}

/** How often, and how long after each failure, an operation is tried again by itself. */
export interface RetryPolicy {
  /** One delay an attempt, in ms; after the last one only a changed file or a person starts another. */
  readonly delaysMs: readonly number[]
}

const RECORD_INSPECTION = `
  update tracks set size_bytes = @sizeBytes, mtime_ns = @mtimeNs, fingerprint = @fingerprint,
    audio_seconds = @audioSeconds,
    inspect = case when revision = @revision then 0 else inspect end
  where id = @trackId`

const RECORD_TAGS = `
  update tracks set artist = @artist, title = @title, album = @album, duration_seconds = @durationSeconds,
    publish = max(publish, @renamed and exists (
      select 1 from operations where track_id = @trackId and fingerprint is not null))
  where id = @trackId`

/** Operations that already have rows of this sound are done; those that have rows of another are due. */
const SETTLE_OPERATIONS = `
  update operations set
    state = case
      when fingerprint = @fingerprint and digest = (select digest from models where name = model) then 'done'
      when state = 'done' then 'pending'
      else state end,
    attempts = case when fingerprint = @fingerprint then 0 else attempts end,
    cause = case when fingerprint = @fingerprint then null else cause end,
    next_attempt_at = case when fingerprint = @fingerprint then null else next_attempt_at end,
    updated_at = @now
  where track_id = @trackId and state in ('done', 'failed', 'pending')`

const INTEND = `
  update operations set state = 'writing', fingerprint = @fingerprint, digest = @digest, updated_at = @now
  where track_id = @trackId and model = @model`

const DONE = `
  update operations set state = 'done', fingerprint = @fingerprint, digest = @digest, attempts = 0, cause = null,
    next_attempt_at = null, updated_at = @now
  where track_id = @trackId and model = @model`

const FORGET_ROWS = `
  update operations set state = 'pending', fingerprint = null, digest = null, updated_at = @now
  where track_id = @trackId and (@model is null or model = @model)`

const ATTEMPTS = 'select attempts from operations where track_id = ? and model = ?'

const FAIL = `
  update operations set
    fingerprint = case when state = 'writing' then null else fingerprint end,
    digest = case when state = 'writing' then null else digest end,
    state = 'failed', attempts = attempts + 1, cause = @cause, next_attempt_at = @nextAttemptAt, updated_at = @now
  where track_id = @trackId and model = @model`

/** Derives from flags and operations whether and when the track is due again. */
const SETTLE_TRACK = `
  update tracks set
    failed = exists (
      select 1 from operations o join models m on m.name = o.model and m.enabled = 1
      where o.track_id = tracks.id and o.state = 'failed'),
    (priority, due_at) = (
      select
        case when urgent then priority else ${PRIORITY.retry} end,
        case when urgent then coalesce(due_at, @now) else retry_at end
      from (
        select
          tracks.publish = 1 or tracks.remove = 1 or (tracks.state = 'present' and (
            coalesce(max(o.state in ('pending', 'writing')), 0) = 1
            or (tracks.inspect = 1 and coalesce(max(o.state = 'failed'), 0) = 0))) as urgent,
          case when tracks.state = 'present' then min(case when o.state = 'failed' then o.next_attempt_at end) end as retry_at
        from models m join operations o on o.model = m.name and o.track_id = tracks.id
        where m.enabled = 1))
  where id = @trackId`

const PUBLISHED = 'update tracks set publish = 0 where id = @trackId and revision = @revision'
const DELETE_REMOVED = 'delete from tracks where id = @trackId and revision = @revision and remove = 1'
const COUNT = 'insert into counters values (@name, @n) on conflict do update set value = value + @n'

const ADOPT = `
  update tracks set library_id = @libraryId, library_rowid = @libraryRowid, path = @path, size_bytes = @sizeBytes, mtime_ns = @mtimeNs,
    artist = @artist, title = @title, album = @album, duration_seconds = @durationSeconds,
    state = 'present', missing_since = null, removal_confirmed = 0, remove = 0, inspect = 0, publish = 1,
    revision = revision + 1, priority = ${PRIORITY.metadata}, due_at = @now
  where id = @into`

const NO_FILE = { sizeBytes: null, mtimeNs: null }

/** What the stages report back; every method is one transaction that also settles what the tracks need next. */
export interface Results {
  /** Records fingerprint and, when the file's tags are the source of truth, attributes. */
  inspected(job: TrackJob, inspection: Inspection, now: number): void
  /** The missing track `into` turns out to be the new track `from`, moved: it takes over its place. */
  adopt(from: LedgerTrack, into: LedgerTrack, now: number): void
  /** Vectors exist in memory and are about to be written. */
  intend(operations: readonly WrittenOperation[], now: number): void
  /** Rows are in the store and verified. */
  written(
    operations: readonly (WrittenOperation & { readonly how: 'embedded' | 'reused' | 'recovered' })[],
    now: number,
  ): void
  /** After a crash: the store does not hold what was being written. */
  lost(operation: { trackId: number; model: string }, now: number): void
  failed(operations: readonly FailedOperation[], now: number): void
  /** `rewritten` tracks of these had rows, and they carry the new attributes now. */
  published(jobs: readonly TrackJob[], rewritten: number, now: number): void
  /** Rows are gone from the store; the ledger forgets the track unless it came back meanwhile. */
  removed(jobs: readonly TrackJob[], now: number): void
  /** Nothing was left to do: only settles. */
  settle(trackId: number, now: number): void
  count(counter: Counter, n?: number): void
}

export function createResults(
  db: Database.Database,
  retry: RetryPolicy,
  onCount: (name: Counter, n: number) => void,
): Results {
  const statement = (sql: string) => db.prepare(sql)
  const recordInspection = statement(RECORD_INSPECTION)
  const recordTags = statement(RECORD_TAGS)
  const settleOperations = statement(SETTLE_OPERATIONS)
  const intend = statement(INTEND)
  const done = statement(DONE)
  const forgetRows = statement(FORGET_ROWS)
  const attempts = db.prepare<[number, string], number>(ATTEMPTS).pluck()
  const fail = statement(FAIL)
  const settleTrack = statement(SETTLE_TRACK)
  const published = statement(PUBLISHED)
  const deleteRemoved = statement(DELETE_REMOVED)
  const adopt = statement(ADOPT)
  const insertOperations = statement(INSERT_OPERATIONS)
  const deleteTrack = statement('delete from tracks where id = ?')
  const countStatement = statement(COUNT)

  function transaction<T extends unknown[]>(body: (...args: T) => void): (...args: T) => void {
    const run = db.transaction(body)
    return (...args) => run.immediate(...args)
  }
  function count(name: Counter, n = 1): void {
    if (n === 0) return
    countStatement.run({ name, n })
    onCount(name, n)
  }
  function nextAttemptAt(trackId: number, model: string, now: number): number | null {
    const delay = retry.delaysMs[attempts.get(trackId, model) ?? 0]
    return delay === undefined ? null : now + Math.round(delay * (0.9 + 0.2 * Math.random()))
  }

  return {
    inspected: transaction((job, inspection, now) => {
      const { id: trackId } = job.track
      const { file, fingerprint, attributes, durationSeconds: audioSeconds } = inspection
      recordInspection.run({ trackId, ...file, fingerprint, audioSeconds, revision: job.revision })
      if (attributes !== null) {
        const { artist, title, album, durationSeconds } = attributes
        const known = job.track.attributes
        const renamed = artist !== known.artist || title !== known.title
        recordTags.run({ trackId, artist, title, album, durationSeconds, renamed: Number(renamed) })
      }
      settleOperations.run({ trackId, fingerprint, now })
      settleTrack.run({ trackId, now })
      count('fingerprinted')
    }),
    adopt: transaction((from, into, now) => {
      const { libraryId, libraryRowid, path, file, attributes } = from
      deleteTrack.run(from.id)
      insertOperations.run({ trackId: into.id, now })
      adopt.run({ into: into.id, libraryId, libraryRowid, path, ...NO_FILE, ...file, ...attributes, now })
      settleTrack.run({ trackId: into.id, now })
    }),
    intend: transaction((operations, now) => {
      for (const { trackId, model, fingerprint, digest } of operations)
        intend.run({ trackId, model, fingerprint, digest, now })
    }),
    written: transaction((operations, now) => {
      for (const { trackId, model, fingerprint, digest, how } of operations) {
        done.run({ trackId, model, fingerprint, digest, now })
        settleTrack.run({ trackId, now })
        if (how !== 'recovered') count(how)
      }
    }),
    lost: transaction(({ trackId, model }, now) => {
      forgetRows.run({ trackId, model, now })
      settleTrack.run({ trackId, now })
    }),
    failed: transaction((operations, now) => {
      for (const { trackId, model, cause } of operations) {
        fail.run({ trackId, model, cause, nextAttemptAt: nextAttemptAt(trackId, model, now), now })
        settleTrack.run({ trackId, now })
        count('failed')
      }
    }),
    published: transaction((jobs, rewritten, now) => {
      count('attributesUpdated', rewritten)
      for (const { track, revision } of jobs) {
        published.run({ trackId: track.id, revision })
        settleTrack.run({ trackId: track.id, now })
      }
    }),
    removed: transaction((jobs, now) => {
      for (const { track, revision } of jobs) {
        const gone = deleteRemoved.run({ trackId: track.id, revision }).changes === 1
        if (gone) count('removed')
        else forgetRows.run({ trackId: track.id, model: null, now })
        settleTrack.run({ trackId: track.id, now })
      }
    }),
    settle: transaction((trackId, now) => void settleTrack.run({ trackId, now })),
    count,
  }
}
