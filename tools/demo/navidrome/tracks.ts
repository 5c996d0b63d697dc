import { posix } from 'node:path'
import type Database from 'better-sqlite3'
import { goNow, goTime, hashId, randomId } from './ids.ts'
import type { Tags } from './tags.ts'

/** A file of the music folder. */
export interface MusicFile {
  /** Relative to the library, with slashes. */
  readonly path: string
  readonly sizeBytes: number
  readonly mtimeNs: bigint
}

export interface KnownTrack {
  readonly id: string
  readonly pid: string
  readonly path: string
  readonly size: number
  readonly updatedAt: string
  readonly missing: number
}

const SELECT_KNOWN =
  'select id, pid, path, size, updated_at as updatedAt, missing from media_file where library_id = 1'
const UPSERT_TRACK = `
  insert into media_file (id, pid, library_id, folder_id, path, title, artist, artist_id, album, album_id, album_artist,
    album_artist_id, order_title, order_artist_name, order_album_name, track_number, disc_number, year, genre, size, suffix,
    duration, bit_rate, sample_rate, channels, codec, missing, tags, participants, lyrics, probe_data, created_at,
    updated_at, birth_time)
  values (@id, @pid, 1, @folderId, @path, @title, @artist, @artistId, @album, @albumId, @albumArtist,
    @albumArtistId, lower(@title), lower(@artist), lower(@album), @track, @disc, @year, @genre, @size, @suffix,
    @duration, @bitRate, @sampleRate, @channels, @codec, 0, @tags, @participants, @lyrics, @probe, @now,
    @updatedAt, @updatedAt)
  on conflict (id) do update set pid = excluded.pid, folder_id = excluded.folder_id, path = excluded.path,
    title = excluded.title, artist = excluded.artist, artist_id = excluded.artist_id, album = excluded.album,
    album_id = excluded.album_id, album_artist = excluded.album_artist, album_artist_id = excluded.album_artist_id,
    order_title = excluded.order_title, order_artist_name = excluded.order_artist_name,
    order_album_name = excluded.order_album_name, track_number = excluded.track_number,
    disc_number = excluded.disc_number, year = excluded.year, genre = excluded.genre, size = excluded.size,
    duration = excluded.duration, bit_rate = excluded.bit_rate, sample_rate = excluded.sample_rate,
    channels = excluded.channels, codec = excluded.codec, missing = 0, tags = excluded.tags,
    participants = excluded.participants, probe_data = excluded.probe_data, updated_at = excluded.updated_at`
const UPSERT_FOLDER = `insert into folder (id, library_id, path, name, parent_id, num_audio_files, updated_at, created_at)
  values (?, 1, ?, ?, ?, 1, ?, ?) on conflict (id) do update set num_audio_files = num_audio_files + 1, missing = 0`
const UPSERT_ARTIST = `insert into artist (id, name, order_artist_name, updated_at, created_at)
  values (?, ?, lower(?), ?, ?) on conflict (id) do nothing`
const UPSERT_ALBUM = `insert into album (id, name, album_artist, album_artist_id, order_album_name, song_count, created_at,
  updated_at, imported_at) values (?, ?, ?, ?, lower(?), 1, ?, ?, ?)
  on conflict (id) do update set song_count = song_count + 1, updated_at = excluded.updated_at`
const INSERT_ROLE = `insert into media_file_artists (media_file_id, artist_id, role) values (?, ?, ?)
  on conflict do nothing`
const UPDATE_MISSING = 'update media_file set missing = ? where id = ?'
const DELETE_TRACK = 'delete from media_file where id = ?'

export function knownTracks(database: Database.Database): KnownTrack[] {
  return database.prepare<[], KnownTrack>(SELECT_KNOWN).all()
}

/** What stays the same when a track is moved: its place on its album, and its title. */
export function persistentId(tags: Tags): string {
  return hashId(albumId(tags), String(tags.disc), String(tags.track), tags.title)
}

/** Writes one track with its folder, album and artists; a null id makes a new track. Returns its id. */
export function writeTrack(
  database: Database.Database,
  id: string | null,
  file: MusicFile,
  tags: Tags,
): string {
  const trackId = id ?? randomId()
  const now = goNow()
  const artistId = hashId(tags.artist.toLowerCase())
  const albumArtistId = hashId(tags.albumArtist.toLowerCase())
  const folder = posix.dirname(file.path)
  database
    .prepare(UPSERT_FOLDER)
    .run(
      hashId('1:', folder),
      posix.dirname(folder),
      posix.basename(folder),
      hashId('1:', posix.dirname(folder)),
      now,
      now,
    )
  const artist = database.prepare(UPSERT_ARTIST)
  artist.run(artistId, tags.artist, tags.artist, now, now)
  artist.run(albumArtistId, tags.albumArtist, tags.albumArtist, now, now)
  database
    .prepare(UPSERT_ALBUM)
    .run(albumId(tags), tags.album, tags.albumArtist, albumArtistId, tags.album, now, now, now)
  database.prepare(UPSERT_TRACK).run({
    ...tags,
    id: trackId,
    pid: persistentId(tags),
    folderId: hashId('1:', folder),
    path: file.path,
    artistId,
    albumId: albumId(tags),
    albumArtistId,
    size: file.sizeBytes,
    suffix: posix.extname(file.path).slice(1).toLowerCase(),
    duration: tags.durationSeconds,
    tags: JSON.stringify({ title: [{ value: tags.title }], genre: [{ value: tags.genre }] }),
    participants: JSON.stringify({
      artist: [{ id: artistId, name: tags.artist, orderArtistName: tags.artist.toLowerCase() }],
      albumartist: [
        { id: albumArtistId, name: tags.albumArtist, orderArtistName: tags.albumArtist.toLowerCase() },
      ],
    }),
    lyrics: JSON.stringify([{ lang: 'xxx', line: LINES, synced: false }]),
    probe: JSON.stringify({
      streams: [{ codec_name: tags.codec, sample_rate: tags.sampleRate, channels: tags.channels }],
    }),
    now,
    updatedAt: goTime(file.mtimeNs),
  })
  const role = database.prepare(INSERT_ROLE)
  role.run(trackId, artistId, 'artist')
  role.run(trackId, albumArtistId, 'albumartist')
  return trackId
}

export function setMissing(database: Database.Database, id: string, missing: boolean): void {
  database.prepare(UPDATE_MISSING).run(missing ? 1 : 0, id)
}

export function deleteTrack(database: Database.Database, id: string): void {
  database.prepare(DELETE_TRACK).run(id)
}

function albumId(tags: Tags): string {
  return hashId(tags.albumArtist.toLowerCase(), tags.album.toLowerCase())
}

/** Lyrics make a row as wide as real ones are: some 3 kB. */
const LINES = Array.from({ length: 60 }, (_, line) => ({
  value: `la la la, this is line ${line + 1} of the song`,
}))
