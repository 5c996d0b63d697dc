import type { LedgerTrack, SnapshotRow } from './track.ts'

export type AddReason = 'new'
export type UpdateReason =
  | 'returned'
  | 'file changed'
  | 'moved'
  | 'library id changed'
  | 'retagged'
  | 'row moved'
export type MissReason = 'library says missing' | 'gone from library'

/** What a difference between library and ledger means; the same reason appears in logs, metrics, status and tests. */
export type Decision =
  | { readonly action: 'add'; readonly reason: AddReason; readonly row: SnapshotRow }
  | {
      readonly action: 'update'
      /** The most telling of `reasons`. */
      readonly reason: UpdateReason
      readonly reasons: readonly UpdateReason[]
      readonly trackId: number
      readonly row: SnapshotRow
      /** The file may sound different: fingerprint it. */
      readonly inspect: boolean
      /** The stored rows' attributes may be stale. */
      readonly publish: boolean
    }
  | { readonly action: 'miss'; readonly reason: MissReason; readonly trackId: number }

/** What one pass of the reconciler found. */
export interface PassSummary {
  /** Whether all rows were compared, or only those that a write-ahead log named. */
  readonly scope: 'all' | 'changed'
  readonly rows: number
  readonly unchanged: number
  /** Files that may still be being written: to be looked at again soon. */
  readonly unsettled: number
  readonly decisions: Readonly<Record<string, number>>
  /** False when the library changed while it was read: absent tracks were not taken for gone. */
  readonly consistent: boolean
  /** Folders that could not be read: the tracks below them are left as they are. */
  readonly holds: readonly Hold[]
  readonly durationMs: number
}

/** What the library's write-ahead log told since it was opened; each commit cost a comparison of nothing, of some rows, or of all. */
export interface CaptureCounts {
  readonly commits: number
  readonly irrelevant: number
  readonly hinted: number
  /** Times that the named rows had not changed after all. */
  readonly falseAlarms: number
  /** Why everything had to be compared, and how often. */
  readonly full: Readonly<Record<string, number>>
}

/** Tracks that are kept although the library does not show them. */
export interface Hold {
  readonly reason: string
  readonly tracks: number
}

export type Identity = { readonly track: LedgerTrack; readonly by: 'library id' | 'path' }
