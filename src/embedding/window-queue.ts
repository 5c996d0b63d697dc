import type { PcmAudio, PcmWindow } from '../core/audio.ts'
import type { Model } from '../core/model.ts'

/** One track under one model, on its way through inference. */
export interface Track {
  readonly model: Model
  readonly audio: PcmAudio
  /** [windows, dim]; rows are filled as they come back. */
  readonly vectors: Float32Array
  /** Index of the first window that nobody has taken. */
  next: number
  /** Rows that are not filled yet; 0 = complete. */
  missing: number
  /** True once its promise is settled, for whatever reason: nothing more is computed for it. */
  settled: boolean
  resolve(): void
  reject(error: unknown): void
}

/** One window that has been taken to be computed. */
export interface TakenWindow {
  readonly track: Track
  readonly row: number
  readonly window: PcmWindow
}

/**
 * Tracks with waiting windows, first in, first out. The model whose turn it is belongs to the oldest waiting track: every track
 * becomes the oldest one some day, so no model starves. A few hundred tracks at most wait, so walking them costs nothing.
 */
export class WindowQueue {
  #tracks: Track[] = []

  add(track: Track): void {
    this.#tracks.push(track)
  }

  /** The model whose turn it is, or null when nothing waits. */
  turn(): Model | null {
    this.#tracks = this.#tracks.filter((track) => !track.settled)
    return this.#tracks[0]?.model ?? null
  }

  /** True while windows of this model identity wait. */
  has(digest: string): boolean {
    return this.#tracks.some((track) => !track.settled && track.model.digest === digest)
  }

  /** Takes up to `limit` windows of one model identity, from as many tracks as it needs, the oldest first. */
  take(digest: string, limit: number): TakenWindow[] {
    const taken: TakenWindow[] = []
    for (const track of this.#tracks) {
      if (track.settled || track.model.digest !== digest) continue
      while (taken.length < limit) {
        const window = track.audio.windows[track.next]
        if (window === undefined) break
        taken.push({ track, row: track.next++, window })
      }
    }
    this.#tracks = this.#tracks.filter((track) => track.next < track.audio.windows.length)
    return taken
  }

  /** All tracks of one model identity, or all there are; they wait no more. */
  drain(digest?: string): Track[] {
    const leaves = (track: Track) => digest === undefined || track.model.digest === digest
    const drained = this.#tracks.filter(leaves)
    this.#tracks = this.#tracks.filter((track) => !leaves(track))
    return drained
  }
}
