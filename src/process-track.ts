import type { AudioSpec, DecodedAudio, Inspection, PcmAudio } from './core/audio.ts'
import type { Events, TrackOutcome } from './core/events.ts'
import { collectionName, type Model, type Segment } from './core/model.ts'
import type { Operation, TrackJob } from './core/operation.ts'
import { displayName, type FileStat, type LedgerTrack, publicId } from './core/track.ts'
import type { TrackVectors } from './vectors/store.ts'

/** What one job needs of the stages; `daemon.ts` hands it in. */
export interface TrackPorts {
  readonly models: readonly Model[]
  /** The files' own tags are the source of names (a library that is just folders). */
  readonly readTags: boolean
  readonly ledger: {
    job(trackId: number): TrackJob | null
    twins(fingerprint: string, trackId: number): LedgerTrack[]
    inspected(job: TrackJob, inspection: Inspection, now: number): void
    adopt(from: LedgerTrack, into: LedgerTrack, now: number): void
    failed(operations: ReadonlyArray<{ trackId: number; model: string; cause: string }>, now: number): void
    settle(trackId: number, now: number): void
    count(counter: 'decoded'): void
  }
  readonly audio: {
    inspect(path: string, options: { tags: boolean; signal?: AbortSignal }): Promise<Inspection>
    decode(
      path: string,
      options: {
        expected: FileStat
        specs: readonly AudioSpec[]
        durationSeconds: number
        signal?: AbortSignal
      },
    ): Promise<DecodedAudio>
  }
  readonly embedder: {
    embed(model: Model, audio: PcmAudio, durationSeconds: number, signal?: AbortSignal): Promise<Segment[]>
  }
  readonly writer: {
    /** Resolves when the rows are in the store and the ledger says so. */
    write(trackId: number, model: Model, vectors: TrackVectors, how: 'embedded' | 'reused'): Promise<void>
    publish(jobs: readonly TrackJob[]): Promise<void>
    remove(jobs: readonly TrackJob[]): Promise<void>
    get(collection: string, key: string): Promise<TrackVectors | null>
  }
  readonly events: Events
  now(): number
  describe(error: unknown): string
}

/**
 * Does what is due for some tracks. Rewrites and removals are done together, tracks that may sound different one by one. A
 * failure ends as a failed operation with its cause; only an abort, or a ledger that cannot be written, is thrown.
 */
export async function processTracks(
  trackIds: readonly number[],
  ports: TrackPorts,
  signal: AbortSignal,
): Promise<void> {
  const jobs = trackIds.map((id) => ports.ledger.job(id)).filter((job) => job !== null)
  const removals = jobs.filter(({ remove }) => remove)
  const rewrites = jobs.filter((job) => !job.remove && job.publish && !job.inspect)
  const rest = jobs.filter((job) => !job.remove && (job.inspect || !job.publish))
  if (removals.length > 0) await ports.writer.remove(removals)
  if (rewrites.length > 0) await ports.writer.publish(rewrites)
  for (const job of rest) await processTrack(job, ports, signal)
}

/** fingerprint -> decode -> embed -> write -> ledger, as far as the track needs it. */
async function processTrack(job: TrackJob, ports: TrackPorts, signal: AbortSignal): Promise<void> {
  const startedAt = performance.now()
  const report = (track: LedgerTrack, outcome: TrackOutcome, models: readonly string[] = []): void =>
    ports.events.emit('track', { track, outcome, models, durationMs: performance.now() - startedAt })

  let current: TrackJob | null = job
  if (job.inspect && job.track.state === 'present') {
    current = await inspect(job, ports, signal)
    if (current === null) return
  }
  const { track } = current
  if (track.id !== job.track.id) report(track, 're-attached')
  if (current.publish) await ports.writer.publish([current])
  const due = track.state === 'present' ? dueModels(current, ports) : []
  if (due.length === 0) {
    ports.ledger.settle(track.id, ports.now())
    if (job.inspect && track.id === job.track.id) report(track, 'same sound')
    return
  }
  const left = await reuse(track, due, ports)
  if (left.length < due.length) report(track, 'reused', difference(due, left))
  if (left.length === 0) return
  const embedded = await embed(track, left, ports, signal)
  if (embedded.length > 0) report(track, 'embedded', embedded)
}

/** Returns the track's job as it is afterwards, under its old identity where it has one; null when there is nothing more to do. */
async function inspect(job: TrackJob, ports: TrackPorts, signal: AbortSignal): Promise<TrackJob | null> {
  const { ledger } = ports
  const { track } = job
  try {
    const inspection = await ports.audio.inspect(track.path, { tags: ports.readTags, signal })
    ledger.inspected(job, inspection, ports.now())
    const isNew = track.fingerprint === null
    const moved = isNew
      ? ledger.twins(inspection.fingerprint, track.id).find(({ state }) => state === 'missing')
      : undefined
    const updated = ledger.job(track.id)
    if (moved === undefined || updated === null) return updated
    ledger.adopt(updated.track, moved, ports.now())
    return ledger.job(moved.id)
  } catch (error) {
    if (signal.aborted) throw error
    fail(
      track,
      ports.models.map(({ name }) => name),
      error,
      ports,
    )
    return null
  }
}

function dueModels(job: TrackJob, ports: TrackPorts): Model[] {
  const now = ports.now()
  const isDue = (operation: Operation | undefined): boolean => {
    if (operation === undefined || operation.state === 'done') return false
    return (
      operation.state !== 'failed' || (operation.nextAttemptAt !== null && operation.nextAttemptAt <= now)
    )
  }
  return ports.models.filter(({ name }) => isDue(job.operations.find(({ model }) => model === name)))
}

/** Equal fingerprint, same sound, same vectors: copies them from a twin where there is one. Returns the models still due. */
async function reuse(track: LedgerTrack, due: readonly Model[], ports: TrackPorts): Promise<Model[]> {
  const { fingerprint } = track
  const twins = fingerprint === null ? [] : ports.ledger.twins(fingerprint, track.id)
  if (twins.length === 0) return [...due]
  const left: Model[] = []
  for (const model of due) if (!(await copyFrom(twins, track, model, ports))) left.push(model)
  return left
}

async function copyFrom(
  twins: readonly LedgerTrack[],
  track: LedgerTrack,
  model: Model,
  ports: TrackPorts,
): Promise<boolean> {
  try {
    for (const twin of twins) {
      const stored = await ports.writer.get(collectionName(model), twin.key)
      if (stored === null || stored.fingerprint !== track.fingerprint) continue
      await ports.writer.write(track.id, model, vectorsOf(track, stored.segments), 'reused')
      return true
    }
    return false
  } catch (error) {
    fail(track, [model.name], error, ports)
    return true
  }
}

/** Decodes once for all models; each model then embeds and writes, or fails, alone. Returns the names that succeeded. */
async function embed(
  track: LedgerTrack,
  due: readonly Model[],
  ports: TrackPorts,
  signal: AbortSignal,
): Promise<string[]> {
  const decoded = await decode(track, due, ports, signal)
  if (decoded === null) return []
  try {
    const outcomes = await Promise.all(
      due.map(async (model, n) => {
        try {
          const audio = decoded.outputs[n]
          if (audio === undefined) throw new Error(`decoding gave no audio for ${model.name}`)
          const segments = await ports.embedder.embed(model, audio, decoded.durationSeconds, signal)
          await ports.writer.write(track.id, model, vectorsOf(track, segments), 'embedded')
          return model.name
        } catch (error) {
          if (signal.aborted) throw error
          fail(track, [model.name], error, ports)
          return null
        }
      }),
    )
    return outcomes.filter((name) => name !== null)
  } finally {
    await decoded.release()
  }
}

async function decode(
  track: LedgerTrack,
  due: readonly Model[],
  ports: TrackPorts,
  signal: AbortSignal,
): Promise<DecodedAudio | null> {
  try {
    const { file, audioSeconds } = track
    if (file === null) throw new Error('the file was never seen')
    const decoded = await ports.audio.decode(track.path, {
      expected: file,
      specs: due.map(({ audio }) => audio),
      durationSeconds: audioSeconds ?? 0,
      signal,
    })
    ports.ledger.count('decoded')
    return decoded
  } catch (error) {
    if (signal.aborted) throw error
    fail(
      track,
      due.map(({ name }) => name),
      error,
      ports,
    )
    return null
  }
}

function vectorsOf(track: LedgerTrack, segments: readonly Segment[]): TrackVectors {
  return {
    key: track.key,
    fingerprint: track.fingerprint ?? '',
    trackId: publicId(track),
    name: displayName(track.attributes),
    available: track.state === 'present',
    segments,
  }
}

function fail(track: LedgerTrack, models: readonly string[], error: unknown, ports: TrackPorts): void {
  const cause = ports.describe(error)
  ports.ledger.failed(
    models.map((model) => ({ trackId: track.id, model, cause })),
    ports.now(),
  )
  for (const model of models) ports.events.emit('failed', { track, model, error })
}

function difference(all: readonly Model[], left: readonly Model[]): string[] {
  return all.filter((model) => !left.includes(model)).map(({ name }) => name)
}
