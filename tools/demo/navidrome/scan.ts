import { readdirSync, statSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import type Database from 'better-sqlite3'
import { AUDIO_EXTENSIONS, hasExtension, isSkippedName } from '../../../src/library/audio-files.ts'
import { parseGoTime } from '../../../src/library/go-time.ts'
import { goNow, goTime } from './ids.ts'
import { readTags, type Tags } from './tags.ts'
import {
  deleteTrack,
  type KnownTrack,
  knownTracks,
  type MusicFile,
  setMissing,
  writeTrack,
} from './tracks.ts'

const BEGIN_SCAN = 'update library set last_scan_started_at = ?, full_scan_in_progress = 0 where id = 1'
const END_SCAN = `update library set last_scan_at = ?, last_scan_started_at = '0001-01-01 00:00:00+00:00',
  total_songs = (select count(*) from media_file where missing = 0), updated_at = ? where id = 1`
const EXTENSIONS = new Set(AUDIO_EXTENSIONS)

export interface ScanResult {
  readonly added: number
  readonly changed: number
  readonly missing: number
  readonly moved: number
}

interface Read {
  readonly id: string | null
  readonly file: MusicFile
  readonly tags: Tags
}

/**
 * One quick scan as Navidrome does it: files that are new or newer than their row are read, rows whose file is gone become
 * missing, and only then a missing row whose persistent id came back elsewhere takes over the new row's place.
 */
export async function scan(database: Database.Database, music: string): Promise<ScanResult> {
  const files = listMusic(music)
  const known = new Map(knownTracks(database).map((track) => [track.path, track]))
  const due = files.filter((file) => isDue(file, known.get(file.path)))
  const here = new Set(files.map(({ path }) => path))
  const gone = [...known.values()].filter(({ path, missing }) => missing === 0 && !here.has(path))
  if (due.length === 0 && gone.length === 0) return { added: 0, changed: 0, missing: 0, moved: 0 }

  database.prepare(BEGIN_SCAN).run(goNow())
  const reads: Read[] = []
  for (const file of due) {
    reads.push({ id: known.get(file.path)?.id ?? null, file, tags: await readTags(join(music, file.path)) })
  }
  database.transaction(() => {
    for (const { id } of gone) setMissing(database, id, true)
    for (const { id, file, tags } of reads) writeTrack(database, id, file, tags)
  })()
  const moved = mergeMoved(database, reads)
  database.prepare(END_SCAN).run(goNow(), goNow())
  const added = reads.filter(({ id }) => id === null).length - moved
  return { added, changed: reads.length - added - moved, missing: gone.length - moved, moved }
}

/** Gives moved tracks their old ids back; returns how many. */
function mergeMoved(database: Database.Database, reads: readonly Read[]): number {
  const rows = knownTracks(database)
  const missing = new Map(rows.filter((row) => row.missing === 1).map((row) => [row.pid, row]))
  const fresh = new Map(rows.filter((row) => row.missing === 0).map((row) => [row.path, row]))
  let moved = 0
  database.transaction(() => {
    for (const { id, file, tags } of reads) {
      const transient = fresh.get(file.path)
      const old = transient === undefined ? undefined : missing.get(transient.pid)
      if (id !== null || transient === undefined || old === undefined) continue
      deleteTrack(database, transient.id)
      writeTrack(database, old.id, file, tags)
      missing.delete(transient.pid)
      moved += 1
    }
  })()
  return moved
}

function isDue(file: MusicFile, known: KnownTrack | undefined): boolean {
  if (known === undefined || known.missing === 1) return true
  const mtime = parseGoTime(goTime(file.mtimeNs)) ?? 0
  return mtime > (parseGoTime(known.updatedAt) ?? 0)
}

function listMusic(music: string): MusicFile[] {
  const entries = readdirSync(music, { recursive: true, withFileTypes: true })
  return entries.flatMap((entry): MusicFile[] => {
    if (!entry.isFile() || isSkippedName(entry.name) || !hasExtension(entry.name, EXTENSIONS)) return []
    const path = join(entry.parentPath, entry.name)
    const stats = statSync(path, { bigint: true, throwIfNoEntry: false })
    if (stats === undefined) return []
    return [
      {
        path: relative(music, path).split(sep).join('/'),
        sizeBytes: Number(stats.size),
        mtimeNs: stats.mtimeNs,
      },
    ]
  })
}
