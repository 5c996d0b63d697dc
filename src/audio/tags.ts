import { basename, extname } from 'node:path'
import { parseFile } from 'music-metadata'
import { errorCode } from '../core/errors.ts'
import type { Attributes } from '../core/track.ts'

/** Longest text kept of one tag, in UTF-16 units. */
const TEXT_MAX = 512

/**
 * What people call the recording in this file, from its tags. Without a title the file's name stands in: "Artist - Title"
 * gives both where the artist is missing too. Texts are trimmed, without control characters, and at most 512 long.
 * Damaged or unknown tags count as none.
 *
 * @throws the file system's error when the file cannot be read.
 */
export async function readTags(path: string, durationSeconds: number | null): Promise<Attributes> {
  const { artist, title, album } = await parseTags(path)
  if (title !== '') return { artist, title, album, durationSeconds }
  const named = fromFileName(path)
  return { artist: artist === '' ? named.artist : artist, title: named.title, album, durationSeconds }
}

async function parseTags(path: string): Promise<{ artist: string; title: string; album: string }> {
  try {
    const { common } = await parseFile(path, { skipCovers: true, duration: false })
    return {
      artist: cleanText(common.artist ?? common.artists?.join(', ') ?? common.albumartist ?? ''),
      title: cleanText(common.title ?? ''),
      album: cleanText(common.album ?? ''),
    }
  } catch (error) {
    // Errors with a code come from the file system, the rest from tags nobody can read.
    if (errorCode(error) !== undefined) throw error
    return { artist: '', title: '', album: '' }
  }
}

/** "Artist - Title.ext", "07 - Title.ext" or "Title.ext". */
export function fromFileName(path: string): { artist: string; title: string } {
  const name = cleanText(basename(path, extname(path)))
  const dash = name.indexOf(' - ')
  if (dash < 0) return { artist: '', title: name }
  const before = name.slice(0, dash).trim()
  const title = name.slice(dash + 3).trim()
  return title === '' ? { artist: '', title: name } : { artist: /^\d*$/.test(before) ? '' : before, title }
}

export function cleanText(text: string): string {
  const plain = text
    .toWellFormed()
    .replaceAll(/\p{Cc}+/gu, ' ')
    .trim()
  return plain.length <= TEXT_MAX
    ? plain
    : plain
        .slice(0, TEXT_MAX)
        .toWellFormed()
        .replace(/\uFFFD$/, '')
        .trim()
}
