/** soundledger's own stable name for one playable recording: 32 lower-case hex digits, never reused. */
export type TrackKey = string

/** What tells one state of a file from another without opening it. */
export interface FileStat {
  readonly sizeBytes: number
  readonly mtimeNs: bigint
}

/** What people call a track. Changing it never changes an embedding. */
export interface Attributes {
  readonly artist: string
  readonly title: string
  readonly album: string
  readonly durationSeconds: number | null
}

/** What the library says of one track, together with what the file system says of its file. */
export interface SnapshotRow {
  /** The library's own id (Navidrome's `media_file.id`); null where the library is just folders. */
  readonly libraryId: string | null
  /** Where the library's table keeps the row now; it may change without the track changing. Null where there is no table. */
  readonly libraryRowid: number | null
  /** Absolute, as this machine sees it (after path mapping). */
  readonly path: string
  /** False when the library itself says that the track is missing. */
  readonly available: boolean
  /** Null when the file cannot be stat'ed from here. */
  readonly file: FileStat | null
  /** False while the file may still be being written: nothing is decided about it yet. */
  readonly settled: boolean
  /** Null when only the file's tags can tell. */
  readonly attributes: Attributes | null
}

export type TrackState = 'present' | 'missing'

/** What the ledger remembers of one track. */
export interface LedgerTrack {
  /** Ledger row id. */
  readonly id: number
  readonly key: TrackKey
  readonly libraryId: string | null
  readonly libraryRowid: number | null
  readonly path: string
  /** The file as it was last seen; null when it never could be stat'ed. */
  readonly file: FileStat | null
  /** Audio fingerprint of the last successful inspection; null before the first one. */
  readonly fingerprint: string | null
  /** Length of the audio as its packets tell, in seconds; null before the first inspection. What tags claim may be wrong. */
  readonly audioSeconds: number | null
  readonly attributes: Attributes
  readonly state: TrackState
  /** Epoch ms; null while present. */
  readonly missingSince: number | null
}

export function sameFile(a: FileStat | null, b: FileStat | null): boolean {
  return a !== null && b !== null && a.sizeBytes === b.sizeBytes && a.mtimeNs === b.mtimeNs
}

/** Whether `now` says something new; a duration that the library does not know is no news. */
export function sameAttributes(now: Attributes, known: Attributes): boolean {
  return (
    now.artist === known.artist &&
    now.title === known.title &&
    now.album === known.album &&
    (now.durationSeconds === null || now.durationSeconds === known.durationSeconds)
  )
}

/**
 * "artist - title" as the readers of older collections know it: bullets become ampersands, slashes underscores.
 * Not unique.
 */
export function displayName(attributes: Attributes): string {
  return `${attributes.artist} - ${attributes.title}`.replaceAll('•', '&').replaceAll(/[/\\]/g, '_')
}

/** The id that callers see: the library's where there is one, else the track key. */
export function publicId(track: Pick<LedgerTrack, 'libraryId' | 'key'>): string {
  return track.libraryId ?? track.key
}
