import type { AudioSpec, Inspection, PcmAudio } from '../core/audio.ts'
import type { WireError } from '../core/errors.ts'
import type { FileStat } from '../core/track.ts'

/** The pipe on which a child's guard reports, behind stdin, stdout, stderr and the message channel. */
export const REPORT_DESCRIPTOR = 4

/** Misbehaviour on demand, for tests; a child obeys only when it was started with `--faults`. */
export type Fault = 'hang' | 'crash' | 'leak' | 'exit' | 'touch'

export interface InspectRequest {
  readonly kind: 'inspect'
  readonly path: string
  readonly tags: boolean
  readonly fault?: Fault
}

export interface DecodeRequest {
  readonly kind: 'decode'
  readonly path: string
  readonly expected: FileStat
  readonly specs: readonly AudioSpec[]
  readonly durationSeconds: number
  readonly analysedSecondsMax: number
  readonly scratchBase: string
  readonly fault?: Fault
}

export type Request = InspectRequest | DecodeRequest

export interface DecodeAnswer {
  readonly durationSeconds: number
  readonly outputs: readonly PcmAudio[]
  readonly corruptPackets: number
}

/** One answer to each request, in order. */
export type Answer = { readonly rssBytes: number; readonly sizeBytes: number } & (
  | { readonly ok: true; readonly value: Inspection | DecodeAnswer }
  | { readonly ok: false; readonly error: WireError }
)
