import type { Operation, OperationState, Priority, TrackJob } from '../core/operation.ts'
import type { FileStat, LedgerTrack, TrackState } from '../core/track.ts'

/** Columns of `tracks` as a LedgerTrack; mtime_ns exceeds what a double holds, so it travels as text. */
export const TRACK_COLUMNS = `tracks.id, key, library_id, library_rowid, path, size_bytes, cast(mtime_ns as text) as mtime_ns, tracks.fingerprint,
  audio_seconds, artist, title, album, duration_seconds, tracks.state, missing_since`

export interface TrackRow {
  id: number
  key: string
  library_id: string | null
  library_rowid: number | null
  path: string
  size_bytes: number | null
  mtime_ns: string | null
  fingerprint: string | null
  audio_seconds: number | null
  artist: string
  title: string
  album: string
  duration_seconds: number | null
  state: TrackState
  missing_since: number | null
}

export interface JobRow extends TrackRow {
  revision: number
  inspect: number
  publish: number
  remove: number
  priority: Priority
}

export interface OperationRow {
  model: string
  state: OperationState
  fingerprint: string | null
  digest: string | null
  attempts: number
  cause: string | null
  next_attempt_at: number | null
}

export function toTrack(row: TrackRow): LedgerTrack {
  return {
    id: row.id,
    key: row.key,
    libraryId: row.library_id,
    libraryRowid: row.library_rowid,
    path: row.path,
    file: toFile(row),
    fingerprint: row.fingerprint,
    audioSeconds: row.audio_seconds,
    attributes: {
      artist: row.artist,
      title: row.title,
      album: row.album,
      durationSeconds: row.duration_seconds,
    },
    state: row.state,
    missingSince: row.missing_since,
  }
}

function toFile({ size_bytes, mtime_ns }: TrackRow): FileStat | null {
  return size_bytes === null || mtime_ns === null
    ? null
    : { sizeBytes: size_bytes, mtimeNs: BigInt(mtime_ns) }
}

export function toOperation(row: OperationRow): Operation {
  return {
    model: row.model,
    state: row.state,
    fingerprint: row.fingerprint,
    digest: row.digest,
    attempts: row.attempts,
    cause: row.cause,
    nextAttemptAt: row.next_attempt_at,
  }
}

export function toJob(row: JobRow, operations: readonly OperationRow[]): TrackJob {
  return {
    track: toTrack(row),
    revision: row.revision,
    inspect: row.inspect === 1,
    publish: row.publish === 1,
    remove: row.remove === 1,
    priority: row.priority,
    operations: operations.map(toOperation),
  }
}
