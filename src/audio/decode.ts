import { FFmpegError } from 'node-av/lib'
import type { AudioSpec, PcmAudio } from '../core/audio.ts'
import { PermanentError } from '../core/errors.ts'
import { AudioDecoder, type PacketCounts } from './audio-decoder.ts'
import { openAudio } from './ffmpeg.ts'
import { PcmOutput } from './pcm-output.ts'
import { decodeSpans, type Span } from './spans.ts'
import { isSampled, type PlannedWindow, planWindows } from './windows.ts'

export interface DecodeOptions {
  readonly specs: readonly AudioSpec[]
  /** What inspecting the file said; decides whether all of it or only sampled windows are decoded. */
  readonly durationSeconds: number
  readonly analysedSecondsMax: number
  /** Path that the names of the PCM files begin with; nothing there may exist. */
  readonly scratchBase: string
}

export interface DecodeResult {
  readonly durationSeconds: number
  readonly outputs: readonly PcmAudio[]
  readonly packets: number
  /** Packets that the decoder refused; their time is missing from the output. */
  readonly corruptPackets: number
}

/** Fewer decodable packets than one in this many, and the file counts as undecodable. */
const DECODABLE_ONE_IN = 10

/**
 * Decodes a file once for all `specs` and writes one PCM file for each. Of a track longer than `analysedSecondsMax` only
 * the sampled windows are decoded; packets between them are read and passed over. Corrupt packets are skipped.
 *
 * @throws PermanentError when less than a tenth of the packets, or not one sample, can be decoded; TransientError when
 * the file cannot be read now. No PCM file is left behind then.
 */
export function decodeAudio(path: string, options: DecodeOptions): DecodeResult {
  const input = openAudio(path)
  const outputs: PcmOutput[] = []
  let done = false
  try {
    for (const [i, spec] of options.specs.entries()) {
      outputs.push(new PcmOutput(spec, `${options.scratchBase}.${i}.f32`, sampledWindows(spec, options)))
    }
    const spans = wantedSpans(outputs)
    const counts = new AudioDecoder(input, outputs, spans, options.analysedSecondsMax * 1.1 + 60).run()
    demandDecodable(path, counts, outputs)
    const result = outputs.map((output) => output.finish(options.analysedSecondsMax))
    done = true
    return { durationSeconds: decodedSeconds(result, spans, options), outputs: result, ...counts }
  } finally {
    for (const output of outputs) output.close(done)
    input.close()
  }
}

function sampledWindows(
  spec: AudioSpec,
  { durationSeconds, analysedSecondsMax }: DecodeOptions,
): PlannedWindow[] | null {
  const plan = { ...spec, totalSamples: Math.floor(durationSeconds * spec.sampleRate), analysedSecondsMax }
  return isSampled(plan) ? planWindows(plan) : null
}

function wantedSpans(outputs: readonly PcmOutput[]): Span[] {
  const sampled = outputs.flatMap(({ spec, segments }) =>
    segments === null ? [] : [{ sampleRate: spec.sampleRate, segments }],
  )
  return sampled.length < outputs.length ? [{ from: 0, to: Number.POSITIVE_INFINITY }] : decodeSpans(sampled)
}

function decodedSeconds(result: readonly PcmAudio[], spans: readonly Span[], options: DecodeOptions): number {
  const [first] = result
  const whole = spans[0]?.to === Number.POSITIVE_INFINITY
  return whole && first !== undefined ? first.samples / first.spec.sampleRate : options.durationSeconds
}

function demandDecodable(path: string, counts: PacketCounts, outputs: readonly PcmOutput[]): void {
  const good = counts.packets - counts.corruptPackets
  if (good * DECODABLE_ONE_IN >= counts.packets && outputs.every((output) => output.samples > 0)) return
  const cause =
    counts.lastError < 0 ? `: ${FFmpegError.strerror(counts.lastError)}` : ', and they hold no sample'
  throw new PermanentError({
    operation: 'decode audio',
    subject: path,
    message: `${good} of ${counts.packets} packets could be decoded${cause}`,
  })
}
