import { rm } from 'node:fs/promises'
import type { DecodedAudio, Inspection } from '../core/audio.ts'
import { fromWire, TransientError } from '../core/errors.ts'
import { AudioChild, type ChildExit } from './audio-child.ts'
import type { Answer, DecodeAnswer, Fault, Request } from './messages.ts'
import type {
  AudioPool,
  AudioPoolOptions,
  AudioPoolStats,
  DecodeOptions,
  InspectOptions,
  RequestOptions,
} from './pool-types.ts'
import { Scratch } from './scratch.ts'
import { ANALYSED_SECONDS_MAX } from './windows.ts'

export type { AudioPool, AudioPoolOptions, AudioPoolStats, ChildEnd, RequestOptions } from './pool-types.ts'

const IDLE = 'idle'
const CLOSED = 'closed'
const ABORTED = 'aborted'
const IDLE_MS = 60_000
const EXPECTED: ReadonlySet<string> = new Set([IDLE, CLOSED, ABORTED])

interface Job {
  readonly request: Request
  readonly signal: AbortSignal | undefined
  readonly resolve: (value: Inspection | DecodeAnswer) => void
  readonly reject: (error: unknown) => void
  readonly onAbort: () => void
}

/**
 * A place for one child. `child` is null until a job needs one and after it ended; `job` is what the child works on. A
 * slot whose `ending` is set waits for its killed child to be gone and takes no job until then.
 */
interface Slot {
  child: AudioChild | null
  job: Job | null
  startedAt: number
  /** While there is a job: its time limit; else how long the child may still be idle. */
  timer: NodeJS.Timeout | null
  /** Why we killed it, and what its job fails with; null while we have not. */
  ending: { readonly reason: string; readonly error: unknown } | null
}

/** Starts no process yet: children come with the first requests. */
export function createAudioPool(options: AudioPoolOptions): AudioPool {
  return new ChildPool(options)
}

class ChildPool implements AudioPool {
  readonly #options: AudioPoolOptions
  readonly #scratch: Scratch
  readonly #slots: Slot[]
  readonly #queue: Job[] = []
  readonly #counts = { completed: 0, failed: 0, restarts: 0, busyMs: 0, bytesRead: 0, corruptPackets: 0 }
  #closing: Promise<void> | null = null

  constructor(options: AudioPoolOptions) {
    this.#options = options
    this.#scratch = new Scratch(options.scratchFolder)
    this.#slots = Array.from({ length: Math.max(1, options.children) }, () => ({
      child: null,
      job: null,
      startedAt: 0,
      timer: null,
      ending: null,
    }))
  }

  async inspect(path: string, options: InspectOptions): Promise<Inspection> {
    const request: Request = { kind: 'inspect', path, tags: options.tags, ...this.#fault(options) }
    return (await this.#submit(request, options.signal)) as Inspection
  }

  async decode(path: string, options: DecodeOptions): Promise<DecodedAudio> {
    const { expected, specs, durationSeconds, signal } = options
    const scratchBase = this.#scratch.base()
    const analysedSecondsMax = this.#options.analysedSecondsMax ?? ANALYSED_SECONDS_MAX
    const wanted = { path, expected, specs, durationSeconds, analysedSecondsMax, scratchBase }
    try {
      const answer = await this.#submit({ kind: 'decode', ...wanted, ...this.#fault(options) }, signal)
      const { outputs, corruptPackets, durationSeconds: decodedSeconds } = answer as DecodeAnswer
      this.#counts.corruptPackets += corruptPackets
      const release = async (): Promise<void> => {
        await Promise.all(outputs.map((output) => rm(output.file, { force: true })))
      }
      return { durationSeconds: decodedSeconds, outputs, release }
    } catch (error) {
      this.#scratch.remove(scratchBase)
      throw error
    }
  }

  stats(): AudioPoolStats {
    const pids = this.#slots.flatMap((slot) => slot.child?.pid ?? [])
    return {
      ...this.#counts,
      children: pids.length,
      pids,
      running: this.#slots.filter((slot) => slot.job !== null).length,
      queued: this.#queue.length,
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    for (const job of this.#queue.splice(0)) this.#settle(job, () => job.reject(closed(job.request)))
    const exits = this.#slots.flatMap((slot) => {
      const exited = slot.child?.exited
      const error = slot.job === null ? null : closed(slot.job.request)
      this.#end(slot, CLOSED, error)
      return exited === undefined ? [] : [exited]
    })
    await Promise.all(exits)
    this.#scratch.close()
  }

  #fault(options: RequestOptions): { fault?: Fault } {
    return this.#options.faults === true && options.fault !== undefined ? { fault: options.fault } : {}
  }

  #submit(request: Request, signal: AbortSignal | undefined): Promise<Inspection | DecodeAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#closing !== null) return reject(closed(request))
      if (signal?.aborted === true) return reject(signal.reason)
      const job: Job = { request, signal, resolve, reject, onAbort: () => this.#abort(job) }
      signal?.addEventListener('abort', job.onAbort, { once: true })
      this.#queue.push(job)
      this.#dispatch()
    })
  }

  #dispatch(): void {
    for (const slot of this.#slots) {
      if (slot.job !== null || slot.ending !== null) continue
      const job = this.#queue.shift()
      if (job === undefined) return
      clearTimeout(slot.timer ?? undefined)
      slot.job = job
      slot.startedAt = performance.now()
      slot.timer = setTimeout(() => this.#timeOut(slot, job), this.#options.timeoutMs)
      slot.child ??= this.#start(slot)
      slot.child.send(job.request)
    }
  }

  #start(slot: Slot): AudioChild {
    const { rssLimitBytes, faults = false } = this.#options
    const child = new AudioChild({ rssLimitBytes, faults }, (answer) => this.#answered(slot, answer))
    child.exited.then((exit) => this.#ended(slot, exit))
    return child
  }

  #answered(slot: Slot, answer: Answer): void {
    const job = slot.job
    // A killed child's last answer may still arrive; its job has a fate already.
    if (job === null || slot.ending !== null) return
    this.#counts.bytesRead += answer.sizeBytes
    this.#vacate(slot)
    this.#settle(
      job,
      () => {
        if (answer.ok) job.resolve(answer.value)
        else job.reject(fromWire(answer.error))
      },
      answer.ok,
    )
    if (answer.rssBytes > this.#options.rssLimitBytes) {
      this.#end(slot, overMemory(answer.rssBytes, this.#options.rssLimitBytes), null)
    }
    this.#dispatch()
    if (slot.job === null && slot.ending === null) {
      slot.timer = setTimeout(() => this.#end(slot, IDLE, null), this.#options.idleMs ?? IDLE_MS).unref()
    }
  }

  #ended(slot: Slot, exit: ChildExit): void {
    const { job, ending } = slot
    const reason = ending?.reason ?? this.#whyEnded(exit)
    this.#vacate(slot)
    slot.child = null
    slot.ending = null
    if (this.#closing === null && reason !== IDLE) this.#counts.restarts += 1
    if (job !== null) this.#settle(job, () => job.reject(ending?.error ?? failed(job.request, reason)))
    if (this.#closing === null) this.#dispatch()
    const expected = EXPECTED.has(reason)
    this.#options.onChildExit?.({ ...exit, reason, expected, path: job?.request.path ?? null })
  }

  #whyEnded({ code, signal, rssBytes, stderr }: ChildExit): string {
    if (rssBytes !== null) return overMemory(rssBytes, this.#options.rssLimitBytes)
    if (signal !== null) return `decoder crashed (${signal})`
    const how = code === null ? 'decoder could not be started' : `decoder ended with exit code ${code}`
    return stderr === '' ? how : `${how}: ${stderr}`
  }

  #timeOut(slot: Slot, job: Job): void {
    const reason = `decoder gave no answer within ${this.#options.timeoutMs / 1000} s`
    this.#end(slot, reason, failed(job.request, reason))
  }

  #abort(job: Job): void {
    const at = this.#queue.indexOf(job)
    if (at >= 0) {
      this.#queue.splice(at, 1)
      this.#settle(job, () => job.reject(job.signal?.reason))
      return
    }
    const slot = this.#slots.find((candidate) => candidate.job === job)
    if (slot !== undefined) this.#end(slot, ABORTED, job.signal?.reason)
  }

  /** Kills the slot's child; its job, if any, fails with `error` once the child is gone. */
  #end(slot: Slot, reason: string, error: unknown): void {
    if (slot.child === null || slot.ending !== null) return
    slot.ending = { reason, error }
    slot.child.kill()
  }

  #vacate(slot: Slot): void {
    if (slot.job !== null) this.#counts.busyMs += performance.now() - slot.startedAt
    clearTimeout(slot.timer ?? undefined)
    slot.timer = null
    slot.job = null
  }

  #settle(job: Job, settle: () => void, succeeded = false): void {
    job.signal?.removeEventListener('abort', job.onAbort)
    this.#counts[succeeded ? 'completed' : 'failed'] += 1
    settle()
  }
}

function failed(request: Request, message: string): TransientError {
  return new TransientError({ operation: `${request.kind} audio`, subject: request.path, message })
}

function closed(request: Request): TransientError {
  return failed(request, 'the audio pool is closed')
}

function overMemory(rssBytes: number, limitBytes: number): string {
  const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(2)} GB`
  return `decoder used ${gigabytes(rssBytes)} of memory, limit ${gigabytes(limitBytes)}`
}
