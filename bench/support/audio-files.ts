import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SAMPLE_RATE, synthesize } from '../../test/support/audio.ts'
import { encodeAudio } from '../../tools/demo/encode.ts'
import { cutAudio } from './cut.ts'

/** Rises when what is made here changes: what an older version left in the cache is not used. */
const VERSION = 1

/** What music libraries hold most of, with the containers FFmpeg writes them in. */
export const FORMATS = {
  mp3: { muxer: 'mp3', bitRate: 256_000 },
  flac: { muxer: 'flac', bitRate: undefined },
  m4a: { muxer: 'ipod', bitRate: 256_000 },
  ogg: { muxer: 'ogg', bitRate: 192_000 },
  opus: { muxer: 'opus', bitRate: 128_000 },
} as const satisfies Record<string, { muxer: string; bitRate: number | undefined }>

export type BenchFormat = keyof typeof FORMATS
export const FORMAT_NAMES = Object.keys(FORMATS) as BenchFormat[]

export interface AudioRequest {
  readonly cacheFolder: string
  /** Length of the one signal all tracks of a format are cut from. */
  readonly sourceSeconds: number
  /** Tracks in all, formats taking turns. */
  readonly tracks: number
  /** Lengths go evenly from the first to the second. */
  readonly seconds: readonly [number, number]
}

export interface AudioSet {
  /** Holds the tracks and nothing else. */
  readonly folder: string
  /** The long files, one for each format. */
  readonly sources: Readonly<Record<BenchFormat, string>>
  readonly tracks: ReadonlyArray<{
    readonly path: string
    readonly format: BenchFormat
    readonly seconds: number
  }>
}

/**
 * Makes tracks that all sound different, or finds them in the cache: one signal is encoded for each format, each track is a
 * stretch of it. A set is moved into the cache whole, so an interrupted run leaves none that is half made.
 */
export function makeAudio(request: AudioRequest): AudioSet {
  const { sourceSeconds, tracks, seconds } = request
  const name = `audio-${VERSION}-${sourceSeconds}-${tracks}-${seconds.join('-')}`
  const folder = join(request.cacheFolder, name)
  const list = join(folder, 'set.json')
  if (!existsSync(list)) {
    const making = join(request.cacheFolder, `${name}.${process.pid}`)
    rmSync(making, { recursive: true, force: true })
    mkdirSync(join(making, 'music'), { recursive: true })
    writeFileSync(join(making, 'set.json'), JSON.stringify(makeSet(making, request)))
    rmSync(folder, { recursive: true, force: true })
    renameSync(making, folder)
  }
  const made = JSON.parse(readFileSync(list, 'utf8')) as Omit<AudioSet, 'folder' | 'sources'>
  const inFolder = (file: string) => join(folder, file)
  return {
    folder: inFolder('music'),
    sources: Object.fromEntries(
      FORMAT_NAMES.map((format) => [format, inFolder(`source.${format}`)]),
    ) as Record<BenchFormat, string>,
    tracks: made.tracks.map((track) => ({ ...track, path: inFolder(track.path) })),
  }
}

function makeSet(folder: string, request: AudioRequest): Pick<AudioSet, 'tracks'> {
  const { sourceSeconds, tracks, seconds } = request
  const samples = synthesize(1, sourceSeconds)
  for (const format of FORMAT_NAMES) {
    const { bitRate } = FORMATS[format]
    const options = {
      samples,
      sampleRate: SAMPLE_RATE,
      format,
      ...(bitRate === undefined ? {} : { bitRate }),
    }
    encodeAudio(join(folder, `source.${format}`), options)
  }
  const [shortest, longest] = seconds
  const share = (n: number) => n / Math.max(1, tracks - 1)
  return {
    tracks: Array.from({ length: tracks }, (_, n) => {
      const format = FORMAT_NAMES[n % FORMAT_NAMES.length] ?? 'mp3'
      const length = shortest + (longest - shortest) * share(n)
      const startSeconds = (sourceSeconds - length) * share(n)
      const path = join('music', `${String(n).padStart(4, '0')}.${format}`)
      cutAudio(join(folder, `source.${format}`), join(folder, path), {
        muxer: FORMATS[format].muxer,
        startSeconds,
        seconds: length,
      })
      return { path, format, seconds: length }
    }),
  }
}
