import { resolve } from 'node:path'
import {
  AV_LOG_QUIET,
  AVDISCARD_ALL,
  AVERROR_EACCES,
  AVERROR_EAGAIN,
  AVERROR_EBUSY,
  AVERROR_EIO,
  AVERROR_EMFILE,
  AVERROR_ENODEV,
  AVERROR_ENOENT,
  AVERROR_ENOMEM,
  AVERROR_EOF,
  AVERROR_EPERM,
  AVMEDIA_TYPE_AUDIO,
} from 'node-av/constants'
import { Dictionary, FFmpegError, FormatContext, Log, type Packet, type Stream } from 'node-av/lib'
import { PermanentError, type SoundledgerError, TransientError } from '../core/errors.ts'
import { CODEC_WHITELIST, FORMAT_WHITELIST } from './formats.ts'
import { audioEnd } from './trailing-tags.ts'

/** The first audio stream of an open file; pictures and other streams are not read. */
export interface AudioInput {
  readonly path: string
  readonly container: FormatContext
  readonly stream: Stream
  close(): void
}

/** What may pass by itself: the file, the disk or the machine, not the audio in it. */
const TRANSIENT_CODES: ReadonlySet<number> = new Set([
  AVERROR_EACCES,
  AVERROR_EAGAIN,
  AVERROR_EBUSY,
  AVERROR_EIO,
  AVERROR_EMFILE,
  AVERROR_ENODEV,
  AVERROR_ENOENT,
  AVERROR_ENOMEM,
  AVERROR_EPERM,
])

/** The failure that FFmpeg's code stands for; transient or permanent by the code alone. */
export function ffmpegFailure(code: number, operation: string, subject: string): SoundledgerError {
  const details = {
    operation,
    subject,
    message: FFmpegError.strerror(code),
    cause: new FFmpegError(code),
  }
  return TRANSIENT_CODES.has(code)
    ? new TransientError(details)
    : new PermanentError({ ...details, hint: 'damaged, or not an audio format that soundledger reads' })
}

/**
 * Opens a regular file for demultiplexing. FFmpeg may read this file only: no other protocol, no playlist or script
 * format, no decoder but audio decoders. Tags behind the audio are hidden from it.
 *
 * @throws PermanentError when it is no audio file, TransientError when it cannot be read now.
 */
export function openAudio(path: string): AudioInput {
  Log.setLevel(AV_LOG_QUIET)
  const container = new FormatContext()
  const close = (): void => container.closeInputSync()
  const end = audioEnd(path)
  const file = `file:${resolve(path)}`
  const options = Dictionary.fromObject({
    protocol_whitelist: end === null ? 'file' : 'subfile,file',
    format_whitelist: FORMAT_WHITELIST,
    codec_whitelist: CODEC_WHITELIST,
  })
  const url = end === null ? file : `subfile,,start,0,end,${end},,:${file}`
  try {
    const opened = container.openInputSync(url, null, options)
    if (opened < 0) throw ffmpegFailure(opened, 'open audio', path)
    const probed = container.findStreamInfoSync(null)
    if (probed < 0) throw ffmpegFailure(probed, 'open audio', path)
    return { path, container, stream: onlyAudioStream(container, path), close }
  } catch (error) {
    close()
    throw error
  }
}

function onlyAudioStream(container: FormatContext, path: string): Stream {
  const streams = container.streams
  const audio = streams.find((stream) => stream.codecpar.codecType === AVMEDIA_TYPE_AUDIO)
  if (audio === undefined) {
    const found =
      streams.length === 0 ? 'no stream at all' : `${streams.length} stream(s), none of them audio`
    throw new PermanentError({ operation: 'open audio', subject: path, message: `the file holds ${found}` })
  }
  const { sampleRate, channels } = audio.codecpar
  if (sampleRate <= 0 || channels <= 0) {
    // A container that is known by its name only, with nothing recognisable in it.
    const message = `no audio recognised in it: ${sampleRate} Hz, ${channels} channel(s)`
    throw new PermanentError({ operation: 'open audio', subject: path, message })
  }
  for (const stream of streams) if (stream !== audio) stream.discard = AVDISCARD_ALL
  return audio
}

/**
 * Reads the next packet of the audio stream into `packet`, which the caller unrefs. False at the end, and where reading
 * cannot go on: the container is damaged, or a chained Ogg file goes on with another rate or number of channels.
 *
 * @throws TransientError when the disk, not the file's content, is at fault.
 */
export function readAudioPacket(input: AudioInput, packet: Packet): boolean {
  const wanted = input.stream.index
  for (;;) {
    const code = input.container.readFrameSync(packet)
    if (code >= 0) {
      if (packet.streamIndex === wanted) return true
      packet.unref()
      continue
    }
    // Some demultiplexers report a failed read as the end of the file.
    const io = input.container.pb?.error ?? 0
    if (TRANSIENT_CODES.has(io)) throw ffmpegFailure(io, 'read audio', input.path)
    if (code !== AVERROR_EOF && TRANSIENT_CODES.has(code)) throw ffmpegFailure(code, 'read audio', input.path)
    return false
  }
}
