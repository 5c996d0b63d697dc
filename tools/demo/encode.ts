import { resolve } from 'node:path'
import {
  AV_CODEC_FLAG_GLOBAL_HEADER,
  AV_LOG_QUIET,
  AV_SAMPLE_FMT_FLT,
  AV_SAMPLE_FMT_FLTP,
  AV_SAMPLE_FMT_S16,
  AV_SAMPLE_FMT_S16P,
  AV_SAMPLE_FMT_S32,
  AVERROR_EAGAIN,
  AVERROR_EOF,
  AVFMT_GLOBALHEADER,
  type AVSampleFormat,
  type FFEncoderCodec,
} from 'node-av/constants'
import {
  AudioFifo,
  avChannelLayoutDefault,
  Codec,
  CodecContext,
  Dictionary,
  FFmpegError,
  FormatContext,
  Frame,
  Log,
  Packet,
  Rational,
  SoftwareResampleContext,
  type Stream,
} from 'node-av/lib'

/** What people call the recording; absent or empty values write no tag. */
export interface EncodeTags {
  readonly artist?: string
  readonly title?: string
  readonly album?: string
  readonly genre?: string
  readonly track?: string
  readonly date?: string
}

interface Target {
  readonly muxer: string
  readonly encoder: string
  readonly sampleFormat: AVSampleFormat
  /** The only rate the encoder is used with; absent: the signal's own. */
  readonly sampleRate?: number
}

/** The five formats of the demo library, then the rest that music libraries hold. */
const TARGETS = {
  flac: { muxer: 'flac', encoder: 'flac', sampleFormat: AV_SAMPLE_FMT_S16 },
  mp3: { muxer: 'mp3', encoder: 'libmp3lame', sampleFormat: AV_SAMPLE_FMT_FLTP },
  ogg: { muxer: 'ogg', encoder: 'libvorbis', sampleFormat: AV_SAMPLE_FMT_FLTP },
  opus: { muxer: 'opus', encoder: 'libopus', sampleFormat: AV_SAMPLE_FMT_FLT, sampleRate: 48_000 },
  m4a: { muxer: 'ipod', encoder: 'aac', sampleFormat: AV_SAMPLE_FMT_FLTP },
  alac: { muxer: 'ipod', encoder: 'alac', sampleFormat: AV_SAMPLE_FMT_S16P },
  wav: { muxer: 'wav', encoder: 'pcm_s16le', sampleFormat: AV_SAMPLE_FMT_S16 },
  aiff: { muxer: 'aiff', encoder: 'pcm_s16be', sampleFormat: AV_SAMPLE_FMT_S16 },
  wv: { muxer: 'wv', encoder: 'wavpack', sampleFormat: AV_SAMPLE_FMT_S16P },
  tta: { muxer: 'tta', encoder: 'tta', sampleFormat: AV_SAMPLE_FMT_S16 },
  aac: { muxer: 'adts', encoder: 'aac', sampleFormat: AV_SAMPLE_FMT_FLTP },
  wma: { muxer: 'asf', encoder: 'wmav2', sampleFormat: AV_SAMPLE_FMT_FLTP },
  mka: { muxer: 'matroska', encoder: 'libvorbis', sampleFormat: AV_SAMPLE_FMT_FLTP },
  caf: { muxer: 'caf', encoder: 'pcm_s16be', sampleFormat: AV_SAMPLE_FMT_S16 },
  oggflac: { muxer: 'ogg', encoder: 'flac', sampleFormat: AV_SAMPLE_FMT_S16 },
  flac24: { muxer: 'flac', encoder: 'flac', sampleFormat: AV_SAMPLE_FMT_S32 },
} as const satisfies Record<string, Target>

export type AudioFormat = keyof typeof TARGETS

export interface EncodeOptions {
  /** One array per channel, all of one length, in -1..1. */
  readonly samples: readonly Float32Array[]
  /** Hz. */
  readonly sampleRate: number
  readonly format: AudioFormat
  /** Bits per second; ignored by lossless encoders. */
  readonly bitRate?: number
  readonly tags?: EncodeTags
}

/** Samples per channel handed to the resampler at once. */
const BLOCK = 65_536
/** Samples per frame where the encoder takes any number. */
const FREE_FRAME_SIZE = 4096

/**
 * Writes one real audio file, tags included, with the encoders that node-av bundles; the container follows from
 * `format`, not from the name. Blocks its thread: a minute of stereo takes 0.1 to 2 s.
 *
 * @throws FFmpegError when the path cannot be written or the encoder refuses the signal.
 */
export function encodeAudio(path: string, options: EncodeOptions): void {
  Log.setLevel(AV_LOG_QUIET)
  const target: Target = TARGETS[options.format]
  const container = new FormatContext()
  const codec = new CodecContext()
  try {
    check(container.allocOutputContext2(null, target.muxer, `file:${resolve(path)}`), 'create container')
    const stream = openEncoder(container, codec, target, options)
    check(container.openOutputSync(), 'open output')
    check(container.writeHeaderSync(), 'write header')
    pump(container, codec, stream, options)
    check(container.writeTrailerSync(), 'write trailer')
  } finally {
    container.closeOutputSync()
    container.freeContext()
    codec.freeContext()
  }
}

function openEncoder(
  container: FormatContext,
  codec: CodecContext,
  target: Target,
  options: EncodeOptions,
): Stream {
  const encoder = Codec.findEncoderByName(target.encoder as FFEncoderCodec)
  if (encoder === null) throw new Error(`encoder ${target.encoder} is not in this FFmpeg`)
  const sampleRate = target.sampleRate ?? options.sampleRate
  codec.allocContext3(encoder)
  codec.sampleRate = sampleRate
  codec.sampleFormat = target.sampleFormat
  codec.channelLayout = avChannelLayoutDefault(options.samples.length)
  codec.timeBase = new Rational(1, sampleRate)
  if (options.bitRate !== undefined) codec.bitRate = BigInt(options.bitRate)
  if (container.oformat?.flags !== undefined && (container.oformat.flags & AVFMT_GLOBALHEADER) !== 0) {
    codec.setFlags(AV_CODEC_FLAG_GLOBAL_HEADER)
  }
  check(codec.open2Sync(encoder), `open encoder ${target.encoder}`)
  const stream = container.newStream(encoder)
  check(stream.codecpar.fromContext(codec), 'copy parameters')
  stream.timeBase = new Rational(1, sampleRate)
  const tags = Object.fromEntries(Object.entries(options.tags ?? {}).filter(([, value]) => value !== ''))
  container.metadata = Dictionary.fromObject(tags)
  // Ogg takes its comments from the stream.
  stream.metadata = Dictionary.fromObject(tags)
  return stream
}

/** Signal -> resampler -> FIFO -> frames of the encoder's size -> packets -> container. */
function pump(container: FormatContext, codec: CodecContext, stream: Stream, options: EncodeOptions): void {
  const channels = options.samples.length
  const layout = avChannelLayoutDefault(channels)
  const resampler = new SoftwareResampleContext()
  const fifo = new AudioFifo()
  const sink = new PacketSink(container, codec, stream)
  try {
    const { sampleFormat, sampleRate } = codec
    check(
      resampler.allocSetOpts2(
        layout,
        sampleFormat,
        sampleRate,
        layout,
        AV_SAMPLE_FMT_FLTP,
        options.sampleRate,
      ),
      'set up resampler',
    )
    check(resampler.init(), 'open resampler')
    fifo.alloc(sampleFormat, channels, BLOCK)
    const total = options.samples[0]?.length ?? 0
    for (let start = 0; start <= total; start += BLOCK) {
      const end = Math.min(total, start + BLOCK)
      const last = end === total
      resampleInto(fifo, resampler, options.samples, start, end, codec)
      if (last) resampleInto(fifo, resampler, null, 0, 0, codec)
      sink.drain(fifo, last)
      if (last) break
    }
    sink.finish()
  } finally {
    sink.close()
    fifo.free()
    resampler.free()
  }
}

function resampleInto(
  fifo: AudioFifo,
  resampler: SoftwareResampleContext,
  samples: readonly Float32Array[] | null,
  start: number,
  end: number,
  codec: CodecContext,
): void {
  const room = Math.max(1, resampler.getOutSamples(end - start))
  const channels = codec.channelLayout.nbChannels
  const { sampleFormat } = codec
  const width = sampleFormat === AV_SAMPLE_FMT_S16 || sampleFormat === AV_SAMPLE_FMT_S16P ? 2 : 4
  const planar = [AV_SAMPLE_FMT_FLTP, AV_SAMPLE_FMT_S16P].includes(sampleFormat)
  const output = planar
    ? Array.from({ length: channels }, () => Buffer.alloc(room * width))
    : [Buffer.alloc(room * width * channels)]
  const input =
    samples?.map((plane) => Buffer.from(plane.buffer, plane.byteOffset + start * 4, (end - start) * 4)) ??
    null
  const count = resampler.convertSync(output, room, input, end - start)
  check(count, 'resample')
  if (count > 0) check(fifo.writeSync(output, count), 'queue samples')
}

/** Cuts the queue into frames, encodes them and writes the packets. */
class PacketSink {
  readonly #container: FormatContext
  readonly #codec: CodecContext
  readonly #stream: Stream
  readonly #packet = new Packet()
  #position = 0n

  constructor(container: FormatContext, codec: CodecContext, stream: Stream) {
    this.#container = container
    this.#codec = codec
    this.#stream = stream
    this.#packet.alloc()
  }

  /** Encodes all whole frames; with `last` also the remainder. */
  drain(fifo: AudioFifo, last: boolean): void {
    const size = this.#codec.frameSize > 0 ? this.#codec.frameSize : FREE_FRAME_SIZE
    while (fifo.size >= size || (last && fifo.size > 0)) this.#encode(fifo, Math.min(size, fifo.size))
  }

  finish(): void {
    check(this.#codec.sendFrameSync(null), 'flush encoder')
    this.#writePackets()
    check(this.#container.interleavedWriteFrameSync(null), 'flush container')
  }

  close(): void {
    this.#packet.free()
  }

  #encode(fifo: AudioFifo, count: number): void {
    const frame = new Frame()
    frame.alloc()
    try {
      frame.nbSamples = count
      frame.format = this.#codec.sampleFormat
      frame.channelLayout = this.#codec.channelLayout
      frame.sampleRate = this.#codec.sampleRate
      check(frame.getBuffer(), 'allocate frame')
      const planes = frame.extendedData ?? frame.data
      if (planes === null) throw new Error('frame has no planes')
      check(fifo.readSync(planes, count), 'take samples')
      frame.pts = this.#position
      this.#position += BigInt(count)
      check(this.#codec.sendFrameSync(frame), 'encode')
      this.#writePackets()
    } finally {
      frame.free()
    }
  }

  #writePackets(): void {
    for (;;) {
      const code = this.#codec.receivePacketSync(this.#packet)
      if (code === AVERROR_EAGAIN || code === AVERROR_EOF) return
      check(code, 'receive packet')
      this.#packet.streamIndex = this.#stream.index
      this.#packet.rescaleTs(this.#codec.timeBase, this.#stream.timeBase)
      check(this.#container.interleavedWriteFrameSync(this.#packet), 'write packet')
      this.#packet.unref()
    }
  }
}

function check(code: number, operation: string): void {
  FFmpegError.throwIfError(code, operation)
}
