import { AV_CHANNEL_ORDER_UNSPEC, AVERROR_EAGAIN, AVERROR_EOF } from 'node-av/constants'
import { avChannelLayoutDefault, Codec, CodecContext, FFmpegError, Frame, Packet } from 'node-av/lib'
import type { AudioSpec, PcmAudio } from '../core/audio.ts'
import { PermanentError } from '../core/errors.ts'
import { type AudioInput, ffmpegFailure, openAudio, readAudioPacket } from './ffmpeg.ts'
import { PcmOutput } from './pcm-output.ts'
import { decodeSpans, type Span } from './spans.ts'
import { isSampled, planWindows } from './windows.ts'

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
    const counts = new AudioDecoder(input, outputs, spans).run()
    demandDecodable(path, counts, outputs)
    const result = outputs.map((output) => output.finish(options.analysedSecondsMax))
    done = true
    return { durationSeconds: decodedSeconds(result, spans, options), outputs: result, ...counts }
  } finally {
    for (const output of outputs) output.close(done)
    input.close()
  }
}

function sampledWindows(spec: AudioSpec, { durationSeconds, analysedSecondsMax }: DecodeOptions) {
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

interface PacketCounts {
  readonly packets: number
  readonly corruptPackets: number
  readonly lastError: number
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

/** One pass over the packets: decodes those inside the spans and hands every frame to every output. */
class AudioDecoder {
  readonly #input: AudioInput
  readonly #outputs: readonly PcmOutput[]
  readonly #spans: readonly Span[]
  readonly #codec: CodecContext
  readonly #frame = new Frame()
  readonly #secondsPerTick: number
  /** Number of channels where the file does not say which is which: they count as the usual ones; else 0. */
  readonly #unnamedChannels: number
  /** Time stamp of the first frame: second 0 of the track. */
  #origin: number | null = null
  #inSpan = false
  #packets = 0
  #corrupt = 0
  #lastError = 0

  constructor(input: AudioInput, outputs: readonly PcmOutput[], spans: readonly Span[]) {
    this.#input = input
    this.#outputs = outputs
    this.#spans = spans
    const { num, den } = input.stream.timeBase
    this.#secondsPerTick = num / den
    const layout = input.stream.codecpar.channelLayout
    this.#unnamedChannels = layout.order === AV_CHANNEL_ORDER_UNSPEC ? layout.nbChannels : 0
    this.#codec = openDecoder(input)
    this.#frame.alloc()
  }

  run(): PacketCounts {
    const packet = new Packet()
    packet.alloc()
    try {
      this.#decodeSpans(packet)
      return { packets: this.#packets, corruptPackets: this.#corrupt, lastError: this.#lastError }
    } finally {
      packet.free()
      this.#frame.free()
      this.#codec.freeContext()
    }
  }

  #decodeSpans(packet: Packet): void {
    let index = 0
    const sampled = this.#spans.some((span) => span.to !== Number.POSITIVE_INFINITY)
    while (readAudioPacket(this.#input, packet)) {
      if (sampled) {
        const at = this.#trackSeconds(packet.pts)
        while (at >= (this.#spans[index]?.to ?? Number.POSITIVE_INFINITY)) {
          this.#endSpan()
          index += 1
        }
        const span = this.#spans[index]
        if (span === undefined) break
        if (at < span.from) {
          packet.unref()
          continue
        }
      }
      this.#decode(packet)
      packet.unref()
    }
    this.#endSpan()
  }

  #decode(packet: Packet): void {
    this.#packets += 1
    const code = this.#codec.sendPacketSync(packet)
    const failed = code < 0 && code !== AVERROR_EAGAIN ? code : this.#receive()
    if (failed === 0) return
    this.#corrupt += 1
    this.#lastError = failed
  }

  /** Hands on all frames that are ready; 0, or the code of the failure that ended it. */
  #receive(): number {
    for (;;) {
      const code = this.#codec.receiveFrameSync(this.#frame)
      if (code === AVERROR_EAGAIN || code === AVERROR_EOF) return 0
      if (code < 0) return code
      if (!this.#inSpan) this.#startSpan()
      if (this.#unnamedChannels > 0) this.#frame.channelLayout = avChannelLayoutDefault(this.#unnamedChannels)
      for (const output of this.#outputs) output.frame(this.#frame)
      this.#frame.unref()
    }
  }

  #startSpan(): void {
    this.#inSpan = true
    this.#origin ??= Number(this.#frame.bestEffortTimestamp)
    const seconds = this.#trackSeconds(this.#frame.bestEffortTimestamp)
    for (const output of this.#outputs) output.startSpan(seconds)
  }

  #endSpan(): void {
    if (!this.#inSpan) return
    this.#codec.sendPacketSync(null)
    this.#receive()
    this.#codec.flushBuffers()
    for (const output of this.#outputs) output.endSpan()
    this.#inSpan = false
  }

  #trackSeconds(timestamp: bigint): number {
    return this.#origin === null ? 0 : (Number(timestamp) - this.#origin) * this.#secondsPerTick
  }
}

function openDecoder(input: AudioInput): CodecContext {
  const { codecpar, timeBase } = input.stream
  const decoder = Codec.findDecoder(codecpar.codecId)
  if (decoder === null) {
    throw new PermanentError({
      operation: 'decode audio',
      subject: input.path,
      message: `no decoder for codec ${codecpar.codecId}`,
    })
  }
  const codec = new CodecContext()
  codec.allocContext3(decoder)
  const copied = codec.parametersToContext(codecpar)
  codec.pktTimebase = timeBase
  codec.threadCount = 1
  const opened = copied < 0 ? copied : codec.open2Sync(decoder)
  if (opened >= 0) return codec
  codec.freeContext()
  throw ffmpegFailure(opened, 'open decoder', input.path)
}
