import { resolve } from 'node:path'
import { AV_LOG_QUIET, AVERROR_EOF } from 'node-av/constants'
import { FFmpegError, FormatContext, Log, Packet, Rational } from 'node-av/lib'

/**
 * Copies a stretch of an audio file's packets into a new file of the same container, without encoding anything: another
 * sound for the price of copying. Cuts at packets, so the length may differ by a few hundredths of a second.
 *
 * @throws FFmpegError when a file cannot be read or written.
 */
export function cutAudio(
  from: string,
  to: string,
  options: { readonly muxer: string; readonly startSeconds: number; readonly seconds: number },
): void {
  Log.setLevel(AV_LOG_QUIET)
  const input = new FormatContext()
  const output = new FormatContext()
  try {
    check(input.openInputSync(`file:${resolve(from)}`, null, null), `open ${from}`)
    check(input.findStreamInfoSync(null), `read ${from}`)
    const [source] = input.streams
    if (source === undefined) throw new Error(`${from} holds no stream`)
    check(output.allocOutputContext2(null, options.muxer, `file:${resolve(to)}`), `create ${to}`)
    const target = output.newStream()
    check(source.codecpar.copy(target.codecpar), 'copy parameters')
    target.codecpar.codecTag = 0
    target.timeBase = new Rational(source.timeBase.num, source.timeBase.den)
    check(output.openOutputSync(), `open ${to}`)
    check(output.writeHeaderSync(), `write ${to}`)
    copyPackets(input, output, options)
    check(output.writeTrailerSync(), `finish ${to}`)
  } finally {
    output.closeOutputSync()
    output.freeContext()
    input.closeInputSync()
  }
}

function copyPackets(
  input: FormatContext,
  output: FormatContext,
  { startSeconds, seconds }: { readonly startSeconds: number; readonly seconds: number },
): void {
  const [source] = input.streams
  const [target] = output.streams
  if (source === undefined || target === undefined) throw new Error('there is no stream to copy')
  const { num, den } = source.timeBase
  const end = ((startSeconds + seconds) * den) / num
  const start = (startSeconds * den) / num
  const packet = new Packet()
  packet.alloc()
  let origin: bigint | null = null
  try {
    for (;;) {
      const code = input.readFrameSync(packet)
      if (code === AVERROR_EOF) return
      check(code, 'read packet')
      const at = Number(packet.pts)
      if (at >= end) return
      if (at >= start) {
        origin ??= packet.pts
        packet.pts -= origin
        packet.dts -= origin
        packet.streamIndex = 0
        packet.rescaleTs(source.timeBase, target.timeBase)
        check(output.interleavedWriteFrameSync(packet), 'write packet')
      }
      packet.unref()
    }
  } finally {
    packet.free()
  }
}

function check(code: number, operation: string): void {
  FFmpegError.throwIfError(code, operation)
}
