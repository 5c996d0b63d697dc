import type { Frame } from 'node-av/lib'
import type { AudioSpec, PcmAudio, PcmWindow } from '../core/audio.ts'
import { PcmFile } from './pcm-file.ts'
import { Resampler } from './resampler.ts'
import { mergeWindows, type PlannedWindow, planWindows, type Segment } from './windows.ts'

/**
 * One AudioSpec's share of a decode: resamples every frame and keeps either everything (`segments` null) or only the
 * given segments of the track, which then lie one behind the other in the file.
 *
 * `#cursor` is the place in the track, in output samples, of the next sample that the resampler returns.
 */
export class PcmOutput {
  readonly spec: AudioSpec
  readonly segments: readonly Segment[] | null
  readonly #windows: readonly PlannedWindow[]
  readonly #file: string
  readonly #pcm: PcmFile
  readonly #resampler: Resampler
  readonly #take: (samples: number) => void
  #cursor = 0
  #current = 0

  /** `windows` null: the length of the track is unknown, or short enough to keep all of it. */
  constructor(spec: AudioSpec, file: string, windows: readonly PlannedWindow[] | null) {
    this.spec = spec
    this.segments = windows === null ? null : mergeWindows(windows)
    this.#windows = windows ?? []
    this.#file = file
    this.#pcm = new PcmFile(file, spec.channels)
    this.#resampler = new Resampler(spec)
    this.#take = (samples) => this.#keep(samples)
  }

  /** Samples per channel kept so far. */
  get samples(): number {
    return this.#pcm.samples
  }

  frame(frame: Frame): void {
    this.#resampler.convert(frame, this.#take)
  }

  /** The next frame is the first of a span that starts here. */
  startSpan(seconds: number): void {
    this.#cursor = Math.round(seconds * this.spec.sampleRate)
  }

  /** No frame of this span follows. */
  endSpan(): void {
    this.#resampler.flush(this.#take)
  }

  /** Completes the file and says where its windows are. */
  finish(analysedSecondsMax: number): PcmAudio {
    this.#pcm.finish()
    const samples = this.#pcm.samples
    return {
      spec: this.spec,
      file: this.#file,
      samples,
      windows: this.#placeWindows(samples, analysedSecondsMax),
    }
  }

  /** Frees what native code holds; with `keepFile` false the file is deleted as well. */
  close(keepFile: boolean): void {
    this.#resampler.close()
    if (!keepFile) this.#pcm.discard()
  }

  #keep(samples: number): void {
    const { planes } = this.#resampler
    if (this.segments === null) {
      this.#pcm.append(planes, 0, samples)
      return
    }
    const end = this.#cursor + samples
    for (
      let segment = this.segments[this.#current];
      segment !== undefined;
      segment = this.segments[this.#current]
    ) {
      const from = Math.max(this.#cursor, segment.start)
      const to = Math.min(end, segment.end)
      if (to > from) {
        // Packets missing inside a segment leave silence, so that later windows keep their place.
        this.#padTo(segment, from)
        this.#pcm.append(planes, from - this.#cursor, to - from)
      }
      if (end < segment.end) break
      this.#padTo(segment, segment.end)
      this.#current += 1
    }
    this.#cursor = end
  }

  #padTo(segment: Segment, position: number): void {
    const missing = this.#fileStart(segment) + (position - segment.start) - this.#pcm.samples
    if (missing > 0) this.#pcm.appendSilence(missing)
  }

  /** Where a segment begins in the file: behind all segments before it. */
  #fileStart(segment: Segment): number {
    let start = 0
    for (const earlier of this.segments ?? []) {
      if (earlier.start >= segment.start) break
      start += earlier.end - earlier.start
    }
    return start
  }

  #placeWindows(samples: number, analysedSecondsMax: number): PcmWindow[] {
    const { sampleRate } = this.spec
    const segments = this.segments
    const windows =
      segments === null
        ? planWindows({ totalSamples: samples, ...this.spec, analysedSecondsMax })
        : this.#windows
    let index = 0
    let fileStart = 0
    return windows.flatMap((window) => {
      let segment = segments?.[index]
      while (segment !== undefined && window.start >= segment.end) {
        fileStart += segment.end - segment.start
        index += 1
        segment = segments?.[index]
      }
      const start = fileStart + window.start - (segment?.start ?? 0)
      const present = Math.min(window.samples, samples - start)
      return present > 0 ? [{ offsetSeconds: window.start / sampleRate, start, samples: present }] : []
    })
  }
}
