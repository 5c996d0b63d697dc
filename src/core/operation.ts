import type { LedgerTrack } from './track.ts'

/**
 * pending: to be done, never failed since it became due. writing: vectors exist in memory and are being written; after a
 * crash the store tells whether they arrived. done: the store holds exactly the rows of `fingerprint` and `digest`.
 * failed: the last attempt failed; tried again at `nextAttemptAt`, or never by itself when that is null.
 */
export type OperationState = 'pending' | 'writing' | 'done' | 'failed'

/** One track under one model. */
export interface Operation {
  readonly model: string
  readonly state: OperationState
  /** What the store's rows were made from; null while there are none. */
  readonly fingerprint: string | null
  readonly digest: string | null
  readonly attempts: number
  readonly cause: string | null
  /** Epoch ms. */
  readonly nextAttemptAt: number | null
}

/** Smaller comes first. Within one priority the newest change comes first. */
export const PRIORITY = { metadata: 0, change: 1, retry: 2, backlog: 3, rebuild: 4 } as const
export type Priority = (typeof PRIORITY)[keyof typeof PRIORITY]

/** A track with work due, as the queue takes it from the ledger. */
export interface TrackJob {
  readonly track: LedgerTrack
  /** Goes up whenever the reconciler changes the track: a job that ran on older knowledge does not clear newer work. */
  readonly revision: number
  /** The file has to be fingerprinted. */
  readonly inspect: boolean
  /** Attributes of the stored rows have to be rewritten. */
  readonly publish: boolean
  /** The track is gone for good: rows and ledger entry have to go. */
  readonly remove: boolean
  readonly priority: Priority
  readonly operations: readonly Operation[]
}

/** Counted over one run and, in the ledger, over its life. */
export const COUNTERS = [
  'fingerprinted',
  'decoded',
  'embedded',
  'reused',
  'attributesUpdated',
  'removed',
  'failed',
] as const
export type Counter = (typeof COUNTERS)[number]
export type Counters = Record<Counter, number>

export function zeroCounters(): Counters {
  return { fingerprinted: 0, decoded: 0, embedded: 0, reused: 0, attributesUpdated: 0, removed: 0, failed: 0 }
}
