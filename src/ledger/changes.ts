import { randomBytes } from 'node:crypto'
import type Database from 'better-sqlite3'
import type { Decision } from '../core/decision.ts'
import { PRIORITY, type Priority } from '../core/operation.ts'
import type { SnapshotRow } from '../core/track.ts'

const RELEASE_LIBRARY_ID =
  'update tracks set library_id = null where library_id = @libraryId and id <> @trackId'

const INSERT_TRACK = `
  insert into tracks (key, library_id, library_rowid, path, size_bytes, mtime_ns, artist, title, album, duration_seconds, inspect, priority, due_at)
  values (@key, @libraryId, @libraryRowid, @path, @sizeBytes, @mtimeNs, @artist, @title, @album, @durationSeconds, 1, @priority, @now)`

export const INSERT_OPERATIONS = `
  insert into operations (track_id, model, state, updated_at)
  select @trackId, name, 'pending', @now from models where enabled = 1
  on conflict do nothing`

/** A missing track keeps the operations that have rows; what was still to do, or failed, is asked again when it returns. */
const DROP_UNDONE = "delete from operations where track_id = @trackId and state in ('pending', 'failed')"

const UPDATE_TRACK = `
  update tracks set
    library_id = @libraryId, library_rowid = @libraryRowid, path = @path,
    size_bytes = coalesce(@sizeBytes, size_bytes), mtime_ns = coalesce(@mtimeNs, mtime_ns),
    artist = coalesce(@artist, artist), title = coalesce(@title, title), album = coalesce(@album, album),
    duration_seconds = coalesce(@durationSeconds, duration_seconds),
    state = 'present', missing_since = null, removal_confirmed = 0, remove = 0,
    revision = revision + 1,
    inspect = max(inspect, @inspect), publish = max(publish, @publish),
    priority = case when @priority is null then priority when due_at is null then @priority else min(priority, @priority) end,
    due_at = case when @priority is null then due_at else @now end
  where id = @trackId`

/** A file that changed gets a fresh set of attempts (I7). */
const RESET_ATTEMPTS = `
  update operations set state = 'pending', attempts = 0, cause = null, next_attempt_at = null, updated_at = @now
  where track_id = @trackId and state = 'failed'`

const MISS_TRACK = `
  update tracks set state = 'missing', failed = 0, missing_since = @now, revision = revision + 1, publish = 1,
    priority = ${PRIORITY.metadata}, due_at = @now
  where id = @trackId and state = 'present'`

const EXPIRE = `
  update tracks set remove = 1, revision = revision + 1, priority = ${PRIORITY.metadata}, due_at = @now
  where id in (
    select id from tracks where state = 'missing' and remove = 0 and missing_since <= @before
      and (removal_confirmed = 1 or @confirmedOnly = 0)
    limit 1000)`

const CONFIRM = "update tracks set removal_confirmed = 1 where state = 'missing' and removal_confirmed = 0"

/** What the reconciler writes into the ledger. */
export interface Changes {
  /**
   * Applies the decisions of one page in one transaction. `addPriority` is what new tracks get: backlog on a first import,
   * change afterwards.
   */
  apply(decisions: readonly Decision[], addPriority: Priority, now: number): void
  /** Marks up to 1,000 tracks that are missing since `before` or earlier for removal; returns how many. */
  expire(before: number, confirmedOnly: boolean, now: number): number
  /** A person says that the tracks missing now may go; returns how many. */
  confirmRemovals(): number
}

export function createChanges(db: Database.Database): Changes {
  const releaseLibraryId = db.prepare(RELEASE_LIBRARY_ID)
  const insertTrack = db.prepare(INSERT_TRACK)
  const insertOperations = db.prepare(INSERT_OPERATIONS)
  const updateTrack = db.prepare(UPDATE_TRACK)
  const resetAttempts = db.prepare(RESET_ATTEMPTS)
  const unfail = db.prepare('update tracks set failed = 0 where id = @trackId and failed = 1')
  const missTrack = db.prepare(MISS_TRACK)
  const dropUndone = db.prepare(DROP_UNDONE)
  const expire = db.prepare(EXPIRE)
  const confirm = db.prepare(CONFIRM)

  function claimLibraryId(libraryId: string | null, trackId: number): void {
    if (libraryId !== null) releaseLibraryId.run({ libraryId, trackId })
  }

  function add(row: SnapshotRow, priority: Priority, now: number): void {
    claimLibraryId(row.libraryId, -1)
    const key = randomBytes(16).toString('hex')
    const { lastInsertRowid } = insertTrack.run({ key, ...columns(row, ''), priority, now })
    insertOperations.run({ trackId: lastInsertRowid, now })
  }

  function update(decision: Extract<Decision, { action: 'update' }>, now: number): void {
    const { trackId, row, reasons, inspect, publish } = decision
    claimLibraryId(row.libraryId, trackId)
    const priority = inspect ? PRIORITY.change : publish ? PRIORITY.metadata : null
    updateTrack.run({
      trackId,
      ...columns(row, null),
      inspect: Number(inspect),
      publish: Number(publish),
      priority,
      now,
    })
    if (reasons.includes('returned')) insertOperations.run({ trackId, now })
    if (!inspect) return
    resetAttempts.run({ trackId, now })
    unfail.run({ trackId })
  }

  function miss(trackId: number, now: number): void {
    missTrack.run({ trackId, now })
    dropUndone.run({ trackId })
  }

  const apply = db.transaction((decisions: readonly Decision[], addPriority: Priority, now: number) => {
    for (const decision of decisions) {
      if (decision.action === 'add') add(decision.row, addPriority, now)
      else if (decision.action === 'update') update(decision, now)
      else miss(decision.trackId, now)
    }
  })

  return {
    apply: (decisions, addPriority, now) => apply.immediate(decisions, addPriority, now),
    expire: (before, confirmedOnly, now) =>
      expire.run({ before, confirmedOnly: Number(confirmedOnly), now }).changes,
    confirmRemovals: () => confirm.run().changes,
  }
}

function columns(row: SnapshotRow, absent: '' | null) {
  return {
    libraryId: row.libraryId,
    libraryRowid: row.libraryRowid,
    path: row.path,
    sizeBytes: row.file?.sizeBytes ?? null,
    mtimeNs: row.file?.mtimeNs ?? null,
    artist: row.attributes?.artist ?? absent,
    title: row.attributes?.title ?? absent,
    album: row.attributes?.album ?? absent,
    durationSeconds: row.attributes?.durationSeconds ?? null,
  }
}
