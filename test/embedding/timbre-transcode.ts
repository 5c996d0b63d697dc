import {
  AV_CHANNEL_LAYOUT_MONO,
  AV_SAMPLE_FMT_FLTP,
  Codec,
  CodecContext,
  FF_DECODER_MP3FLOAT,
  FF_ENCODER_LIBMP3LAME,
  FFmpegError,
  Frame,
  Packet,
  Rational,
} from 'node-av'

const sampleRate = 22_050
const timeBase = new Rational(1, sampleRate)

function open(codec: Codec | null, set: (context: CodecContext) => void): CodecContext {
  if (codec === null) throw new Error('FFmpeg was built without this codec')
  const context = new CodecContext()
  context.allocContext3(codec)
  context.sampleRate = sampleRate
  context.sampleFormat = AV_SAMPLE_FMT_FLTP
  context.channelLayout = AV_CHANNEL_LAYOUT_MONO
  set(context)
  FFmpegError.throwIfError(context.open2Sync(codec, null), 'open codec')
  return context
}

/** Sends one input (null ends the stream) and calls `each` for every output that is then ready. */
function pump(send: () => number, receive: () => number, each: () => void): void {
  FFmpegError.throwIfError(send(), 'send')
  while (receive() >= 0) each()
}

/** Mono samples at 22,050 Hz through 64 kbit/s MP3 and back; as many samples as went in. */
export function throughMp3(samples: Float32Array): Float32Array {
  const encoder = open(Codec.findEncoderByName(FF_ENCODER_LIBMP3LAME), (context) => {
    context.timeBase = timeBase
    context.bitRate = 64_000n
  })
  const decoder = open(Codec.findDecoderByName(FF_DECODER_MP3FLOAT), (context) => {
    context.pktTimebase = timeBase
  })
  const packet = new Packet()
  packet.alloc()
  const decoded = new Frame()
  decoded.alloc()
  const pieces: Float32Array[] = []

  const keepDecoded = () => {
    const plane = decoded.data?.[0]
    if (plane === undefined) throw new Error('the decoder gave a frame without data')
    pieces.push(new Float32Array(new Uint8Array(plane).buffer, 0, decoded.nbSamples))
  }
  const decode = (input: Packet | null) =>
    pump(
      () => decoder.sendPacketSync(input),
      () => decoder.receiveFrameSync(decoded),
      keepDecoded,
    )
  const encode = (input: Frame | null) =>
    pump(
      () => encoder.sendFrameSync(input),
      () => encoder.receivePacketSync(packet),
      () => decode(packet),
    )

  for (let start = 0; start < samples.length; start += encoder.frameSize) {
    const part = samples.slice(start, start + encoder.frameSize)
    const frame = Frame.fromAudioBuffer(Buffer.from(part.buffer), {
      nbSamples: part.length,
      format: AV_SAMPLE_FMT_FLTP,
      sampleRate,
      channelLayout: AV_CHANNEL_LAYOUT_MONO,
      timeBase,
      pts: BigInt(start),
    })
    encode(frame)
    frame.free()
  }
  encode(null)
  decode(null)
  for (const owned of [packet, decoded]) owned.free()
  for (const owned of [encoder, decoder]) owned.freeContext()

  const sound = new Float32Array(samples.length)
  let at = 0
  for (const part of pieces) {
    sound.set(part.subarray(0, Math.max(0, sound.length - at)), Math.min(at, sound.length))
    at += part.length
  }
  return sound
}
