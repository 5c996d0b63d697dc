import type Database from 'better-sqlite3'
import type { CaptureCounts, Hold } from '../core/decision.ts'
import { COUNTERS, type Counters, zeroCounters } from '../core/operation.ts'
import { type LedgerTrack, publicId } from '../core/track.ts'
import { TRACK_COLUMNS, type TrackRow, toTrack } from './rows.ts'

export interface TrackCounts {
  readonly total: number
  readonly present: number
  readonly missing: number
  /** Tracks with at least one failed operation. */
  readonly failed: number
  /** Tracks that are kept although the library does not show them, until a person confirms or they return. */
  readonly held: number
}

/** Operations of enabled models: one is one track under one model. */
export interface OperationCounts {
  readonly total: number
  readonly done: number
  readonly pending: number
  readonly failed: number
}

export interface ModelReport {
  readonly name: string
  readonly digest: string
  readonly provider: string | null
  readonly done: number
  readonly pending: number
  readonly failed: number
}

export interface Failure {
  /** The id that callers know the track by. */
  readonly track: string
  readonly path: string
  readonly model: string
  readonly cause: string
  readonly attempts: number
  /** Epoch ms; null when only a changed file or a person starts another attempt. */
  readonly nextAttemptAt: number | null
}

const MODELS = `
  select name, digest, provider,
    (select coalesce(sum(n), 0) from tally where tally.name = models.name || ' done') as done,
    (select coalesce(sum(n), 0) from tally where tally.name in (models.name || ' pending', models.name || ' writing')) as pending,
    (select coalesce(sum(n), 0) from tally where tally.name = models.name || ' failed') as failed
  from models where enabled = 1 order by name`

const FAILURES = `
  select library_id, key, path, model, cause, attempts, next_attempt_at
  from operations o join tracks t on t.id = o.track_id join models m on m.name = o.model and m.enabled = 1
  where o.state = 'failed' order by o.updated_at desc, t.id limit ?`

const FIND = `
  select ${TRACK_COLUMNS} from tracks where library_id = @text or key = @text
  union all select ${TRACK_COLUMNS} from tracks where path in (@text, @path) limit 50`

/** Read-only questions about the ledger; all of them cheap at any size unless they say otherwise. */
export interface Report {
  tracks(): TrackCounts
  /** Tracks that are there, and missing ones whose removal nobody has confirmed. */
  missing(): { present: number; unconfirmed: number }
  operations(): OperationCounts
  models(): ModelReport[]
  failures(limit: number): Failure[]
  lifetime(): Counters
  holds(): Hold[]
  /** What the library's log told until the last comparison; null where there is none. */
  capture(): CaptureCounts | null
  /** Tracks by library id, track key or path (given and absolute form). */
  find(text: string, absolutePath: string): LedgerTrack[]
  /** Tracks whose "artist - title" reads like this, case ignored; scans all tracks. */
  findByName(name: string): LedgerTrack[]
  byKeys(keys: readonly string[]): Map<string, LedgerTrack>
}

export function createReport(db: Database.Database): Report {
  const tally = db.prepare<[string], number>('select n from tally where name = ?').pluck()
  const models = db.prepare<[], ModelReport>(MODELS)
  const failures = db.prepare<[number], Record<string, never>>(FAILURES)
  const counters = db.prepare<[], { name: string; value: number }>('select name, value from counters')
  const meta = db.prepare<[string], string>('select value from meta where name = ?').pluck()
  const find = db.prepare<[{ text: string; path: string }], TrackRow>(FIND)
  const byName = db.prepare<[{ name: string }], TrackRow>(
    `select ${TRACK_COLUMNS} from tracks where replace(replace(replace(artist || ' - ' || title, '•', '&'), '/', '_'), '\\', '_')
     = @name collate nocase limit 50`,
  )
  const byKey = db.prepare<[string], TrackRow>(`select ${TRACK_COLUMNS} from tracks where key = ?`)
  const count = (name: string) => tally.get(name) ?? 0
  const holds = (): Hold[] => JSON.parse(meta.get('holds') ?? '[]')

  return {
    tracks() {
      const [present, missing] = [count('track present'), count('track missing')]
      const held = holds().reduce((sum, { tracks }) => sum + tracks, 0)
      return { total: present + missing, present, missing, failed: count('track failed'), held }
    },
    missing: () => ({
      present: count('track present'),
      unconfirmed: count('track missing') - count('track confirmed'),
    }),
    operations() {
      const sum = { total: 0, done: 0, pending: 0, failed: 0 }
      for (const { done, pending, failed } of models.all()) {
        sum.done += done
        sum.pending += pending
        sum.failed += failed
        sum.total += done + pending + failed
      }
      return sum
    },
    models: () => models.all(),
    failures: (limit) =>
      failures.all(limit).map((row) => ({
        track: publicId({ libraryId: row.library_id ?? null, key: row.key ?? '' }),
        path: row.path ?? '',
        model: row.model ?? '',
        cause: row.cause ?? '',
        attempts: row.attempts ?? 0,
        nextAttemptAt: row.next_attempt_at ?? null,
      })),
    lifetime() {
      const values = new Map(counters.all().map(({ name, value }) => [name, value]))
      const sums = zeroCounters()
      for (const name of COUNTERS) sums[name] = values.get(name) ?? 0
      return sums
    },
    holds,
    capture: () => JSON.parse(meta.get('capture') ?? 'null'),
    find: (text, path) => unique(find.all({ text, path }).map(toTrack)),
    findByName: (name) => byName.all({ name }).map(toTrack),
    byKeys(keys) {
      const found = new Map<string, LedgerTrack>()
      for (const key of keys) {
        const row = byKey.get(key)
        if (row !== undefined) found.set(key, toTrack(row))
      }
      return found
    },
  }
}

function unique(tracks: LedgerTrack[]): LedgerTrack[] {
  return [...new Map(tracks.map((track) => [track.id, track])).values()]
}
