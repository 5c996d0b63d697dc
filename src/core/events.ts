import { EventEmitter } from 'node:events'
import type { Decision, PassSummary } from './decision.ts'
import type { Counter } from './operation.ts'
import type { LedgerTrack } from './track.ts'

/** How one job of one track ended. */
export type TrackOutcome =
  | 'embedded'
  | 'reused'
  | 'same sound'
  | 're-attached'
  | 'published'
  | 'removed'
  | 'failed'
  | 'stale'

/** Everything that telemetry may want to know; the stages never know who listens. */
export interface EventMap {
  started: [{ dataDir: string; library: string; models: readonly string[] }]
  pass: [{ causes: readonly string[]; summary: PassSummary }]
  passFailed: [{ causes: readonly string[]; error: unknown; retryInMs: number }]
  decided: [Decision]
  track: [{ track: LedgerTrack; outcome: TrackOutcome; models: readonly string[]; durationMs: number }]
  failed: [{ track: LedgerTrack; model: string; error: unknown }]
  counted: [{ counter: Counter; n: number }]
  childExited: [{ kind: 'audio' | 'inference'; cause: string }]
  provider: [{ model: string; provider: string; reason: string }]
  held: [{ reason: string; tracks: number }]
  recovered: [{ verified: number; lost: number }]
  audited: [{ model: string; missing: number; strangers: number }]
  switched: [{ alias: string; collection: string }]
  converged: [{ durationMs: number }]
  warning: [{ message: string; error?: unknown }]
}

/** A typed emitter whose listeners cannot break the work they listen to. */
export class Events {
  readonly #emitter = new EventEmitter()

  on<K extends keyof EventMap>(name: K, listener: (...args: EventMap[K]) => void): void {
    this.#emitter.on(name, (...args: EventMap[K]) => {
      try {
        listener(...args)
      } catch {
        // A listener only watches: its failure must not become the work's.
      }
    })
  }

  emit<K extends keyof EventMap>(name: K, ...args: EventMap[K]): void {
    this.#emitter.emit(name, ...args)
  }
}
