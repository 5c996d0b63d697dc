import type { SnapshotRow } from '../core/track.ts'
import { FolderLibrary } from './folders.ts'
import { NavidromeLibrary } from './navidrome.ts'

/** A place that could not be read and why. */
export interface Unreadable {
  readonly path: string
  readonly cause: string
}

/** The source of truth. Synchronous: it lives in a worker thread. Every method may throw Transient- or PermanentError. */
export interface LibrarySource {
  readonly kind: 'folders' | 'navidrome'
  /** Absolute roots as this machine sees them. */
  roots(): readonly string[]
  /**
   * Changes whenever the library changed; equal before and after a snapshot = the snapshot is consistent. '' where it
   * cannot be known (folders). Means nothing to another process or after a restart.
   */
  version(): string
  /**
   * All rows in pages of at most `pageSize` (default 1000) by key. Every read transaction ends before its page is
   * yielded. Only the newest snapshot of a source may be iterated.
   */
  snapshot(options?: SnapshotOptions): Iterable<SnapshotRow[]>
  /**
   * What could not be read in the last snapshot, each with its cause: folders, roots that are absent or held no audio
   * file, and single files or rows that cannot be represented. Tracks at or below these paths must not be taken for
   * deleted. Complete only when the snapshot was iterated to its end.
   */
  unreadable(): readonly Unreadable[]
  /** Whether the library still has this id and does not call it missing. Always false for folders: they have no ids. */
  isAvailable(libraryId: string): boolean
  /** The table that rows come from, for whoever reads the write-ahead log; null for folders. */
  readonly table: FollowedTable | null
  /** True while the server scans: what it calls missing may only not have been reached yet. */
  scanning(): boolean
  /** May be called twice. */
  close(): void
}

/** What it takes to tell from a database's write-ahead log which rows of a table may have changed. */
export interface FollowedTable {
  /** The connection to the file as it is now; only for short reads. Throws what opening throws. */
  connection(): SqlConnection
  readonly walPath: string
  readonly table: string
  /** Tables of few rows that change the meaning of all others, with what matters of them. */
  readonly smallTables: ReadonlyArray<{ readonly table: string; readonly query: string }>
}

export interface SqlConnection {
  prepare(sql: string): { get(...parameters: unknown[]): unknown; all(...parameters: unknown[]): unknown[] }
}

export interface SnapshotOptions {
  /** Upper bound of rows in a page; at least 1. */
  readonly pageSize?: number
  /** Only rows that the library's table keeps here; folders, which have no table, ignore it. Default: all. */
  readonly rowids?: RowidRange
}

/** Both ends included. */
export interface RowidRange {
  readonly first: number
  readonly last: number
}

export interface FolderOptions {
  readonly kind: 'folders'
  readonly roots: readonly string[]
  /** Lower-case extensions without dot; default `AUDIO_EXTENSIONS`. */
  readonly extensions?: readonly string[]
  /** Enter folders behind symbolic links, also where they lead out of the roots; default true. Links to files count always. */
  readonly followSymlinks?: boolean
  /** A file that changed less than this long ago is not settled; default 0: all files are. */
  readonly settleMs?: number
}

export interface PathMapping {
  /** A folder as the server sees it. */
  readonly from: string
  /** The same folder as this machine sees it. */
  readonly to: string
}

export interface NavidromeOptions {
  readonly kind: 'navidrome'
  /** Path of `navidrome.db`. */
  readonly database: string
  /** The longest matching `from` wins. */
  readonly pathMap: readonly PathMapping[]
  /** False leaves every row's `file` null. */
  readonly statFiles: boolean
}

/** Plain values, so that they can be posted to a worker thread. */
export type LibraryOptions = FolderOptions | NavidromeOptions

/**
 * Opens the library. Throws TransientError where waiting may help (not mounted yet, locked, server not started),
 * PermanentError where a person has to change something; both name path, cause and remedy.
 */
export function openLibrary(options: LibraryOptions): LibrarySource {
  return options.kind === 'folders' ? new FolderLibrary(options) : new NavidromeLibrary(options)
}
