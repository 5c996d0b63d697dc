import type { Attributes, FileStat } from './track.ts'

/** What demultiplexing a file tells, without decoding it. */
export interface Inspection {
  /** The file as it was before and after reading (equal, else the inspection failed). */
  readonly file: FileStat
  /** Hash over codec parameters and encoded packets of the first audio stream. */
  readonly fingerprint: string
  /** Sum of the packets' durations, in seconds. */
  readonly durationSeconds: number
  readonly codec: string
  /** From the file's tags; null unless asked for. Empty strings where a tag is absent. */
  readonly attributes: Attributes | null
}

/** How one model wants its audio. */
export interface AudioSpec {
  readonly sampleRate: number
  readonly channels: 1 | 2
  readonly windowSeconds: number
  readonly hopSeconds: number
}

/** One window of decoded audio inside a PCM file; planar: channel after channel. */
export interface PcmWindow {
  /** Where the window starts in the track, in seconds. */
  readonly offsetSeconds: number
  /** First sample (per channel) of the window in the PCM file. */
  readonly start: number
  /** Samples per channel that exist; the rest of the window, if any, is silence. */
  readonly samples: number
}

/** Decoded audio of one track for one AudioSpec: 32-bit float, native endian, channel after channel. */
export interface PcmAudio {
  readonly spec: AudioSpec
  readonly file: string
  /** Samples per channel in the file. */
  readonly samples: number
  readonly windows: readonly PcmWindow[]
}

/** One or several PcmAudio of one track; whoever receives it deletes the files with `release`. */
export interface DecodedAudio {
  readonly durationSeconds: number
  readonly outputs: readonly PcmAudio[]
  release(): Promise<void>
}
