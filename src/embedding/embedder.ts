import type { PcmAudio } from '../core/audio.ts'
import { describeError, TransientError } from '../core/errors.ts'
import type { Model, Segment } from '../core/model.ts'
import { checkAudio } from './audio-check.ts'
import { type BatchPort, computeBatch, failureKind, loadError } from './batch.ts'
import type { RunReport } from './messages.ts'
import { type HostEvent, type HostOptions, ModelHost } from './model-host.ts'
import { poolMean } from './pooling.ts'
import { type TakenWindow, type Track, WindowQueue } from './window-queue.ts'

export const DEFAULT_IDLE_UNLOAD_MS = 360_000

export interface EmbedderOptions extends HostOptions {
  /** Most windows in one run. */
  readonly batchWindows: number
  /** A model without work for this long gives its memory back. */
  readonly idleUnloadMs: number
  readonly onEvent?: (event: EmbedderEvent) => void
}

export type EmbedderEvent =
  | HostEvent
  | {
      readonly type: 'batch-started'
      readonly model: string
      readonly windows: number
    }
  | {
      readonly type: 'batch-done'
      readonly model: string
      readonly windows: number
      readonly tracks: number
      /** Time in the session, and time to read the audio. */
      readonly runMs: number
      readonly readMs: number
    }
  | { readonly type: 'model-failed'; readonly model: string; readonly error: string }
  | {
      readonly type: 'batch-failed'
      readonly model: string
      readonly windows: number
      readonly error: string
    }
  | { readonly type: 'batch-halved'; readonly model: string; readonly limit: number; readonly error: string }

export interface EmbedderStats {
  /** Time spent in sessions since the start, failed runs left out. */
  readonly busyMs: number
  readonly windows: number
  readonly batches: number
}

export interface Embedder {
  /**
   * The vectors of one track, which stays on disk until the promise is settled: one segment of `durationSeconds` for the
   * whole track, its embedding of `model.dim` numbers and unit length.
   * @throws PermanentError when the audio does not fit the model or the model fails on it, TransientError when a process
   * or the memory was lost, a file could not be read or the embedder was closed; the signal's reason when aborted.
   */
  embed(model: Model, audio: PcmAudio, durationSeconds: number, signal?: AbortSignal): Promise<Segment[]>
  /** Models that were asked for so far; `reason` says why this provider and why not the ones before it. */
  info(): Array<{ model: string; provider: string; reason: string; loaded: boolean }>
  stats(): EmbedderStats
  /** Fails what waits or runs, kills the processes and waits until they are gone. May be called again. */
  close(): Promise<void>
}

/** Starts nothing: the first track does. */
export function createEmbedder(options: EmbedderOptions): Embedder {
  return new BatchingEmbedder(options)
}

/**
 * Batches windows across tracks: whenever the process is idle, it gets up to `batchWindows` waiting windows of one model. States:
 * resting (nothing waits) -> working (one `#work` loop lives) -> resting; closed from either, never back.
 */
class BatchingEmbedder implements Embedder {
  readonly #options: EmbedderOptions
  readonly #host: ModelHost
  readonly #queue = new WindowQueue()
  /** Tracks that are neither done nor failed. */
  readonly #open = new Set<Track>()
  /** Largest batch that fits, for models that ran out of memory; forgotten when they are unloaded. */
  readonly #limits = new Map<string, number>()
  readonly #idleTimers = new Map<string, NodeJS.Timeout>()
  readonly #idle = new Map<string, Model>()
  readonly #stats = { busyMs: 0, windows: 0, batches: 0 }
  #working = false
  #work: Promise<void> = Promise.resolve()
  #closing: Promise<void> | null = null

  constructor(options: EmbedderOptions) {
    this.#options = options
    this.#host = new ModelHost(options, (event) => this.#notify(event))
  }

  async embed(
    model: Model,
    audio: PcmAudio,
    durationSeconds: number,
    signal?: AbortSignal,
  ): Promise<Segment[]> {
    signal?.throwIfAborted()
    checkAudio(model, audio)
    if (this.#closing) throw closed(audio)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const track: Track = {
      model,
      audio,
      vectors: new Float32Array(audio.windows.length * model.dim),
      next: 0,
      missing: audio.windows.length,
      settled: false,
      resolve,
      reject,
    }
    const abort = () => this.#fail(track, signal?.reason)
    signal?.addEventListener('abort', abort, { once: true })
    this.#open.add(track)
    this.#queue.add(track)
    this.#wake()
    try {
      await promise
      return [poolMean(track.vectors, model.dim, durationSeconds)]
    } finally {
      signal?.removeEventListener('abort', abort)
    }
  }

  info() {
    return this.#host.info()
  }

  stats(): EmbedderStats {
    return { ...this.#stats }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    for (const timer of this.#idleTimers.values()) clearTimeout(timer)
    for (const track of this.#open) this.#fail(track, closed(track.audio))
    await this.#host.close()
    await this.#work
  }

  #wake(): void {
    if (this.#working || this.#closing) return
    this.#working = true
    this.#work = this.#workUntilRest()
  }

  async #workUntilRest(): Promise<void> {
    while (!this.#closing) {
      const model = this.#queue.turn()
      if (model) await this.#serve(model)
      else if (!(await this.#releaseOneIdle())) break
    }
    // In the same tick as the last look at the queue: a track that comes later wakes a new loop.
    this.#working = false
  }

  /** One batch of one model, taken as late as possible, so that it holds whatever has come by then. */
  async #serve(model: Model): Promise<void> {
    const { digest } = model
    clearTimeout(this.#idleTimers.get(digest))
    this.#idle.delete(digest)
    try {
      await this.#host.ready(model)
    } catch (error) {
      this.#failLoading(model, error)
      this.#restIfUnused(model)
      return
    }
    await computeBatch(this.#take(model), this.#port(model))
    this.#restIfUnused(model)
  }

  #take({ digest }: Model): TakenWindow[] {
    const { batchWindows } = this.#options
    return this.#queue.take(digest, Math.min(batchWindows, this.#limits.get(digest) ?? batchWindows))
  }

  /** What is wrong with a model is wrong for all its tracks; what is wrong with the moment, for one batch of them. */
  #failLoading(model: Model, error: unknown): void {
    this.#notify({ type: 'model-failed', model: model.name, error: describeError(error) })
    const lasting = failureKind(error) === 'permanent'
    const tracks = lasting ? this.#queue.drain(model.digest) : this.#take(model).map(({ track }) => track)
    for (const track of tracks) this.#fail(track, loadError(model, error))
  }

  #port(model: Model): BatchPort {
    return {
      run: async (windows) => {
        await this.#host.ready(model)
        this.#notify({ type: 'batch-started', model: model.name, windows: windows.length })
        return await this.#host.run(model, windows)
      },
      deliver: (windows, report) => this.#deliver(model, windows, report),
      fail: (track, error) => this.#fail(track, error),
      failed: (windows, error) => this.#notify({ type: 'batch-failed', model: model.name, windows, error }),
      halved: (limit, error) => {
        this.#limits.set(model.digest, limit)
        this.#notify({ type: 'batch-halved', model: model.name, limit, error })
      },
    }
  }

  #deliver(model: Model, windows: readonly TakenWindow[], report: RunReport): void {
    const { vectors, runMilliseconds: runMs, readMilliseconds: readMs } = report
    this.#stats.busyMs += runMs
    this.#stats.windows += windows.length
    this.#stats.batches += 1
    windows.forEach(({ track, row }, index) => {
      const start = index * model.dim
      track.vectors.set(vectors.subarray(start, start + model.dim), row * model.dim)
      track.missing -= 1
      if (track.missing === 0 && this.#leave(track)) track.resolve()
    })
    const tracks = new Set(windows.map(({ track }) => track)).size
    this.#notify({ type: 'batch-done', model: model.name, windows: windows.length, tracks, runMs, readMs })
  }

  #fail(track: Track, error: unknown): void {
    if (this.#leave(track)) track.reject(error)
  }

  /** False when the track was settled before. */
  #leave(track: Track): boolean {
    track.settled = true
    return this.#open.delete(track)
  }

  #restIfUnused(model: Model): void {
    if (this.#closing || this.#queue.has(model.digest)) return
    const rest = () => {
      this.#idle.set(model.digest, model)
      this.#wake()
    }
    clearTimeout(this.#idleTimers.get(model.digest))
    this.#idleTimers.set(model.digest, setTimeout(rest, this.#options.idleUnloadMs).unref())
  }

  async #releaseOneIdle(): Promise<boolean> {
    const [model] = this.#idle.values()
    if (!model) return false
    this.#idle.delete(model.digest)
    this.#limits.delete(model.digest)
    try {
      await this.#host.release(model, `unused for ${this.#options.idleUnloadMs} ms`)
    } catch (error) {
      this.#notify({ type: 'model-failed', model: model.name, error: describeError(error) })
    }
    return true
  }

  /** A listener that fails must not stop the work. */
  #notify(event: EmbedderEvent): void {
    try {
      this.#options.onEvent?.(event)
    } catch {
      return
    }
  }
}

function closed(audio: PcmAudio): TransientError {
  return new TransientError({ operation: 'embed', subject: audio.file, message: 'the embedder was closed' })
}
