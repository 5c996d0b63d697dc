import { basename, extname } from 'node:path'
import { parseFile } from 'music-metadata'

export interface Tags {
  readonly title: string
  readonly artist: string
  readonly album: string
  readonly albumArtist: string
  readonly track: number
  readonly disc: number
  readonly year: number
  readonly genre: string
  /** 0 where the file cannot be read. */
  readonly durationSeconds: number
  readonly bitRate: number
  readonly sampleRate: number
  readonly channels: number
  readonly codec: string
}

/** The file's tags; a file that is no audio after all is called by its name and lasts 0 seconds. */
export async function readTags(path: string): Promise<Tags> {
  const name = basename(path, extname(path))
  try {
    const { common, format } = await parseFile(path, { duration: true, skipCovers: true })
    const artist = common.artist ?? '[Unknown Artist]'
    return {
      title: common.title ?? name,
      artist,
      album: common.album ?? '[Unknown Album]',
      albumArtist: common.albumartist ?? artist,
      track: common.track.no ?? 0,
      disc: common.disk.no ?? 0,
      year: common.year ?? 0,
      genre: common.genre?.[0] ?? '',
      durationSeconds: format.duration ?? 0,
      bitRate: Math.round((format.bitrate ?? 0) / 1000),
      sampleRate: format.sampleRate ?? 0,
      channels: format.numberOfChannels ?? 0,
      codec: format.codec ?? '',
    }
  } catch {
    // The demo shows such files failing: they stay in the library.
    return { ...UNREADABLE, title: name }
  }
}

const UNREADABLE: Omit<Tags, 'title'> = {
  artist: '[Unknown Artist]',
  album: '[Unknown Album]',
  albumArtist: '[Unknown Artist]',
  track: 0,
  disc: 0,
  year: 0,
  genre: '',
  durationSeconds: 0,
  bitRate: 0,
  sampleRate: 0,
  channels: 0,
  codec: '',
}
