import { AV_CHANNEL_ORDER_UNSPEC, AV_NOPTS_VALUE, AVERROR_EAGAIN, AVERROR_EOF } from 'node-av/constants'
import { avChannelLayoutDefault, Codec, CodecContext, Frame, Packet } from 'node-av/lib'
import { PermanentError } from '../core/errors.ts'
import { type AudioInput, ffmpegFailure, readAudioPacket } from './ffmpeg.ts'
import type { PcmOutput } from './pcm-output.ts'
import type { Span } from './spans.ts'

export interface PacketCounts {
  readonly packets: number
  readonly corruptPackets: number
  readonly lastError: number
}

/**
 * One pass over the packets: decodes those inside the spans and hands every frame to every output.
 *
 * Second 0 of the track is its first frame (`#origin`). A span begins for the outputs with the first frame that comes out
 * of the decoder after a gap, and ends when a packet lies behind it: then decoder and outputs are flushed.
 */
export class AudioDecoder {
  readonly #input: AudioInput
  readonly #outputs: readonly PcmOutput[]
  readonly #spans: readonly Span[]
  readonly #secondsMax: number
  readonly #codec: CodecContext
  readonly #frame = new Frame()
  readonly #secondsPerTick: number
  /** Number of channels where the file does not say which is which: they count as the usual ones; else 0. */
  readonly #unnamedChannels: number
  /** Time stamp of the first frame: second 0 of the track. */
  #origin: number | null = null
  /** Time stamp of the packet being decoded, and where the next one belongs if it has none. */
  #tick = 0
  #nextTick = 0
  #inSpan = false
  #packets = 0
  #corrupt = 0
  #lastError = 0

  /** `secondsMax`: more audio than this means that the file lied about its length. */
  constructor(input: AudioInput, outputs: readonly PcmOutput[], spans: readonly Span[], secondsMax: number) {
    this.#input = input
    this.#outputs = outputs
    this.#spans = spans
    this.#secondsMax = secondsMax
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
    while (readAudioPacket(this.#input, packet)) {
      const at = this.#packetSeconds(packet)
      while (at >= (this.#spans[index]?.to ?? Number.POSITIVE_INFINITY)) {
        this.#endSpan()
        index += 1
      }
      const span = this.#spans[index]
      if (span === undefined) break
      if (at >= span.from) this.#decode(packet)
      packet.unref()
    }
    this.#endSpan()
  }

  #decode(packet: Packet): void {
    this.#packets += 1
    const code = this.#codec.sendPacketSync(packet)
    const failed = code < 0 && code !== AVERROR_EAGAIN ? code : this.#receive()
    if (failed < 0) {
      this.#corrupt += 1
      this.#lastError = failed
    }
    if (this.#outputs.some(({ samples, spec }) => samples > this.#secondsMax * spec.sampleRate)) {
      throw new PermanentError({
        operation: 'decode audio',
        subject: this.#input.path,
        message: `holds more than ${Math.round(this.#secondsMax)} s of audio though its packets say less`,
      })
    }
  }

  /** Hands on all frames that are ready; 0, or the code of the failure that ended it. */
  #receive(): number {
    for (;;) {
      const code = this.#codec.receiveFrameSync(this.#frame)
      if (code === AVERROR_EAGAIN || code === AVERROR_EOF) return 0
      if (code < 0) return code
      if (!this.#inSpan) this.#startSpan()
      if (this.#unnamedChannels > 0 && this.#frame.channels === this.#unnamedChannels) {
        this.#frame.channelLayout = avChannelLayoutDefault(this.#unnamedChannels)
      }
      for (const output of this.#outputs) output.frame(this.#frame)
      this.#frame.unref()
    }
  }

  #startSpan(): void {
    this.#inSpan = true
    const stated = this.#frame.bestEffortTimestamp
    const tick = stated === AV_NOPTS_VALUE ? this.#tick : Number(stated)
    this.#origin ??= tick
    const seconds = (tick - this.#origin) * this.#secondsPerTick
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

  /** Where in the track the packet plays, in seconds; 0 while no frame has come out yet. */
  #packetSeconds(packet: Packet): number {
    const stated = packet.pts
    this.#tick = stated === AV_NOPTS_VALUE ? this.#nextTick : Number(stated)
    this.#nextTick = this.#tick + Math.max(0, Number(packet.duration))
    return this.#origin === null ? 0 : (this.#tick - this.#origin) * this.#secondsPerTick
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
