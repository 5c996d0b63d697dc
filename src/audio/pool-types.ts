import type { AudioSpec, DecodedAudio, Inspection } from '../core/audio.ts'
import type { FileStat } from '../core/track.ts'
import type { ChildExit } from './audio-child.ts'
import type { Fault } from './messages.ts'

export interface AudioPoolOptions {
  /** How many files are worked on at once. */
  readonly children: number
  /** For one request, from the moment a child takes it. */
  readonly timeoutMs: number
  readonly rssLimitBytes: number
  /** Longer tracks are only sampled; 1800 s unless given. */
  readonly analysedSecondsMax?: number
  /** For decoded audio; what an earlier pool left there is deleted. */
  readonly scratchFolder: string
  /** Told of every child that ended, expected or not. */
  readonly onChildExit?: (exit: ChildEnd) => void
  /** A child without work ends after this time, to give its memory back; 60 s unless given. */
  readonly idleMs?: number
  /** For tests: requests may ask a child to misbehave. */
  readonly faults?: boolean
}

export interface ChildEnd extends ChildExit {
  /** "decoder crashed (SIGSEGV)", "closed", ...: why it ended. */
  readonly reason: string
  /** True when it was closed, idle or aborted: nothing to worry about. */
  readonly expected: boolean
  /** The file it was working on; null when it was idle. */
  readonly path: string | null
}

export interface RequestOptions {
  readonly signal?: AbortSignal
  /** Only with the pool's `faults`. */
  readonly fault?: Fault
}

export interface InspectOptions extends RequestOptions {
  /** Whether to read artist, title and album as well. */
  readonly tags: boolean
}

export interface DecodeOptions extends RequestOptions {
  /** The file as it was when it was inspected; any other is refused. */
  readonly expected: FileStat
  readonly specs: readonly AudioSpec[]
  /** What inspecting it said. */
  readonly durationSeconds: number
}

export interface AudioPoolStats {
  /** Child processes alive now. */
  readonly children: number
  readonly pids: readonly number[]
  readonly running: number
  readonly queued: number
  readonly completed: number
  readonly failed: number
  /** Children that ended before the pool was closed, those that were merely idle not counted. */
  readonly restarts: number
  /** Time that children spent on requests, summed over children. */
  readonly busyMs: number
  /** Sizes of the files that were read, once for each request. */
  readonly bytesRead: number
  readonly corruptPackets: number
}

export interface AudioPool {
  /**
   * Fingerprint, length and, if asked for, tags of one file.
   *
   * @throws PermanentError when it is no audio, TransientError when it cannot be read now, changed while being read, or
   * its child died, hung or took too much memory; the signal's reason when aborted.
   */
  inspect(path: string, options: InspectOptions): Promise<Inspection>
  /** PCM of one file for each spec. Same errors as `inspect`; also TransientError when the file is not `expected`. */
  decode(path: string, options: DecodeOptions): Promise<DecodedAudio>
  stats(): AudioPoolStats
  /** Ends all children and deletes all decoded audio; requests under way fail. May be called again. */
  close(): Promise<void>
}
