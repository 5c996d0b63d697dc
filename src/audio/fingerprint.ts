import { createHash, type Hash } from 'node:crypto'
import { AV_CODEC_ID_FLAC, AV_CODEC_ID_MP3, AV_CODEC_ID_VORBIS, AV_CODEC_ID_WAVPACK } from 'node-av/constants'
import { avGetCodecName, type CodecParameters, Packet } from 'node-av/lib'
import { PermanentError } from '../core/errors.ts'
import { type AudioInput, openAudio, readAudioPacket } from './ffmpeg.ts'
import { xiphHeaders } from './xiph.ts'

export interface AudioFingerprint {
  /** Lower-case hex SHA-256. */
  readonly fingerprint: string
  readonly durationSeconds: number
  /** FFmpeg's name of the codec: "flac", "mp3", "vorbis". */
  readonly codec: string
  readonly packets: number
  /** Encoded bytes of the audio stream. */
  readonly bytes: number
}

/** Changes whenever what is hashed changes: then every fingerprint is a new one. */
const SCHEME = 'soundledger-fingerprint-1'
/** Packets are gathered up to this size: hashing many small ones one by one is slow. */
const BATCH_BYTES = 256 * 1024

/**
 * Hash over the codec, its parameters and every encoded packet of the first audio stream, in order. Tags, cover art,
 * padding and the place of the audio in the file do not enter, so rewriting tags leaves it equal; any changed byte of
 * encoded audio changes it. Reads the whole file once, in small pieces, without decoding.
 *
 * @throws PermanentError when the file holds no audio, TransientError when it cannot be read now.
 */
export function fingerprintAudio(path: string): AudioFingerprint {
  const input = openAudio(path)
  const packet = new Packet()
  packet.alloc()
  try {
    const parameters = input.stream.codecpar
    const codec = avGetCodecName(parameters.codecId) ?? `codec ${parameters.codecId}`
    const hash = createHash('sha256')
    hash.update(describeParameters(codec, parameters))
    for (const bytes of codecSetup(parameters)) hash.update(bytes)
    const { packets, bytes, durationSeconds } = hashPackets(input, packet, hash)
    if (packets === 0) {
      throw new PermanentError({
        operation: 'fingerprint audio',
        subject: path,
        message: `the ${codec} stream holds no packet`,
      })
    }
    return { fingerprint: hash.digest('hex'), durationSeconds, codec, packets, bytes }
  } finally {
    packet.free()
    input.close()
  }
}

function describeParameters(codec: string, parameters: CodecParameters): string {
  return `${SCHEME}\n${codec}\n${parameters.sampleRate}\n${parameters.channels}\n${parameters.channelLayout.mask}\n`
}

/**
 * The codec's setup data as far as the sound depends on it and tags do not. Vorbis keeps its comments between its two
 * other headers; FLAC's (inside Matroska) may hold comments and pictures, and its frames describe themselves.
 */
function codecSetup(parameters: CodecParameters): Buffer[] {
  const extradata = parameters.extradata
  if (extradata === null || extradata === undefined) return []
  switch (parameters.codecId) {
    case AV_CODEC_ID_FLAC:
    case AV_CODEC_ID_MP3:
    case AV_CODEC_ID_WAVPACK:
      return []
    case AV_CODEC_ID_VORBIS: {
      const headers = xiphHeaders(extradata)
      return headers === null ? [] : [headers.identification, headers.setup]
    }
    default:
      return [extradata]
  }
}

interface PacketTotals {
  readonly packets: number
  readonly bytes: number
  readonly durationSeconds: number
}

function hashPackets(input: AudioInput, packet: Packet, hash: Hash): PacketTotals {
  const batch = Buffer.allocUnsafe(BATCH_BYTES)
  let filled = 0
  let packets = 0
  let bytes = 0
  const clock = new PacketClock()
  while (readAudioPacket(input, packet)) {
    const data = packet.data
    packets += 1
    clock.add(packet)
    if (data !== null) {
      bytes += data.length
      if (filled + data.length > BATCH_BYTES) {
        hash.update(batch.subarray(0, filled))
        filled = 0
      }
      if (data.length > BATCH_BYTES) hash.update(data)
      else filled += data.copy(batch, filled)
    }
    packet.unref()
  }
  hash.update(batch.subarray(0, filled))
  return { packets, bytes, durationSeconds: clock.seconds(input) }
}

/** Adds up how long packets play; where some do not say, the span of their time stamps counts instead. */
class PacketClock {
  #sum = 0
  #unknown = false
  #first: number | null = null
  #end = 0

  add(packet: Packet): void {
    const duration = Number(packet.duration)
    if (duration > 0) this.#sum += duration
    else this.#unknown = true
    const pts = Number(packet.pts)
    if (pts < -Number.MAX_SAFE_INTEGER) return
    this.#first ??= pts
    this.#end = Math.max(this.#end, pts + Math.max(0, duration))
  }

  seconds(input: AudioInput): number {
    const { num, den } = input.stream.timeBase
    const ticks = this.#unknown ? Math.max(this.#sum, this.#end - (this.#first ?? 0)) : this.#sum
    const seconds = (ticks * num) / den
    if (seconds > 0) return seconds
    const stated = Number(input.container.duration) / 1e6
    return Math.max(stated, 0)
  }
}
