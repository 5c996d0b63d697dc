import type { WireError } from '../../core/errors.ts'
import type { TrackVectors } from '../store.ts'
import type { EmbeddedEngine } from './engine.ts'

/** What the worker is told when it is started. */
export interface WorkerOptions {
  readonly file: string
  readonly readOnly: boolean
}

/** The calls a worker answers: the engine's public methods. */
export type Method = keyof EmbeddedEngine
export type Arguments<M extends Method> = Parameters<EmbeddedEngine[M]>
export type Result<M extends Method> = ReturnType<EmbeddedEngine[M]>

export interface Request<M extends Method = Method> {
  readonly id: number
  readonly method: M
  readonly args: Arguments<M>
}

/** The first response has id 0 and says whether the file could be opened. */
export type Response =
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly id: number; readonly ok: false; readonly error: WireError }

export interface PackedSegment {
  readonly offsetSeconds: number
  readonly durationSeconds: number
  /** How many numbers of the batch's `values` are this segment's. */
  readonly length: number
}

export interface PackedTrack extends Omit<TrackVectors, 'segments'> {
  readonly segments: readonly PackedSegment[]
}

/** Tracks with all their vectors, one after the other, in one array whose memory can be handed over. */
export interface PackedTracks {
  readonly tracks: readonly PackedTrack[]
  readonly values: Float32Array<ArrayBuffer>
}

/**
 * Copies the vectors into one array. A Float32Array that is a view would be sent with all of the memory behind it, and
 * thousands of small arrays cost more to send than to copy.
 */
export function packTracks(tracks: readonly TrackVectors[]): PackedTracks {
  let length = 0
  for (const track of tracks) for (const segment of track.segments) length += segment.embedding.length
  const values = new Float32Array(length)
  let at = 0
  const packed = tracks.map((track) => ({
    key: track.key,
    trackId: track.trackId,
    name: track.name,
    available: track.available,
    fingerprint: track.fingerprint,
    segments: track.segments.map(({ offsetSeconds, durationSeconds, embedding }) => {
      values.set(embedding, at)
      at += embedding.length
      return { offsetSeconds, durationSeconds, length: embedding.length }
    }),
  }))
  return { tracks: packed, values }
}
