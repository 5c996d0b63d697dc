import { describeError, PermanentError, SoundledgerError, TransientError } from '../core/errors.ts'
import type { Model } from '../core/model.ts'
import { InferenceFailure, type RunReport, type WindowSource } from './messages.ts'
import type { TakenWindow, Track } from './window-queue.ts'

/** What computing a batch needs from outside. */
export interface BatchPort {
  /** Runs windows of one model. @throws InferenceFailure or an error of core/errors. */
  run(windows: readonly WindowSource[]): Promise<RunReport>
  /** Rows for these windows came back. */
  deliver(windows: readonly TakenWindow[], report: RunReport): void
  fail(track: Track, error: SoundledgerError): void
  /** A run failed; `error` in one line. */
  failed(windows: number, error: string): void
  /** A batch did not fit; at most `limit` windows do, it seems. */
  halved(limit: number, error: string): void
}

/**
 * Computes windows of one model and settles, one way or the other, every one of them. Windows of settled tracks are left out. Out
 * of memory: the two halves one after the other, down to one window. A lost process fails every track of its run, since any
 * of them may have been the cause. Any other failure of several tracks is retried one track at a time, so that only the one
 * that causes it fails.
 */
export async function computeBatch(taken: readonly TakenWindow[], port: BatchPort): Promise<void> {
  const windows = taken.filter(({ track }) => !track.settled)
  if (windows.length === 0) return
  let report: RunReport
  try {
    report = await port.run(windows.map(toSource))
  } catch (error) {
    port.failed(windows.length, describeError(error))
    for (const part of smallerParts(windows, error, port)) await computeBatch(part, port)
    return
  }
  port.deliver(windows, report)
}

/** What to try again after a failed run; tracks that are not in any part have failed. */
function smallerParts(windows: readonly TakenWindow[], error: unknown, port: BatchPort): TakenWindow[][] {
  const kind = failureKind(error)
  const tracks = [...new Set(windows.map(({ track }) => track))]
  if (kind === 'memory' && windows.length > 1) {
    const half = Math.floor(windows.length / 2)
    port.halved(half, describeError(error))
    return [windows.slice(0, half), windows.slice(half, 2 * half), windows.slice(2 * half)]
  }
  if ((kind === 'permanent' || kind === 'transient') && tracks.length > 1) {
    return tracks.map((track) => windows.filter((window) => window.track === track))
  }
  for (const track of tracks) port.fail(track, trackError(track, error))
  return []
}

/** The error a track ends with: permanent where the model or the audio is at fault, else transient. */
function trackError(track: Track, error: unknown): SoundledgerError {
  return failureOf(`embed with model ${track.model.name}`, track.audio.file, error)
}

/** The error of every track that waits for a model that cannot be loaded; its operation begins with "load model". */
export function loadError(model: Model, error: unknown): SoundledgerError {
  return failureOf(`load model ${model.name}`, model.folder, error)
}

function failureOf(operation: string, subject: string, error: unknown): SoundledgerError {
  const kind = failureKind(error)
  const told = error instanceof InferenceFailure || error instanceof SoundledgerError ? error.hint : undefined
  const hint = told ?? (kind === 'memory' ? 'free memory, or choose another provider' : undefined)
  const message = error instanceof Error ? error.message : String(error)
  const details = { operation, subject, message, ...(hint === undefined ? {} : { hint }), cause: error }
  return kind === 'permanent' ? new PermanentError(details) : new TransientError(details)
}

export function failureKind(error: unknown): InferenceFailure['kind'] {
  if (error instanceof InferenceFailure) return error.kind
  return error instanceof PermanentError ? 'permanent' : 'transient'
}

function toSource({ track, window }: TakenWindow): WindowSource {
  const { file, samples: stride } = track.audio
  return { file, start: window.start, samples: window.samples, stride }
}
